"""Doing commands: each once per key, those of one account together in one transaction, each able to fail alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from closeout.venues.base import Command, Receipt, ReceiptState, Rejected, Remedy
from closeout.venues.sandbox import doing, receipts, settling
from closeout.venues.sandbox.ledger import Cursor, Work, rejection

Connection = psycopg.Connection[Any]
Keyed = tuple[str, Command]

TOGETHER_MAX = 100  # commands in one transaction: locks are held no longer than that takes
DEADLOCK_TRIES = 8


def groups(commands: Sequence[Keyed]) -> Iterator[list[Keyed]]:
    """Yield runs of commands for the same account, in order, none longer than a transaction should be."""
    for _, run in itertools.groupby(commands, key=lambda keyed: keyed[1].account_id):
        together = list(run)
        for first in range(0, len(together), TOGETHER_MAX):
            yield together[first : first + TOGETHER_MAX]


def submit(connection: Connection, commands: Sequence[Keyed]) -> list[Receipt]:
    """Do ``commands`` of one account in one transaction; start again if another transaction was in the way.

    Raises: Rejected("key_reused"), psycopg.Error.
    """
    for _ in range(DEADLOCK_TRIES - 1):
        try:
            return _together(connection, commands)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            continue
    return _together(connection, commands)


def _together(connection: Connection, commands: Sequence[Keyed]) -> list[Receipt]:
    with connection.transaction(), connection.cursor() as cursor:
        states = doing.lock(cursor, [command for _, command in commands])
        done = [_one(connection, cursor, states, keyed) for keyed in commands]
    if any(command.kind is Remedy.CANCEL_ORDERS for _, command in commands):
        settling.bots_answer(connection, commands[0][1].account_id)
    return done


def _one(connection: Connection, cursor: Cursor, states: dict[int, str], keyed: Keyed) -> Receipt:
    key, command = keyed
    if not doing.legible(key, command):  # nothing of it can be stored, a receipt neither
        return Receipt(key, ReceiptState.REJECTED, settling.now(cursor), "not_found")
    claimed = receipts.claim(cursor, key, command)
    if isinstance(claimed, Receipt):
        return claimed
    work = Work(cursor, claimed, command.account_id, str(command.kind), "engine", key)
    try:
        doing.admit(states, command)
        with connection.transaction():
            doing.DO[command.kind](work, command)
    except Rejected as rejected:
        return receipts.reject(cursor, key, rejected)
    except psycopg.Error as error:
        refused = rejection(error)
        if refused is None:
            raise
        return receipts.reject(cursor, key, refused)
    doing.ended(states, command)
    return receipts.finish(cursor, key, work)

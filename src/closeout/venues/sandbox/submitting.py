"""Doing commands: each once per key, those of one account together in one transaction, each able to fail alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import psycopg

from closeout.venues.base import Act, Command, Receipt, ReceiptState, Rejected, Remedy
from closeout.venues.sandbox import doing, receipts, settling
from closeout.venues.sandbox.ledger import Work, rejection
from closeout.venues.sandbox.receipts import Keyed

Connection = psycopg.Connection[Any]

TOGETHER_MAX = 100  # commands in one transaction: locks are held no longer than that takes
STEP_MAX = 10  # where somebody watches: so many are answered at a time
DEADLOCK_TRIES = 8


def groups(commands: Sequence[Keyed], *, most: int = TOGETHER_MAX) -> Iterator[list[Keyed]]:
    """Yield runs of commands for the same account, in order, none longer than a transaction should be.

    Erasing stands alone: it empties what earlier receipts say.
    """
    for _, run in itertools.groupby(
        commands, key=lambda keyed: (keyed[1].account_id, keyed[1].kind is Act.ERASE)
    ):
        together = list(run)
        for first in range(0, len(together), most):
            yield together[first : first + most]


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


class _Refused(Exception):
    """One of several commands was refused after it may have written something."""


def _together(connection: Connection, commands: Sequence[Keyed]) -> list[Receipt]:
    """Do ``commands`` without a savepoint each; where one is refused, all over again with them, so that it is alone."""
    try:
        done = _attempt(connection, commands, apart=False)
    except _Refused:
        done = _attempt(connection, commands, apart=True)
    if any(command.kind is Remedy.CANCEL_ORDERS for _, command in commands):
        settling.bots_answer(connection, commands[0][1].account_id)
    return done


def _attempt(connection: Connection, commands: Sequence[Keyed], *, apart: bool) -> list[Receipt]:
    with connection.transaction(), connection.cursor() as cursor:
        states = doing.lock(cursor, [command for _, command in commands])
        readable = [keyed for keyed in commands if doing.legible(*keyed)]
        claimed, answers = receipts.claim(cursor, readable)
        now = claimed or settling.now(cursor)
        fresh: list[Receipt] = []
        for key, command in readable:
            if key not in answers:
                work = Work(cursor, now, command.account_id, str(command.kind), "engine", key)
                answers[key] = _one(connection, states, work, command, apart=apart)
                fresh.append(answers[key])
        receipts.write(cursor, fresh)
    # Of what cannot be read nothing can be stored, a receipt neither.
    return [answers.get(key) or Receipt(key, ReceiptState.REJECTED, now, "not_found") for key, _ in commands]


def _one(
    connection: Connection, states: dict[int, str], work: Work, command: Command, *, apart: bool
) -> Receipt:
    key = work.key or ""
    try:
        doing.admit(states, command)
    except Rejected as why:
        return receipts.rejected(key, work.now, why)
    try:
        with connection.transaction() if apart else nullcontext():
            doing.DO[command.kind](work, command)
    except (Rejected, psycopg.Error) as error:
        no = rejection(error) if isinstance(error, psycopg.Error) else error
        if no is None:
            raise
        if not apart:
            raise _Refused from error
        return receipts.rejected(key, work.now, no)
    doing.ended(states, command)
    return receipts.done(key, work.now, work)

"""Erasure across systems: each is asked until it answers with a receipt, none waits for another. Mostly pure.

The keyring is the ledger of erasures (:meth:`Vault.erasures`). A database that was restored from a backup is older
than that ledger: :func:`behind` names what it must forget again, and :func:`guard` refuses to serve until then.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import psycopg
from psycopg.rows import tuple_row

from closeout.records.statement import canonical, moment
from closeout.records.vault import Destroyed, Vault

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
ALARM_AFTER = timedelta(days=3)  # a system that has not erased by then needs a person
CHUNK = 10_000


class NotYet(Exception):
    """The system did not answer, or has accepted and is still at work: ask again later with the same key."""


class Stuck(Exception):
    """The system refused, and will again: a person must look. Other systems go on."""


class Behind(Exception):
    """This database is older than the ledger of erasures. ``count`` erasures must be applied again first."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"this database has not seen {count} erasures: it was restored from a backup; "
            "run `closeout erasure reapply` before it serves"
        )
        self.count = count


@dataclass(frozen=True)
class Receipt:
    """One system's word that it erased one subject, the same whenever it is asked with the same key."""

    system: str
    subject: str
    key: str
    at: datetime
    digest: str


class System(Protocol):
    """A place that holds data of a person. ``name`` is its name in receipts."""

    name: str

    def erase(self, subject: str, key: str, at: datetime) -> Receipt:
        """Erase all of ``subject``. Idempotent per ``key``. Raises: NotYet, Stuck."""


@dataclass(frozen=True)
class Step:
    """Where the erasure stands at one system. Done when there is a receipt."""

    system: str
    tries: int = 0
    due_at: datetime | None = None
    receipt: Receipt | None = None
    fault: str = ""

    @property
    def stuck(self) -> bool:
        """Say whether a person must look."""
        return self.fault.startswith("stuck:")


def key_of(subject: str, system: str) -> str:
    """Return the idempotency key of one erasure at one system: known without any record of it."""
    return hashlib.sha256(canonical(["closeout.erasure", subject, system])).hexdigest()[:32]


def wait_after(tries: int) -> timedelta:
    """Return how long to wait after so many tries: a minute, doubling, six hours at most."""
    return min(FIRST_WAIT * (1 << min(max(tries - 1, 0), 20)), LONGEST_WAIT)


def advance(subject: str, steps: Iterable[Step], systems: Mapping[str, System], now: datetime) -> list[Step]:
    """Try every step that is due and not done; return all steps as they stand then. ``now``: naive UTC.

    A failure of one system changes only its own step. Safe to repeat: receipts are asked for with the same key.
    """
    return [_try(subject, step, systems[step.system], now) for step in steps]


def _try(subject: str, step: Step, system: System, now: datetime) -> Step:
    if step.receipt is not None or step.stuck or (step.due_at is not None and step.due_at > now):
        return step
    try:
        receipt = system.erase(subject, key_of(subject, system.name), now)
    except NotYet as wrong:
        tries = step.tries + 1
        return Step(step.system, tries, now + wait_after(tries), None, f"not yet: {wrong}")
    except Stuck as wrong:
        return Step(step.system, step.tries + 1, None, None, f"stuck: {wrong}")
    return Step(step.system, step.tries + 1, None, receipt)


def done(steps: Sequence[Step]) -> bool:
    """Say whether every system has given its receipt."""
    return all(step.receipt is not None for step in steps)


@dataclass(frozen=True)
class Answer:
    """What an HTTP system answered: status code and body."""

    status: int
    body: bytes


Post = Callable[
    [str, Mapping[str, str], bytes], Answer
]  # address, headers, body; raises NotYet without an answer


@dataclass(frozen=True)
class HttpSystem:
    """An outside system: a signed POST in the Standard Webhooks form, answered 200 (receipt), 202 (wait) or refused.

    ``post`` does the request, so that addresses, time limits and proxies are decided in one place.
    """

    name: str
    address: str
    secret: bytes
    post: Post

    def erase(self, subject: str, key: str, at: datetime) -> Receipt:
        """Ask for the erasure, or how it stands: the same request. Raises: NotYet, Stuck."""
        body = canonical({"type": "person.erase", "subject": subject, "key": key, "asked_at": moment(at)})
        answer = self.post(self.address, signed(body, key=key, secret=self.secret, at=at), body)
        if answer.status in {202, 429} or answer.status >= 500:
            raise NotYet(f"{self.name} answered {answer.status}")
        if answer.status != 200:
            raise Stuck(f"{self.name} answered {answer.status}")
        return self._receipt(subject, key, answer.body)

    def _receipt(self, subject: str, key: str, body: bytes) -> Receipt:
        try:
            said = json.loads(body)
            erased_at = datetime.fromisoformat(str(said["erased_at"]).removesuffix("Z"))
            same = said["subject"] == subject and said["key"] == key and erased_at.tzinfo is None
        except (ValueError, KeyError, TypeError) as wrong:
            raise Stuck(f"{self.name} answered 200 without a receipt") from wrong
        if not same:
            raise Stuck(f"{self.name} answered with the receipt of somebody else")
        return Receipt(self.name, subject, key, erased_at, hashlib.sha256(body).hexdigest())


def signed(body: bytes, *, key: str, secret: bytes, at: datetime) -> dict[str, str]:
    """Return the headers that sign ``body``. Source: Standard Webhooks, symmetric signature v1."""
    seconds = str(int((at - datetime(1970, 1, 1)).total_seconds()))
    said = f"{key}.{seconds}.".encode() + body
    mark = base64.b64encode(hmac.digest(secret, said, "sha256")).decode()
    return {
        "content-type": "application/json",
        "idempotency-key": key,
        "webhook-id": key,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{mark}",
    }


def mark_applied(cursor: psycopg.Cursor[Any], receipts: Sequence[Destroyed], at: datetime) -> None:
    """Note in this database that it has forgotten these subjects, in the transaction that forgot them."""
    cursor.execute(
        "insert into audit.erasure_applied (number, applied_at) select n, %s from unnest(%s::bigint[]) as given (n)"
        " on conflict do nothing",
        (at, [receipt.number for receipt in receipts]),
    )


def behind(connection: psycopg.Connection[Any], vault: Vault) -> list[Destroyed]:
    """Return the erasures that this database has not seen, in order."""
    missing: list[Destroyed] = []
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("select count(*) from audit.erasure_applied")
        (seen_count,) = cursor.fetchone() or (0,)
        if seen_count >= vault.erasure_count():
            return missing  # what is noted here is never more than what the ledger has
        ledger = vault.erasures()
        for begin in range(0, len(ledger), CHUNK):
            chunk = ledger[begin : begin + CHUNK]
            cursor.execute(
                "select number from audit.erasure_applied where number = any(%s)",
                ([receipt.number for receipt in chunk],),
            )
            seen = {number for (number,) in cursor.fetchall()}
            missing += [receipt for receipt in chunk if receipt.number not in seen]
    return missing


def guard(connection: psycopg.Connection[Any], vault: Vault) -> None:
    """Refuse to serve on a database that is older than its ledger of erasures. Raises: Behind."""
    missing = behind(connection, vault)
    if missing:
        raise Behind(len(missing))


def reapply(
    connection: psycopg.Connection[Any],
    vault: Vault,
    forget: Callable[[psycopg.Cursor[Any], Sequence[str]], None],
    at: datetime,
) -> list[Destroyed]:
    """Forget again whom this database should have forgotten; return whom. Idempotent; one transaction a chunk.

    ``forget(cursor, subjects)`` removes what the data tables hold; their keys are gone already.
    """
    missing = behind(connection, vault)
    for begin in range(0, len(missing), CHUNK):
        chunk = missing[begin : begin + CHUNK]
        with connection.transaction(), connection.cursor() as cursor:
            forget(cursor, [receipt.subject for receipt in chunk])
            mark_applied(cursor, chunk, at)
    return missing

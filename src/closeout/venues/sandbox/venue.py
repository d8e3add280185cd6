"""The sandbox exchange as a venue: commands exactly once, quotes, facts, receipts, records.

What each kind of command carries is written in the constructors of :mod:`closeout.venues.commands`. The sandbox
also understands:

=================  ====================================================================================
kind               beyond the constructors
=================  ====================================================================================
revoke_key         several ``items``
stop_renewal       several ``items``
unbind             several ``items``
gather             ``asset`` None: every asset of the wallet; ``params.to_wallet`` (default ``funding``)
convert            ``amount`` None: all of funding; ``notes``: price, fee
withdraw           ``amount`` None: all, or as much as the daily limit leaves for now; PENDING;
                   ``notes``: transfer (its number in the facts), final_at
send, donate,      ``amount`` None: all that is available; ``params.wallet`` (default ``funding``);
forfeit            at most 5 USDT each may be forfeited; what has no price has no such limit
repay_loan         ``notes``: principal, interest
close_position     PENDING with ``notes.settles_at`` while the result is not posted; ``notes.price``
redeem             PENDING with ``notes.pays_at`` while it unbonds; ``notes.penalty``
close_sub_account  PENDING with ``notes.closable_at`` where the daily limit is used up
freeze, unfreeze   the sub-accounts with it; again changes nothing
close              kills keys and sessions, re-checks everything under the account's lock: ``not_empty``
                   with ``notes.detail`` = relations that are not empty, ``restricted`` under a hold
erase              only a closed account (``not_closed``); overwrites personal data, then deletes it
=================  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, Self, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from closeout.facts.engine import Engine, Row
from closeout.facts.schema import Source
from closeout.venues.base import (
    Command,
    Destination,
    Holder,
    Quote,
    Receipt,
    Rejected,
    Unreachable,
)  # fmt: skip
from closeout.venues.sandbox import doing, ending, exiting, receipts, records, settling, submitting, world
from closeout.venues.sandbox import people as persons
from closeout.venues.sandbox.calls import Calls

Connection = psycopg.Connection[Any]
Answer = TypeVar("Answer")


class SandboxVenue:
    """The sandbox exchange behind a database URL. Close it, or use it in a ``with`` statement."""

    name = "sandbox"

    def __init__(
        self,
        database_url: str,
        *,
        sealer: persons.Sealer | None = None,
        connections_max: int = 4,
        wait_seconds: float = 10,
    ) -> None:
        self._sealer = sealer
        self.calls = Calls()
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            database_url, min_size=0, max_size=connections_max, timeout=wait_seconds, open=True,
            kwargs={"autocommit": True, "options": "-c timezone=UTC", "cursor_factory": self.calls.cursor()},
            name="sandbox",
        )  # fmt: skip

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection, autocommit on. Raises: Unreachable if the database does not answer."""
        try:
            with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise Unreachable(str(error)) from error

    def now(self) -> datetime:
        """Return the venue's time, naive UTC. Raises: Unreachable."""
        with self.connection() as connection:
            row = connection.execute("select sandbox.now()").fetchone()
        if row is None:
            raise Unreachable("the clock is missing")
        instant: datetime = row[0]
        return instant

    def engine(self, accounts: Sequence[int]) -> Engine:  # noqa: ARG002 - the facts are all there
        """Return an engine over the facts as they are at each question. Raises: Unreachable."""
        self.calls.engine += 1
        return _Facts(self)

    def quote(self, commands: Sequence[Command]) -> Sequence[Quote]:
        """Say what each command would do now; moves nothing. Raises: Unreachable."""
        self.calls.quote += 1
        with self.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read read only")
            now, states = doing.standing(cursor, commands)
            return [_quoted(cursor, states, command, now) for command in commands]

    def submit(self, commands: Sequence[tuple[str, Command]]) -> Sequence[Receipt]:
        """Do each command once per key and answer with the receipts, in order.

        Commands of one account that follow each other share a transaction; each can be rejected alone. One act
        for many accounts shares its statements.
        Raises: Unreachable, Rejected("key_reused").
        """
        self.calls.submit += 1
        self.calls.commands += len(commands)
        answers: list[Receipt] = []
        with self.connection() as connection:
            if exiting.apart(commands):
                self.calls.transactions += 1
                shared = exiting.attempt(connection, commands)
                if shared is not None:
                    return shared
            for together in submitting.groups(commands):
                self.calls.transactions += 1
                answers += submitting.submit(connection, together)
        return answers

    def steps(self, commands: Sequence[tuple[str, Command]]) -> Iterator[Sequence[Receipt]]:
        """Do what :meth:`submit` does, ten commands to a transaction, and answer after each. Raises: Unreachable."""
        self.calls.submit += 1
        self.calls.commands += len(commands)
        with self.connection() as connection:
            for together in submitting.groups(commands, most=submitting.STEP_MAX):
                self.calls.transactions += 1
                yield submitting.submit(connection, together)

    def receipts(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Return the receipts that exist for ``keys``. Raises: Unreachable."""
        self.calls.receipts += 1
        with self.connection() as connection, connection.cursor() as cursor:
            return receipts.find(cursor, keys)

    def holder(self, account_id: int) -> Holder | None:
        """Return the person behind the account; None once erased. Raises: Unreachable, ValueError (no sealer)."""
        with self.connection() as connection, connection.cursor() as cursor:
            return persons.holder(cursor, self._demand_sealer(), account_id)

    def people(self) -> Sequence[persons.Person]:
        """Return the seeded people whose accounts are not closed, in the order of the seed.

        Raises: Unreachable, ValueError (no sealer).
        """
        with self.connection() as connection, connection.cursor() as cursor:
            return persons.people(cursor, self._demand_sealer())

    def _demand_sealer(self) -> persons.Sealer:
        if self._sealer is None:
            raise ValueError("this sandbox was opened without the vault that sealed its people")
        return self._sealer

    def destinations(self, account_id: int) -> Sequence[Destination]:
        """Return the verified address book and the bound bank accounts. Raises: Unreachable."""
        with self.connection() as connection:
            rows = connection.execute(
                "select asset, network, address, nullif(memo, ''), label, "
                "case when verified_at > sandbox.now() then verified_at end from sandbox.address "
                "where account_id = %s and verified_at is not null "
                "union all select asset, 'bank', method_id::varchar, null, label, null from sandbox.payment_method "
                "where account_id = %s and kind = 'bank_account' and asset is not null and unbound_at is null "
                "order by 1, 2, 3",
                (account_id, account_id),
            ).fetchall()
        return [Destination(*row) for row in rows]

    def records(self, account_id: int, kind: str) -> Iterator[Mapping[str, Any]]:
        """Stream one kind of record, oldest first, a thousand rows at a time. Raises: Unreachable, ValueError."""
        with self.connection() as connection:
            yield from records.stream(connection, account_id, kind)

    def columns(self, account_id: int, kind: str) -> Iterator[Any]:
        """Stream the same in columns, for an archive of millions of rows. Raises: Unreachable, ValueError."""
        with self.connection() as connection:
            yield from records.columns(connection, account_id, kind)

    def suspense(self, account_id: int) -> Mapping[str, Decimal]:
        """Return what arrived after the account was closed and was not claimed, by asset. Raises: Unreachable."""
        with self.connection() as connection:
            rows = connection.execute(
                "select asset, balance from sandbox.ledger where account_id = %s and owner = 'suspense'"
                " and balance > 0 order by asset",
                (account_id,),
            ).fetchall()
        return {str(asset): balance for asset, balance in rows}

    def pay_suspense(self, account_id: int) -> Mapping[str, Decimal]:
        """Pay it out to the former holder's proven address; return what was paid. Raises: Unreachable, Rejected."""
        with self.connection() as connection:
            paid = {
                asset: world.claim_suspense(connection, account_id, asset=asset)
                for asset in self.suspense(account_id)
            }
        return {asset: amount for asset, amount in paid.items() if amount}

    def forget(self, accounts: Sequence[int]) -> None:
        """Forget these persons again, after a backup was restored that still knew them. Raises: Unreachable."""
        with self.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            ending.forget(cursor, accounts, now=settling.now(cursor))

    def restrict(self, accounts: Sequence[int], level: str) -> int:
        """Leave ``accounts`` no more than ``level`` allows; idempotent. Raises: Unreachable."""
        with self.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            return exiting.restrict(cursor, accounts, level)

    def lift(self, accounts: Sequence[int]) -> int:
        """Give ``accounts`` back what a campaign took from them; idempotent. Raises: Unreachable."""
        with self.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            return exiting.lift(cursor, accounts)

    def take_custody(self, account_id: int) -> Sequence[tuple[str, Decimal]]:
        """Move what nobody claimed to unclaimed property; idempotent. Raises: Unreachable, Rejected."""
        with self.connection() as connection:
            return exiting.take_custody(connection, account_id)

    def holders(self, accounts: Sequence[int]) -> Mapping[int, Holder]:
        """Return the persons behind ``accounts``; who is erased is left out. Raises: Unreachable, ValueError."""
        with self.connection() as connection, connection.cursor() as cursor:
            return persons.holders(cursor, self._demand_sealer(), accounts)

    def ask(self, question: Callable[..., Answer], *values: Any, **named: Any) -> Answer:
        """Put one of the questions of :mod:`closeout.venues.sandbox.exiting`. Raises: Unreachable."""
        with self.connection() as connection, connection.cursor() as cursor:
            return question(cursor, *values, **named)

    def settle(self) -> int:
        """Do what the exchange does by itself up to its present time; return how many things it did. Idempotent."""
        with self.connection() as connection:
            return settling.settle(connection)


def _quoted(cursor: psycopg.Cursor[Any], states: Mapping[int, str], command: Command, now: datetime) -> Quote:
    try:
        return doing.quote(cursor, states, command, now)
    except Rejected as rejected:
        return Quote(command, False, rejected.reason)


class _Facts:
    """The engine of the sandbox: the shared PostgreSQL engine over a connection lent for each question."""

    def __init__(self, venue: SandboxVenue) -> None:
        self._venue = venue

    def sources(self) -> Mapping[str, Source]:
        """Return freshness and completeness by relation."""
        with self._venue.connection() as connection:
            return _engine(connection).sources()

    def rows(
        self, sql: str, *, policy: Mapping[str, object], accounts: Sequence[int] | None = None
    ) -> Sequence[Row]:
        """Run ``sql`` for ``accounts``. Raises: FactsUnreachable, Unreachable."""
        self._venue.calls.facts += 1
        with self._venue.connection() as connection:
            return _engine(connection).rows(sql, policy=policy, accounts=accounts)


def _engine(connection: Connection) -> Engine:
    from closeout.facts.postgres import PostgresFacts  # engines are imported when they are used

    return PostgresFacts(connection)

"""One exchange for all tests of the sandbox; every test opens accounts of its own and leaves the ledger in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql

from closeout.cluster import databases
from closeout.venues.base import Act, Command, Receipt, Remedy
from closeout.venues.sandbox import invariants, world
from closeout.venues.sandbox.building import Room
from closeout.venues.sandbox.venue import SandboxVenue

TEMPLATE = "closeout_template"
START = datetime(2026, 3, 2, 9)


class PlainSealer:
    """Seals by turning bytes round: enough to see that nothing is stored in clear, and quick."""

    def seal(self, subject: str, cls: str, plaintext: bytes, *, context: str = "") -> bytes:
        """Put the place in front and turn the rest round."""
        return f"{subject}|{cls}|{context}|".encode() + plaintext[::-1]

    def open(self, subject: str, cls: str, sealed: bytes, *, context: str = "") -> bytes:
        """Turn it back, if it comes from the same place."""
        head = f"{subject}|{cls}|{context}|".encode()
        assert sealed.startswith(head)
        return sealed[len(head) :][::-1]


@dataclass
class Exchange:
    """The exchange under test: its address, itself, and a connection of the outside world."""

    url: str
    venue: SandboxVenue
    connection: psycopg.Connection[Any]
    keys: int = 0

    def room(self, jurisdiction: str = "DE") -> Room:
        """Open an account and return it, ready to be furnished."""
        row = self.connection.execute(
            "insert into sandbox.account (jurisdiction, opened_at) values (%s, %s) returning account_id",
            (jurisdiction, START),
        ).fetchone()
        assert row is not None
        return Room(self.connection, row[0], self.venue.now())

    def do(self, command: Command, *, key: str | None = None) -> Receipt:
        """Submit one command under a fresh key."""
        self.keys += 1
        return self.venue.submit([(key or f"{os.getpid()}-{self.keys}-{command.account_id}", command)])[0]

    def act(self, kind: Act | Remedy, account_id: int, *items: int, **more: Any) -> Receipt:
        """Submit a command that is written out."""
        return self.do(Command(kind=kind, account_id=account_id, items=tuple(map(str, items)), **more))

    def later(self, **span: float) -> None:
        """Let time pass and the exchange do what is due."""
        world.pass_time(self.connection, timedelta(**span))
        self.venue.settle()

    def available(
        self, account_id: int, asset: str, wallet: str = "funding", bucket: str = "available"
    ) -> Decimal:
        """Return one balance."""
        row = self.connection.execute(
            "select coalesce(sum(balance), 0) from sandbox.ledger where account_id = %s and owner = 'holder' "
            "and wallet = %s and bucket = %s and asset = %s",
            (account_id, wallet, bucket, asset),
        ).fetchone()
        assert row is not None
        return Decimal(row[0])

    def house(self, account_id: int, ledger: str, asset: str, owner: str = "house") -> Decimal:
        """Return what lies in this account's slice of a ledger of the house."""
        row = self.connection.execute(
            "select coalesce(sum(balance), 0) from sandbox.ledger where account_id = %s and owner = %s "
            "and wallet = %s and asset = %s",
            (account_id, owner, ledger, asset),
        ).fetchone()
        assert row is not None
        return Decimal(row[0])

    def one(self, text: str, *values: object) -> Any:
        """Return the first column of the first row."""
        row = self.connection.execute(text, values).fetchone()
        assert row is not None
        return row[0]


@pytest.fixture(scope="session")
def exchange_url(cluster_url: str) -> Iterator[str]:
    """A database with the tables of every room, kept for all tests of the sandbox."""
    name = f"sandbox{os.getpid()}"
    with databases.connect(cluster_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE)
            )
        )
        yield databases.with_name(cluster_url, name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def exchange(exchange_url: str) -> Iterator[Exchange]:
    """The exchange at its start time; when the test is over, all invariants of the ledger hold."""
    with (
        SandboxVenue(exchange_url, sealer=PlainSealer(), connections_max=12) as venue,
        psycopg.connect(exchange_url, autocommit=True) as connection,
    ):
        world.set_clock(connection, START)
        yield Exchange(exchange_url, venue, connection)
        assert invariants.broken(connection) == []

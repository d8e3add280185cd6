"""A seeded sandbox behind the v5 server, on loopback only."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from closeout.cluster import databases
from closeout.venues.okx import declared
from closeout.venues.okx.endpoints import Endpoint
from closeout.venues.okx.keys import Credentials
from closeout.venues.okx.pacing import Pace
from closeout.venues.okx.wire import CcxtWire
from closeout.venues.okx_server import keys
from closeout.venues.okx_server.admission import Limits
from closeout.venues.okx_server.keys import Key
from closeout.venues.okx_server.server import Listening, OkxServer
from closeout.venues.sandbox import seed
from closeout.venues.sandbox.venue import SandboxVenue

COUNT = itertools.count(1)
START = datetime(2026, 3, 2, 9)


class Unsealed:
    """Stands in for the vault: nothing here looks at personal data."""

    def seal(self, _: str, __: str, plaintext: bytes, *, context: str = "") -> bytes:  # noqa: ARG002
        """Return the text as it is."""
        return plaintext

    def open(self, _: str, __: str, sealed: bytes, *, context: str = "") -> bytes:  # noqa: ARG002
        """Return the text as it is."""
        return sealed


@dataclass
class Place:
    """The sandbox, its v5 server, and the people."""

    url: str
    database: str
    venue: SandboxVenue
    people: dict[str, int]
    connection: psycopg.Connection[Any]
    closing: list[Callable[[], Any]]

    def key(self, handle: str, permissions: str = "read_only,trade,withdraw", **more: Any) -> Key:
        """Issue a key for a seeded person."""
        return keys.issue(self.connection, self.people[handle], permissions=permissions, **more)

    def wire(self, key: Key, **more: Any) -> CcxtWire:
        """Open the line of closeout with that key."""
        return self.wire_of(credentials(key), **more)

    def wire_of(self, parts: Credentials, **more: Any) -> CcxtWire:
        """Open the line of closeout with these parts of a key."""
        wire = CcxtWire(parts, base_url=self.url, **more)
        self.closing.append(wire.close)
        return wire


def credentials(key: Key) -> Credentials:
    return Credentials(key.api_key, key.secret, key.passphrase)


@pytest.fixture(scope="session")
def seeded(cluster_url: str) -> Iterator[tuple[str, str, dict[str, int]]]:
    """A template database with the seeded people, made once."""
    name = f"okx{os.getpid()}"
    with databases.connect(cluster_url, autocommit=True) as admin:
        admin.execute(f"create database {name} template closeout_template strategy file_copy")
        with psycopg.connect(databases.with_name(cluster_url, name), autocommit=True) as connection:
            people = dict(seed.seed(connection, Unsealed(), START))
            keys.set_up(connection)
        yield cluster_url, name, people
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def database(seeded: tuple[str, str, dict[str, int]]) -> Iterator[str]:
    """A seeded database of one's own."""
    url, template, _ = seeded
    name = f"{template}_{next(COUNT)}"
    with databases.connect(url, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template} strategy file_copy")
        yield databases.with_name(url, name)
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def opened(database: str, seeded: tuple[str, str, dict[str, int]]) -> Iterator[Callable[..., Place]]:
    """Open the sandbox with a v5 server; ``limits`` counts calls as OKX documents."""
    closing: list[Callable[[], Any]] = []

    def open_place(*, limits: bool = False) -> Place:
        connection = psycopg.connect(database, autocommit=True)
        closing.append(connection.close)
        venue = SandboxVenue(database, connections_max=6)
        closing.append(venue.close)
        listening = Listening(OkxServer(venue, database, limits=Limits() if limits else None))
        listening.__enter__()
        closing.append(listening.__exit__)
        return Place(listening.url, database, venue, seeded[2], connection, closing)

    yield open_place
    for close in reversed(closing):
        close()


@pytest.fixture
def place(opened: Callable[..., Place]) -> Place:
    return opened()


def wall_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class NoPace(Pace):
    """Lets every call pass: the server under test does not count."""

    def wait(self, endpoint: Endpoint) -> None:
        """Do not wait."""


def declared_good() -> dict[str, declared.Answer]:
    return {question.code: declared.Answer(question.good, wall_now()) for question in declared.QUESTIONS}

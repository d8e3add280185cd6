"""A seeded sandbox behind the v5 server, on loopback only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

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

START = datetime(2026, 3, 2, 9)


class Unsealed:
    """Stands in for the vault: nothing here looks at personal data."""

    def seal(self, subject: str, cls: str, plaintext: bytes, *, context: str = "") -> bytes:
        """Return the text as it is."""
        return plaintext

    def open(self, subject: str, cls: str, sealed: bytes, *, context: str = "") -> bytes:
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

    def key(self, handle: str, permissions: str = "read_only,trade,withdraw", **more: Any) -> Key:
        """Issue a key for a seeded person."""
        return keys.issue(self.connection, self.people[handle], permissions=permissions, **more)

    def wire(self, key: Key, **more: Any) -> CcxtWire:
        """Open the line of closeout with that key."""
        return CcxtWire(credentials(key), base_url=self.url, **more)


def credentials(key: Key) -> Credentials:
    return Credentials(key.api_key, key.secret, key.passphrase)


@pytest.fixture
def opened(database: str) -> Iterator[Callable[..., Place]]:
    """Open a seeded sandbox with a v5 server; ``limits`` counts calls as OKX documents."""
    closing: list[Callable[[], Any]] = []

    def open_place(*, limits: bool = False) -> Place:
        connection = psycopg.connect(database, autocommit=True)
        closing.append(connection.close)
        people = dict(seed.seed(connection, Unsealed(), START))
        keys.set_up(connection)
        venue = SandboxVenue(database, connections_max=6)
        closing.append(venue.close)
        listening = Listening(OkxServer(venue, database, limits=Limits() if limits else None))
        listening.__enter__()
        closing.append(listening.__exit__)
        return Place(listening.url, database, venue, people, connection)

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

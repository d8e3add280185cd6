"""A venue whose calls go wrong as a test says: lost on the way, answer lost, half of a batch, twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from closeout.facts.engine import Engine
from closeout.venues.base import Command, Destination, Quote, Receipt, Unreachable, Venue
from closeout.venues.paper import Fault


class Flaky:
    """Stands before a venue; ``coming`` holds the faults of the next calls of each kind."""

    name = "flaky"

    def __init__(self, venue: Venue) -> None:
        self.venue, self.coming = venue, defaultdict[str, list[Fault | None]](list)
        self.submitted: list[tuple[str, Command]] = []

    def _next(self, call: str) -> Fault | None:
        return self.coming[call].pop(0) if self.coming[call] else None

    def now(self) -> datetime:
        """Return the venue's time."""
        return self.venue.now()

    def engine(self, accounts: Sequence[int]) -> Engine:
        """Pass on, or fail."""
        if self._next("engine") not in (None, Fault.TWICE):
            raise Unreachable("engine")
        return self.venue.engine(accounts)

    def quote(self, commands: Sequence[Command]) -> Sequence[Quote]:
        """Pass on, or fail."""
        if self._next("quote") not in (None, Fault.TWICE):
            raise Unreachable("quote")
        return self.venue.quote(commands)

    def submit(self, commands: Sequence[tuple[str, Command]]) -> Sequence[Receipt]:
        """Pass on whole, half or twice, or not at all; and perhaps lose the answer."""
        fault = self._next("submit")
        if fault is Fault.BEFORE:
            raise Unreachable("lost on its way")
        some = commands[: len(commands) // 2] if fault is Fault.HALF else commands
        self.submitted.extend(some)
        answers = self.venue.submit(some)
        if fault is Fault.TWICE:
            answers = self.venue.submit(some)
        if fault in (Fault.AFTER, Fault.HALF, Fault.SLOW):
            raise Unreachable("the answer was lost")
        return answers

    def receipts(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Pass on, or fail."""
        if self._next("receipts") not in (None, Fault.TWICE):
            raise Unreachable("receipts")
        return self.venue.receipts(keys)

    def destinations(self, account_id: int) -> Sequence[Destination]:
        """Pass on."""
        return self.venue.destinations(account_id)

    def records(self, account_id: int, kind: str) -> object:
        """Pass on."""
        return self.venue.records(account_id, kind)

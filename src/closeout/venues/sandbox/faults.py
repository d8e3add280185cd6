"""Fault injection: a venue whose calls get lost, late, doubled or slow, as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from closeout.facts.engine import Engine
from closeout.venues.base import Command, Destination, Holder, Quote, Receipt, Unreachable, Venue


class Fault(StrEnum):
    """What goes wrong with one call."""

    BEFORE = "before"  # the call is lost on its way: nothing happens
    AFTER = "after"  # everything happens, the answer is lost
    HALF = "half"  # the first half of a batch happens, the answer is lost
    SLOW = "slow"  # nobody waits so long; it happens all the same
    LATE = "late"  # nobody waits so long; it happens only after the next call
    TWICE = "twice"  # the call is delivered twice


class Faulty:
    """``venue`` behind a bad line. ``faults`` gives a fault, or None, for each call by its name.

    Only ``submit`` knows every fault; of the other calls any fault but ``twice`` loses the answer.
    """

    def __init__(self, venue: Venue, faults: Callable[[str], str | None]) -> None:
        self.name = venue.name
        self._venue = venue
        self._faults = faults
        self._late: list[Sequence[tuple[str, Command]]] = []

    def now(self) -> datetime:
        """Return the venue's time, naive UTC."""
        return self._venue.now()

    def engine(self, accounts: Sequence[int]) -> Engine:
        """Return the venue's engine. Raises: Unreachable."""
        self._answer("engine")
        return self._venue.engine(accounts)

    def quote(self, commands: Sequence[Command]) -> Sequence[Quote]:
        """Return the venue's quotes. Raises: Unreachable."""
        self._answer("quote")
        return self._venue.quote(commands)

    def submit(self, commands: Sequence[tuple[str, Command]]) -> Sequence[Receipt]:
        """Submit with the fault of this call. Raises: Unreachable, Rejected."""
        fault = self._faults("submit")
        if fault == Fault.BEFORE:
            raise Unreachable("lost on its way")
        if fault == Fault.LATE:
            self._late.append(commands)
            raise Unreachable("no answer in time")
        answers = self._venue.submit(commands[: len(commands) // 2] if fault == Fault.HALF else commands)
        if fault == Fault.TWICE:
            answers = self._venue.submit(commands)
        self.deliver()
        if fault in (Fault.AFTER, Fault.HALF, Fault.SLOW):
            raise Unreachable("the answer was lost")
        return answers

    def receipts(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Return the venue's receipts; what was late arrives just after they were read. Raises: Unreachable."""
        self._answer("receipts")
        found = self._venue.receipts(keys)
        self.deliver()
        return found

    def deliver(self) -> None:
        """Deliver what is late."""
        while self._late:
            self._venue.submit(self._late.pop(0))

    def holder(self, account_id: int) -> Holder | None:
        """Return the person behind the account."""
        return self._venue.holder(account_id)

    def destinations(self, account_id: int) -> Sequence[Destination]:
        """Return the venue's address book. Raises: Unreachable."""
        self._answer("destinations")
        return self._venue.destinations(account_id)

    def records(self, account_id: int, kind: str) -> Iterator[Mapping[str, Any]]:
        """Stream the venue's records. Raises: Unreachable."""
        self._answer("records")
        return self._venue.records(account_id, kind)

    def _answer(self, call: str) -> None:
        if self._faults(call) not in (None, Fault.TWICE):
            raise Unreachable(f"{call} was not answered")

"""Binance as a venue to look at: facts and records from the holder's key; nothing is ever done there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from closeout.facts.duck import DuckFacts
from closeout.facts.engine import Engine
from closeout.facts.schema import Balance
from closeout.venues.base import Unreachable
from closeout.venues.binance import history
from closeout.venues.binance.looking import look
from closeout.venues.binance.wire import BinanceWire
from closeout.venues.okx.collecting import Looked
from closeout.venues.okx.declared import Answer
from closeout.venues.okx.errors import Failure


class BinanceVenue:
    """One Binance account behind a read-only key."""

    name = "binance"

    def __init__(self, wire: BinanceWire, *, answers: Mapping[str, Answer] | None = None) -> None:
        self.wire = wire
        self.answers = dict(answers or {})
        self._looked: Looked | None = None

    def look(self) -> Looked:
        """Look at the account once; the same look afterwards. Raises: Failure."""
        if self._looked is None:
            self._looked = look(self.wire, now=self.wire.now(), answers=self.answers)
        return self._looked

    def engine(self, accounts: Sequence[int]) -> Engine:  # noqa: ARG002 - a key sees its own accounts only
        """Return an engine over the facts of the key's account and its sub-accounts. Raises: Unreachable."""
        try:
            looked = self.look()
        except Failure as failed:
            raise Unreachable(str(failed)) from failed
        return DuckFacts.of(looked.facts, sources=looked.sources)

    def records(self, *, since: int) -> history.Records:
        """Return the records since the year ``since``; each list is read when it is asked for. Raises: Failure."""
        held = {row.asset for row in self.look().facts["balance"] if isinstance(row, Balance)}
        return history.Records(self.wire, since=since, now=self.wire.now(), held=sorted(held))

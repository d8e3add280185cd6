"""The one interface between conditions and whatever holds the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from closeout.facts.schema import Source

Row = tuple[Any, ...]


class Engine(Protocol):
    """Answers SQL over the relations of :mod:`closeout.facts.schema`.

    An engine has the relations under their own names, plus the one-row relation ``policy`` and the empty
    relation ``blocker_shape``; how it provides them is its own matter. Times are naive UTC.
    """

    def sources(self) -> Mapping[str, Source]:
        """Return freshness and completeness by relation; a relation that is missing here was not fetched."""

    def rows(
        self, sql: str, *, policy: Mapping[str, object], accounts: Sequence[int] | None = None
    ) -> Sequence[Row]:
        """Run ``sql`` (a select whose first column is ``account_id``) for ``accounts``, or for all if None.

        ``policy`` is the one-row relation of that name. Raises: FactsUnreachable.
        """


@runtime_checkable
class KnowsEmpty(Protocol):
    """An engine that knows which relations have no row at all, so that nobody need ask about them."""

    def empty(self) -> frozenset[str]:
        """Return the relations without a row."""


class FactsUnreachable(Exception):
    """The source of facts did not answer; nothing may be concluded about any account."""

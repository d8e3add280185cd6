"""The self-check: facts in, blockers out, for one account or for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from closeout.conditions.catalog import Condition
from closeout.facts.engine import Engine
from closeout.policy import Policy


class Result(StrEnum):
    """Three results, never two (R-CHK-17)."""

    CLEAR = "clear"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Blocker:
    """One thing that stands in the way of closing one account."""

    code: str
    account_id: int
    subject: str | None  # what or where it is: a wallet, an instrument, a kind of event
    item: str | None  # the venue's number of it, for the remedy
    asset: str | None
    amount: Decimal | None
    clears_at: datetime | None  # naive UTC; when it ends by itself


@dataclass(frozen=True)
class Finding:
    """One condition applied to one account."""

    condition: Condition
    result: Result
    blockers: tuple[Blocker, ...] = ()
    fault: str | None = None  # when unknown: failed, stale, partial, missing, or the code of a data fault
    fault_relation: str | None = None


@dataclass(frozen=True)
class Report:
    """The self-check of one account: every condition, in the order of the catalogue."""

    account_id: int
    as_of: datetime
    findings: tuple[Finding, ...]

    @property
    def result(self) -> Result:
        """Blocked if anything blocks; otherwise unknown if anything is unknown; otherwise clear."""
        results = {finding.result for finding in self.findings}
        for worst in (Result.BLOCKED, Result.UNKNOWN):
            if worst in results:
                return worst
        return Result.CLEAR

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """Every blocker of every condition."""
        return tuple(blocker for finding in self.findings for blocker in finding.blockers)


def check(
    engine: Engine, policy: Policy, *, as_of: datetime, accounts: Sequence[int]
) -> Mapping[int, Report]:
    """Check ``accounts`` in one query and return a report for each of them.

    An account without a row in the relation ``account`` is not a known account: it is left out of the
    answer. ``as_of``: naive UTC. Raises: FactsUnreachable.
    """
    raise NotImplementedError

"""Queues narrowed by what the facts say: what blocks an account, and how much lies in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from closeout.cases import desk, policies, queries
from closeout.cases.models import Task

ROUNDS = 10  # pages that are read at most to fill one; the next link goes on from there
VALUES = """
select b.account_id, sum(b.value) as value
from balance as b
cross join policy as p
where b.value is not null
group by b.account_id
"""


@dataclass(frozen=True)
class Narrow:
    """``blocked_by``: code of a condition; ``value_least``: in USDT. Empty means all."""

    blocked_by: str = ""
    value_least: int = 0


@dataclass(frozen=True)
class Found:
    """One page, and where the next begins if there is more."""

    tasks: Sequence[Task]
    following: desk.Place | None


def queue(
    venue: str, team: str, *, filters: desk.Filters, narrow: Narrow, after: desk.Place | None, now: datetime
) -> Found:
    """Return the next page of a queue; pages are read on until one is full or the queue ends."""
    kept: list[Task] = []
    for _ in range(ROUNDS):
        read = desk.queue(venue, team, filters=filters, after=after)
        more, page = len(read) > desk.PAGE, list(read[: desk.PAGE])
        for task in _matching(page, narrow, now=now):
            kept.append(task)
            if len(kept) == desk.PAGE:
                return Found(kept, desk.Place(task.due_at, task.pk) if more or task != page[-1] else None)
        if not more:
            return Found(kept, None)
        after = desk.Place(page[-1].due_at, page[-1].pk)
    return Found(kept, after)


def _matching(tasks: Sequence[Task], narrow: Narrow, *, now: datetime) -> Sequence[Task]:
    left = [task for task in tasks if task.case is not None] if narrow != Narrow() else tasks
    if narrow.blocked_by:
        reports = queries.reports([task.case for task in left if task.case], now=now)
        left = [
            task
            for task in left
            if task.account_id in reports
            and narrow.blocked_by in {one.code for one in reports[task.account_id].blockers}
        ]
    if narrow.value_least:
        worth = values({task.account_id for task in left}, now=now)
        left = [task for task in left if worth.get(task.account_id, Decimal(0)) >= narrow.value_least]
    return left


def values(accounts: Collection[int], *, now: datetime) -> Mapping[int, Decimal]:
    """Return what lies in each of ``accounts``, in USDT, as far as it has a price."""
    if not accounts:
        return {}
    row = policies.in_force().row(now.replace(tzinfo=None))
    found = queries.engine().rows(VALUES, policy=row, accounts=sorted(accounts))
    return {int(account): Decimal(value) for account, value in found}

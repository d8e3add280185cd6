"""The outbox at work: claim with a lease, hand to a handler, complete or put back. Batches, never one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

LEASE = timedelta(seconds=30)
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
BOUNDED = {"message.send": 20}  # attempts after which an effect is given up and shown as failed

# An effect waits for the earlier ones of its case: the freeze comes before the letter that tells of it.
CLAIM = """
with ready as (
    select e.id from cases_effect as e
    where e.state = 'ready' and e.run_at <= %(now)s and not exists (
        select from cases_effect as earlier
        where earlier.case_id = e.case_id and earlier.id < e.id and earlier.state in ('ready', 'running')
    )
    order by e.run_at, e.id limit %(most)s for update skip locked
)
update cases_effect as e set state = 'running', lease_until = %(now)s + %(lease)s, attempts = e.attempts + 1
from ready where e.id = ready.id
returning e.id, e.case_id, e.kind, e.data, e.attempts
"""
REQUEUE = """
update cases_effect set state = 'ready', lease_until = null
where state = 'running' and lease_until < %s
"""
COMPLETE = """
update cases_effect as e set state = s.state, run_at = coalesce(s.run_at, e.run_at), fault = s.fault,
    receipt = s.receipt, lease_until = null, done_at = case when s.state = 'done' then %(now)s::timestamptz end
from unnest(
    %(id)s::bigint[], %(attempts)s::int[], %(state)s::text[], %(run_at)s::timestamptz[], %(fault)s::text[],
    %(receipt)s::jsonb[]
) as s (id, attempts, state, run_at, fault, receipt)
where e.id = s.id and e.state = 'running' and e.attempts = s.attempts
returning e.id
"""


@dataclass(frozen=True)
class Claimed:
    """One effect in the hands of this worker until its lease ends."""

    id: int
    case_id: int
    kind: str
    data: Mapping[str, Any]
    attempts: int

    @property
    def key(self) -> str:
        """Return the idempotency key, the same at every attempt."""
        return f"closeout-effect-{self.id}"


@dataclass(frozen=True)
class Outcome:
    """What became of one effect. ``then`` runs in the transaction that completes it."""

    effect: Claimed
    fault: str = ""  # empty when it is done
    final: bool = False  # with a fault: do not try again
    receipt: Mapping[str, Any] | None = None
    then: Callable[[], object] | None = None


Handler = Callable[[Sequence[Claimed], datetime], Sequence[Outcome]]


def claim(*, now: datetime, most: int) -> list[Claimed]:
    """Take up to ``most`` effects whose time has come; each is ours until its lease ends."""
    with transaction.atomic(), connection.cursor() as cursor:
        values: dict[str, Any] = {"now": now, "most": most, "lease": LEASE}
        cursor.execute(CLAIM, values)
        rows = sorted(cursor.fetchall())
    return [Claimed(ident, case, kind, _json(data), attempts) for ident, case, kind, data, attempts in rows]


def _json(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def requeue(*, now: datetime) -> int:
    """Give effects of workers that died back to the others; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(REQUEUE, [now])
        return int(cursor.rowcount)


def complete(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what became of a batch; an effect whose lease went to another worker is left to that one."""
    if not outcomes:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(COMPLETE, _columns(outcomes, now=now) | {"now": now})
        ours = {ident for (ident,) in cursor.fetchall()}
        for outcome in outcomes:
            if outcome.then is not None and outcome.effect.id in ours:
                outcome.then()


def _columns(outcomes: Sequence[Outcome], *, now: datetime) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: [] for name in ("id", "attempts", "state", "run_at", "fault", "receipt")
    }
    for outcome in outcomes:
        effect = outcome.effect
        given_up = outcome.final or effect.attempts >= BOUNDED.get(effect.kind, effect.attempts + 1)
        state = "done" if not outcome.fault else "failed" if given_up else "ready"
        columns["id"].append(effect.id)
        columns["attempts"].append(effect.attempts)
        columns["state"].append(state)
        columns["run_at"].append(now + _wait(effect.attempts) if state == "ready" else None)
        columns["fault"].append(outcome.fault[:64])
        columns["receipt"].append(None if outcome.receipt is None else json.dumps(dict(outcome.receipt)))
    return columns


def _wait(attempts: int) -> timedelta:
    doubled: int = 2 ** min(attempts - 1, 20)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)

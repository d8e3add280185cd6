"""The outbox at work: claim with a lease, hand to a handler, complete or put back. Batches, never one by one.

Leases and their ends go by the real time: they are about processes that die. When an effect may run goes by the
time of the cases.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

from closeout.cases import journal
from closeout.cases.clearing_journal import present
from closeout.cases.operations import SYSTEM, advance
from closeout.failpoints import failpoint
from closeout.lifecycle import Effect, Event

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
BOUNDED = {
    Effect.NOTIFY.value: 20,
    Effect.SIGNAL.value: 200,
}  # attempts; then it is given up and shown as failed
BUGS_MAX = 20  # attempts of an effect whose handler breaks
BUG = "bug"

# An effect waits for the earlier ones of its case: the freeze comes before the letter that tells of it. One that
# failed for good stops those behind it until a person looks, except a letter: nothing waits for a letter for ever.
# A signal to a relying party waits for the earlier ones to the same party only, and nothing else waits for it.
# Nothing waits for an answer to an investigation.
# What this version does not know is left to the workers of the next one.
CLAIM = """
with ready as (
    select e.id from cases_effect as e
    where e.state = 'ready' and e.run_at <= %(now)s and e.kind = any(%(kinds)s) and not exists (
        select from cases_effect as earlier
        where earlier.case_id = e.case_id and earlier.id < e.id and earlier.state <> 'done'
            and (earlier.state <> 'failed' or earlier.kind not in ('message.send', 'signal.send'))
            and (earlier.kind = 'signal.send') = (e.kind = 'signal.send')
            and (e.kind <> 'signal.send' or earlier.data ->> 'party' = e.data ->> 'party')
            and earlier.kind <> 'venue.inquire'
    )
    order by e.lane, e.run_at, e.id limit %(most)s for no key update skip locked
)
update cases_effect as e set state = 'running', lease_until = %(lease_until)s, attempts = e.attempts + 1
from ready where e.id = ready.id
returning e.id, e.case_id, e.kind, e.data, e.attempts
"""
RENEW = """
update cases_effect as e set lease_until = %(lease_until)s
from unnest(%(id)s::bigint[], %(attempts)s::int[]) as s (id, attempts)
where e.id = s.id and e.state = 'running' and e.attempts = s.attempts
returning e.id
"""
REQUEUE = """
update cases_effect set state = 'ready', lease_until = null
where id in (
    select id from cases_effect where state = 'running' and lease_until <= %s for no key update skip locked
)
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
AGAIN = """
update cases_effect set state = 'ready', attempts = 0, run_at = %(now)s
where state = 'failed' and id = any(%(id)s)
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
    """What became of one effect.

    ``event`` happens to the case and ``follow`` is asked for in the transaction that completes the effect.
    """

    effect: Claimed
    fault: str = ""  # empty when it is done
    final: bool = False  # with a fault: do not try again
    receipt: Mapping[str, Any] | None = None
    event: Event | None = None
    detail: Mapping[str, object] = field(default_factory=dict)
    follow: tuple[tuple[Effect, datetime], ...] = ()  # with the time from which each may run


Handler = Callable[[Sequence[Claimed], datetime], Sequence[Outcome]]


def claim(*, now: datetime, most: int, kinds: Collection[str]) -> list[Claimed]:
    """Take up to ``most`` effects whose time has come; each is ours until its lease ends.

    What a person waits for comes first, then the longest waiting. At most one effect of a case, signals aside.
    """
    values: dict[str, Any] = {
        "now": now,
        "most": most,
        "kinds": list(kinds),
        "lease_until": present() + LEASE,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        rows = sorted(cursor.fetchall())
    return [Claimed(ident, case, kind, _json(data), attempts) for ident, case, kind, data, attempts in rows]


def _json(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def renew(batch: Sequence[Claimed]) -> list[Claimed]:
    """Begin the lease of ``batch`` anew; return those that are still ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            RENEW,
            {
                "id": [effect.id for effect in batch],
                "attempts": [effect.attempts for effect in batch],
                "lease_until": present() + LEASE,
            },
        )
        ours = {ident for (ident,) in cursor.fetchall()}
    return [effect for effect in batch if effect.id in ours]


def requeue() -> int:
    """Give effects of workers that died back to the others; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(REQUEUE, [present()])
        return int(cursor.rowcount)


def again(idents: Collection[int], *, now: datetime) -> int:
    """Let effects that failed for good be tried again, after a person has looked; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(AGAIN, {"id": list(idents), "now": now})
        return int(cursor.rowcount)


def complete(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what became of a batch; an effect whose lease went to another worker is left to that one.

    What breaks while it is written fails its own effect: the batch is halved until it stands alone.
    """
    if not outcomes:
        return
    try:
        with transaction.atomic():
            _write(outcomes, now=now)
            failpoint("effects.before_commit")
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(outcomes) == 1:
            log.exception("effect %s could not be completed", outcomes[0].effect.id)
            broken = replace(outcomes[0], fault=BUG, final=False, event=None, follow=())
            with transaction.atomic():
                _write([broken], now=now)
            return
        middle = len(outcomes) // 2
        complete(outcomes[:middle], now=now)
        complete(outcomes[middle:], now=now)
    else:
        failpoint("effects.committed")


def _write(outcomes: Sequence[Outcome], *, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(COMPLETE, _columns(outcomes, now=now) | {"now": now})
        ours = {ident for (ident,) in cursor.fetchall()}
    kept = [outcome for outcome in outcomes if outcome.effect.id in ours]
    alike: dict[tuple[Event, str], list[Outcome]] = {}
    for outcome in kept:
        if outcome.event is not None:
            alike.setdefault((outcome.event, json.dumps(outcome.detail, sort_keys=True)), []).append(outcome)
    for (event, _), same in sorted(alike.items()):
        cases = [outcome.effect.case_id for outcome in same]
        advance(cases, event, actor=SYSTEM, now=now, detail=same[0].detail, wait=True)
    journal.enqueue(
        [
            (outcome.effect.case_id, kind, {}, run_at)
            for outcome in kept
            for kind, run_at in outcome.follow
        ]
    )  # fmt: skip


def _columns(outcomes: Sequence[Outcome], *, now: datetime) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: [] for name in ("id", "attempts", "state", "run_at", "fault", "receipt")
    }
    for outcome in outcomes:
        effect = outcome.effect
        state = "done" if not outcome.fault else "failed" if _given_up(outcome) else "ready"
        columns["id"].append(effect.id)
        columns["attempts"].append(effect.attempts)
        columns["state"].append(state)
        columns["run_at"].append(now + _wait(effect.attempts) if state == "ready" else None)
        columns["fault"].append(outcome.fault[:64])
        columns["receipt"].append(None if outcome.receipt is None else json.dumps(dict(outcome.receipt)))
    return columns


def _given_up(outcome: Outcome) -> bool:
    attempts = outcome.effect.attempts
    if outcome.final or attempts >= BOUNDED.get(outcome.effect.kind, attempts + 1):
        return True
    return outcome.fault == BUG and attempts >= BUGS_MAX


def _wait(attempts: int) -> timedelta:
    doubled: int = 2 ** min(attempts - 1, 20)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)

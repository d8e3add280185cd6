"""Writes steps: the cases, one history line each, their effects, and the audit log, in a few statements."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

from closeout.cases import audit, membership, parties, policies, reminders
from closeout.cases.ordered import run_at
from closeout.lifecycle import FROZEN, Effect, Event, State

if TYPE_CHECKING:
    from closeout.cases.operations import Step

# Cases that make the same step share one row of the document: a sweep of a thousand says everything once. Their ids
# are spread out where the cases are looked up and nowhere else: a row for each case that carried them all was 8 MB.
RECORD = """
with step as materialized (
    select s.* from rows from (
        jsonb_to_recordset(%(rows)s::jsonb) as (
            ids bigint[], state text, due_at timestamptz, clock_left interval, held bool, submitted_at timestamptz,
            closed_at timestamptz, looked_at timestamptz, remind_at timestamptz, event text, from_state text,
            detail jsonb, effects jsonb
        )
    ) with ordinality as s (
        ids, state, due_at, clock_left, held, submitted_at, closed_at, looked_at, remind_at, event, from_state,
        detail, effects, place
    )
), asked as materialized (
    select s.place, e.kind, e.data, e.lane, e.run_at, e.nth
    from step as s
    cross join lateral rows from (
        jsonb_to_recordset(s.effects) as (kind text, data jsonb, lane smallint, run_at timestamptz)
    ) with ordinality as e (kind, data, lane, run_at, nth)
), moved as (
    update cases_case as c set
        state = s.state, due_at = s.due_at, clock_left = s.clock_left, held = s.held, revision = c.revision + 1,
        aside_until = null, submitted_at = coalesce(c.submitted_at, s.submitted_at),
        closed_at = coalesce(c.closed_at, s.closed_at), looked_at = s.looked_at, remind_at = s.remind_at
    from step as s
    cross join lateral unnest(s.ids) as taken (id)
    where c.id = taken.id
    returning c.id, c.revision, s.place
), told as (
    insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail)
    select m.id, m.revision, s.event, s.from_state, s.state, %(actor)s, %(now)s, s.detail
    from moved as m join step as s on s.place = m.place
)
insert into cases_effect (case_id, kind, data, state, lane, run_at, attempts, fault)
select m.id, a.kind, a.data, 'ready', a.lane, a.run_at, 0, ''
from moved as m
join asked as a on a.place = m.place
order by m.place, m.id, a.nth
"""
EFFECTS = """
insert into cases_effect (case_id, kind, data, state, lane, run_at, attempts, fault)
select s.id, s.kind, s.data, 'ready', %(lane)s, s.run_at, 0, ''
from rows from (
    jsonb_to_recordset(%(rows)s::jsonb) as (id bigint, kind text, data jsonb, run_at timestamptz)
) with ordinality as s (id, kind, data, run_at, place)
order by s.place
"""
AWAITED, SWEPT, CAMPAIGN = 0, 1, 2  # lanes of effects
SUBMITTED = frozenset({Event.SUBMIT, Event.SCHEDULE, Event.REFER})


def record(steps: Sequence[Step], *, actor: str, now: datetime) -> None:
    """Write ``steps`` in the current transaction. ``now``: aware UTC."""
    if not steps:
        return
    alike: dict[Hashable, list[Step]] = {}
    for step in steps:
        alike.setdefault(_likeness(step, now=now), []).append(step)
    rows = [
        _columns(same[0], actor=actor, now=now) | {"ids": [step.case.pk for step in same]}
        for same in alike.values()
    ]
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"rows": json.dumps(rows, default=_plain), "actor": actor, "now": now})
    enqueue(parties.told(steps, now=now))
    membership.note(steps, now=now)
    lines = []
    for same in alike.values():
        event, details = f"case:{same[0].event}", _audited(same[0])
        lines += [audit.Line(step.case.number, event, actor, details) for step in same]
    audit.append(lines, now=now)
    for step in steps:
        _refresh(step)


def _likeness(step: Step, *, now: datetime) -> Hashable:
    """Return what two steps must share to be written as one row: everything but the case."""
    case = step.case
    dates = tuple(run_at(case, effect, now) for effect in step.effects) if case.campaign_id else ()
    detail = json.dumps(step.detail, sort_keys=True, default=_plain) if step.detail else ""
    return (
        step.event, step.before.state, step.after, step.effects, step.letter, detail, case.policy_id,
        case.campaign_id is None, case.revision, dates,
    )  # fmt: skip


def _columns(step: Step, *, actor: str, now: datetime) -> dict[str, Any]:
    after = step.after
    policy = policies.of_version(step.case.policy_id)
    return {
        "state": after.state.value,
        "due_at": after.due_at,
        "clock_left": after.clock_left,
        "held": after.held,
        "submitted_at": now if step.event in SUBMITTED else None,
        "closed_at": now if step.event is Event.CONFIRM_CLOSED else None,
        "looked_at": now if _watched(step) else None,
        "remind_at": None if step.case.campaign_id else reminders.next_at(after, policy, after=now),
        "event": step.event.value,
        "from_state": step.before.state.value,
        "detail": dict(step.detail),
        "effects": _effects(step, lane=SWEPT if actor == "system" else AWAITED, now=now),
    }


def _effects(step: Step, *, lane: int, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "kind": effect.value, "data": dict(_data(step, effect, now=now)),
            "lane": lane if step.case.campaign_id is None else CAMPAIGN, "run_at": run_at(step.case, effect, now),
        }
        for effect in step.effects
    ]  # fmt: skip


def _watched(step: Step) -> bool:
    """Return whether the watch looks after the case; a campaign writes of its own and checks on the last day."""
    after = step.after
    waits = step.case.campaign_id is not None and after.state is State.COOLING_OFF
    return (after.state in FROZEN and not waits) or after.held


def _data(step: Step, effect: Effect, *, now: datetime) -> Mapping[str, object]:
    """Return what the effect must know as it was when it was decided; the case may have moved on by then."""
    if effect is Effect.ARCHIVE:
        return {"asked_at": now.isoformat()}
    if effect is not Effect.NOTIFY:
        return {}
    due_at = step.after.due_at
    return {"template": step.letter or step.event.value} | ({"due_at": due_at.isoformat()} if due_at else {})


def _audited(step: Step) -> Mapping[str, object]:
    return {
        "from": step.before.state.value,
        "to": step.after.state.value,
        "revision": step.case.revision + 1,
        **step.detail,
    }


def _refresh(step: Step) -> None:
    """Bring the objects in hand up to what was written, so that callers need not read again."""
    case, after = step.case, step.after
    case.state, case.due_at, case.clock_left = after.state.value, after.due_at, after.clock_left
    case.held, case.revision = after.held, case.revision + 1


def enqueue(
    effects: Sequence[tuple[int, Effect, Mapping[str, object], datetime]], *, lane: int = SWEPT
) -> None:
    """Write effects (case, kind, data, run_at) in the current transaction.

    ``lane``: those that a person waits for go before those of sweeps.
    """
    if not effects:
        return
    rows = [
        {"id": case, "kind": kind.value, "data": dict(data), "run_at": run_at}
        for case, kind, data, run_at in effects
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(EFFECTS, {"rows": json.dumps(rows, default=_plain), "lane": lane})


def _plain(value: object) -> str:
    """Return a time or a span as PostgreSQL reads it. Raises: TypeError."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"
    raise TypeError(f"{type(value).__name__} is neither time nor span")

"""Writes steps: the cases, one history line each, their effects, and the audit log, in a few statements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

from closeout.cases import audit, membership, parties, policies, reminders
from closeout.cases.ordered import run_at
from closeout.lifecycle import FROZEN, Effect, Event, State

if TYPE_CHECKING:
    from closeout.cases.operations import Step

SAVE = """
update cases_case as c set
    state = s.state, due_at = s.due_at, clock_left = s.clock_left, held = s.held, revision = c.revision + 1,
    aside_until = null, submitted_at = coalesce(c.submitted_at, s.submitted_at),
    closed_at = coalesce(c.closed_at, s.closed_at),
    looked_at = s.looked_at, remind_at = s.remind_at
from jsonb_to_recordset(%(rows)s::jsonb) as s (
    id bigint, state text, due_at timestamptz, clock_left interval, held bool, submitted_at timestamptz,
    closed_at timestamptz, looked_at timestamptz, remind_at timestamptz
)
where c.id = s.id
"""
HISTORY = """
insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail)
select s.id, c.revision, s.event, s.from_state, s.to_state, %(actor)s, %(now)s, s.detail
from jsonb_to_recordset(%(rows)s::jsonb)
    as s (id bigint, event text, from_state text, to_state text, detail jsonb)
join cases_case as c on c.id = s.id
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
    rows = json.dumps([_columns(step, now=now) for step in steps], default=_plain)
    with connection.cursor() as cursor:
        cursor.execute(SAVE, {"rows": rows})
        cursor.execute(HISTORY, {"rows": rows, "actor": actor, "now": now})
    swept = SWEPT if actor == "system" else AWAITED
    for lane, ordered in ((swept, False), (CAMPAIGN, True)):
        enqueue(
            [
                (step.case.pk, effect, _data(step, effect, now=now), run_at(step.case, effect, now))
                for step in steps
                if (step.case.campaign_id is not None) is ordered
                for effect in step.effects
            ],
            lane=lane,
        )
    enqueue(parties.told(steps, now=now))
    membership.note(steps, now=now)
    audit.append(
        [audit.Line(step.case.number, f"case:{step.event}", actor, _audited(step)) for step in steps], now=now
    )
    for step in steps:
        _refresh(step)


def _columns(step: Step, *, now: datetime) -> dict[str, Any]:
    after = step.after
    policy = policies.of_version(step.case.policy_id)
    return {
        "id": step.case.pk,
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
        "to_state": after.state.value,
        "detail": dict(step.detail),
    }


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

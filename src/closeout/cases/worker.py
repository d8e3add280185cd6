"""What moves cases on by itself: sweeps over dates, and effects. Any number of workers may run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from closeout.cases import clearings, closing, effects, messages, queries
from closeout.cases.operations import SYSTEM, advance
from closeout.conditions.check import Report, Result
from closeout.lifecycle import Event, State
from closeout.venues.base import Rejected, Unreachable

log = logging.getLogger(__name__)

BATCH = 1000
EFFECTS = 200
WATCH_EVERY = timedelta(minutes=1)

HANDLERS: dict[str, effects.Handler] = closing.HANDLERS | messages.HANDLERS
DUE: Sequence[tuple[State, Event]] = (
    (State.APPLICATION, Event.LAPSE),
    (State.OBSERVATION, Event.ERASE),
)


def turn(*, now: datetime) -> int:
    """Do everything that is due at ``now`` once, in batches; return how much was done.

    Idempotent: what was done is no longer due. ``now``: aware UTC.
    """
    done = effects.requeue(now=now) + clearings.turn(now=now)
    for state, event in DUE:
        done += len(advance(queries.due([state], now=now, most=BATCH), event, actor=SYSTEM, now=now))
    done += _begin(now=now) + _close(now=now) + _watch(now=now) + messages.remind(now=now, most=BATCH)
    return done + _effects(now=now)


def run_until_idle(*, now: datetime, turns_max: int = 1000) -> int:
    """Take turns until nothing is left to do at ``now``; return how much was done."""
    total = 0
    for _ in range(turns_max):
        done = turn(now=now)
        if not done:
            return total
        total += done
    raise RuntimeError(f"the worker is not idle after {turns_max} turns")


def _begin(*, now: datetime) -> int:
    """Start scheduled applications whose date has come; put those that are still blocked off by a day."""
    due = queries.due([State.SCHEDULED], now=now, most=BATCH)
    if not due:
        return 0
    begun = {step.case.pk for step in advance(due, Event.BEGIN, actor=SYSTEM, now=now)}
    late = [case for case in due if case not in begun]
    again = {case: now + timedelta(days=1) for case in late}
    return len(begun) + len(advance(late, Event.SCHEDULE, actor=SYSTEM, now=now, begins_at=again))


def _close(*, now: datetime) -> int:
    """End the cooling-off of cases that are still clear; pause the others (R-CLO-6, R-CLO-10)."""
    due = queries.due([State.COOLING_OFF], now=now, most=BATCH)
    if not due:
        return 0
    closed = {step.case.pk for step in advance(due, Event.CLOSE, actor=SYSTEM, now=now)}
    left = [case for case in due if case not in closed]
    return len(closed) + _pause(left, now=now)


def _pause(cases: Sequence[int], *, now: datetime) -> int:
    """Interrupt or hold those of ``cases`` whose conditions no longer hold, naming what stands in the way."""
    found = {case.pk: case for case in queries.cases(cases)}
    reports = queries.reports(list(found.values()), now=now)
    done = 0
    for ident, case in found.items():
        report = reports.get(case.account_id)
        if report is None or report.result is Result.CLEAR:
            continue
        codes = [finding.condition.code for finding in report.findings if finding.result is not Result.CLEAR]
        event = Event.HOLD if "no_holds" in codes and not case.held else Event.INTERRUPT
        if case.state == State.PAUSE and event is Event.INTERRUPT:
            continue
        done += len(advance([ident], event, actor=SYSTEM, now=now, detail={"conditions": sorted(codes)}))
    return done


def _watch(*, now: datetime) -> int:
    """Look at frozen accounts again: a new blocker pauses the clock, its end lets it run on (R-CLO-10)."""
    watched = queries.watched(before=now - WATCH_EVERY, most=BATCH)
    if not watched:
        return 0
    cases = queries.cases(watched)
    reports = queries.reports(cases, now=now)
    queries.note_look(watched, now=now)
    blocked = [case.pk for case in cases if _blocked(reports.get(case.account_id))]
    free = [case for case in cases if not _blocked(reports.get(case.account_id))]
    done = _pause(blocked, now=now)
    held = queries.held_by_facts([case.pk for case in free if case.held])
    done += len(advance(held, Event.RELEASE, actor=SYSTEM, now=now))
    paused = [case.pk for case in free if case.state == State.PAUSE]
    return done + len(advance(paused, Event.RESUME, actor=SYSTEM, now=now))


def _blocked(report: Report | None) -> bool:
    return report is None or report.result is not Result.CLEAR


def _effects(*, now: datetime) -> int:
    claimed = effects.claim(now=now, most=EFFECTS)
    for kind in sorted({effect.kind for effect in claimed}):
        batch = [effect for effect in claimed if effect.kind == kind]
        effects.complete(_outcomes(kind, batch, now=now), now=now)
    return len(claimed)


def _outcomes(kind: str, batch: Sequence[effects.Claimed], *, now: datetime) -> Sequence[effects.Outcome]:
    """Let the handler work; a handler that breaks fails its effects alone, never the worker."""
    try:
        return HANDLERS[kind](batch, now)
    except Unreachable:
        return [effects.Outcome(effect, fault="unreachable") for effect in batch]
    except Rejected as no:
        return [effects.Outcome(effect, fault=no.reason, final=True) for effect in batch]
    except Exception:
        log.exception("effects of kind %s failed", kind)
        return [effects.Outcome(effect, fault="bug") for effect in batch]

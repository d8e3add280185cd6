"""What moves cases on by itself: sweeps over dates, and effects. Any number of workers may run."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

from django.db import InterfaceError, OperationalError, connections, transaction

from closeout.cases import (
    applications,
    brakes,
    claiming,
    clearings,
    closing,
    desk,
    effects,
    evidence,
    inquiries,
    messages,
    policies,
    queries,
    signals,
    upkeep,
    venues,
)
from closeout.cases.campaigns import failsafe
from closeout.cases.campaigns import turning as campaigns
from closeout.cases.models import Case
from closeout.cases.operations import SYSTEM, advance
from closeout.conditions.check import Report, Result
from closeout.failpoints import failpoint
from closeout.lifecycle import CLOSED, Effect, Event, State
from closeout.venues.base import Rejected, Unreachable

log = logging.getLogger(__name__)

BATCH = 1000
EFFECTS = 500
TOGETHER = {
    Effect.ARCHIVE.value: 4,
    Effect.RECORDS.value: 1,
    Effect.CERTIFY.value: 20,
    Effect.NOTIFY.value: 20,
    Effect.SIGNAL.value: 20,
    Effect.CLOSE.value: 250,  # nothing leaves after the kill switch but what is under way: well under a second
}  # what one lease is long enough for
TOGETHER_MAX = 100
WATCH_EVERY = timedelta(minutes=1)
ASIDE = timedelta(minutes=1)  # for a case whose facts are unknown
BROKEN_ASIDE = timedelta(hours=1)  # for a case that a sweep broke over
IDLE_SECONDS = 1.0
HOLD = "no_holds"  # the condition behind which a hold stands

HANDLERS: dict[str, effects.Handler] = (
    closing.HANDLERS | messages.HANDLERS | signals.HANDLERS | dict(inquiries.HANDLERS)
)
Sweep = Callable[[Sequence[int], datetime], int]
Reports = Mapping[int, Report]


def turn(*, now: datetime) -> int:
    """Do everything that is due at ``now`` once, in batches; return how much was done.

    Idempotent: what was done is no longer due. What breaks stops its own stage alone. ``now``: aware UTC.
    """
    stages: Sequence[Callable[[], int]] = (
        effects.requeue,
        lambda: policies.favour(now=now),
        lambda: clearings.turn(now=now),
        *(lambda state=state, step=step: _sweep(state, step, now=now) for state, step in SWEEPS),
        lambda: _watch(now=now),
        lambda: messages.remind(now=now, most=BATCH),
        lambda: claiming.send_codes(now=now),
        lambda: desk.collect(now=now),
        lambda: evidence.forget(now=now),
        lambda: campaigns.turn(now=now, close=_whole(_close), erase=_whole(_erase)),
        lambda: _effects(now=now),
    )
    return sum(_stage(stage) for stage in stages)


def _stage(stage: Callable[[], int]) -> int:
    try:
        return stage()
    except (OperationalError, InterfaceError):
        raise
    except Unreachable as gone:
        log.warning("the venue did not answer: %s", gone)
    except Exception:
        log.exception("a stage of the worker failed")
    return 0


def run_until_idle(*, now: datetime, turns_max: int = 1000) -> int:
    """Take turns until nothing is left to do at ``now``; return how much was done."""
    total = 0
    for _ in range(turns_max):
        done = turn(now=now)
        if not done:
            return total
        total += done
    raise RuntimeError(f"the worker is not idle after {turns_max} turns")


def run(stop: threading.Event) -> None:
    """Take turns until ``stop`` is set, finishing the batch in hand; a database that went away is waited for."""
    watch = brakes.ClockWatch()
    set_memory_apart()
    while not stop.is_set():
        try:
            venues.sandbox().settle()
            watch.look(now=venues.now(), present=datetime.now(UTC), steady=time.monotonic())
            done = turn(now=venues.now())
            upkeep.turn(now=venues.now(), present=datetime.now(UTC))
        except (OperationalError, InterfaceError, Unreachable) as gone:
            log.warning("the worker waits for the database: %s", gone)
            connections.close_all()
            done = 0
        if not done:
            stop.wait(IDLE_SECONDS)


def set_memory_apart() -> None:
    """Keep what is in memory now out of every later search for garbage: that took a sweep a quarter of its Python."""
    gc.collect()
    gc.freeze()


def _sweep(state: State, step: Sweep, *, now: datetime) -> int:
    """Take due cases of ``state`` and do ``step`` with them, in one transaction."""
    with transaction.atomic():
        if state in IRREVERSIBLE and brakes.engaged():
            return 0
        due = queries.due(state, now=now, most=BATCH)
        if not due:
            return 0
        done = _isolated(due, step, now=now)
        failpoint(f"sweep.{state}.before_commit")
    failpoint(f"sweep.{state}.committed")
    return done


def _isolated(cases: Sequence[int], step: Sweep, *, now: datetime) -> int:
    """Do ``step`` with ``cases``; where it breaks, halve them until the broken one stands alone, set aside."""
    if not cases:
        return 0
    try:
        with transaction.atomic():
            return step(cases, now)
    except (OperationalError, InterfaceError, Unreachable):
        raise
    except Exception:
        if len(cases) > 1:
            middle = len(cases) // 2
            return _isolated(cases[:middle], step, now=now) + _isolated(cases[middle:], step, now=now)
        log.exception("case %s is set aside: a sweep broke over it", cases[0])
        queries.set_aside(cases, until=now + BROKEN_ASIDE)
        return 0


def _lapse(due: Sequence[int], now: datetime) -> int:
    """End applications that were never submitted."""
    return len(advance(due, Event.LAPSE, actor=SYSTEM, now=now))


def _begin(due: Sequence[int], now: datetime) -> int:
    """Start scheduled applications whose date has come; give those that are still blocked another date."""
    begun = {step.case.pk for step in advance(due, Event.BEGIN, actor=SYSTEM, now=now)}
    late = queries.cases([case for case in due if case not in begun])
    reports = queries.reports(late, now=now)
    done = len(begun) + _hold([case for case in late if _unmet(reports, case) & {HOLD}], now=now)
    unknown = [case.pk for case in late if not _unmet(reports, case)]
    queries.set_aside(unknown, until=now + ASIDE)
    told = queries.told_last([case.pk for case in late])
    for case in late:
        codes = sorted(_unmet(reports, case))
        if not codes or HOLD in codes:
            continue
        event, begins_at, _ = applications.judge(reports[case.account_id], now=now)
        passes = event is Event.SCHEDULE and begins_at is not None and begins_at > now
        letter = None if passes else "" if told[case.pk].get("conditions") == codes else "stuck"
        again = {case.pk: begins_at if passes and begins_at else now + timedelta(days=1)}
        done += len(
            advance([case.pk], Event.SCHEDULE, actor=SYSTEM, now=now, begins_at=again, letter=letter,
                    detail={"conditions": codes})
        )  # fmt: skip
    return done


def _close(due: Sequence[int], now: datetime) -> int:
    """End the cooling-off of cases that are still clear; pause the others (R-CLO-6, R-CLO-10).

    Where facts are unknown nothing is closed and nobody is alarmed: the case is looked at again in a minute.
    """
    closed = {step.case.pk for step in advance(due, Event.CLOSE, actor=SYSTEM, now=now)}
    left = queries.cases([case for case in due if case not in closed])
    if not left:
        return len(closed)
    reports = queries.reports(left, now=now)
    queries.set_aside([case.pk for case in left if not _unmet(reports, case)], until=now + ASIDE)
    return len(closed) + _stop(left, reports, now=now)


def _erase(due: Sequence[int], now: datetime) -> int:
    """Begin the erasure of those whose observation is over, unless a hold at the venue forbids it (R-SUP-8)."""
    cases = queries.cases(due)
    stopped = queries.erasure_stopped(cases, now=now)
    free = [case.pk for case in cases if case.pk not in stopped]
    done = len(advance(free, Event.ERASE, actor=SYSTEM, now=now))
    return done + _hold([case for case in cases if case.pk in stopped], now=now)


SWEEPS: Sequence[tuple[State, Sweep]] = (
    (State.APPLICATION, _lapse),
    (State.OBSERVATION, _erase),
    (State.SCHEDULED, _begin),
    (State.COOLING_OFF, _close),
)


IRREVERSIBLE = frozenset({State.COOLING_OFF, State.OBSERVATION})  # what ends there cannot be undone


def _whole(step: Sweep) -> Sweep:
    """Return ``step`` as campaigns take it: a broken case is set aside, the others go on."""
    return lambda due, now: _isolated(due, step, now=now)


def _unmet(reports: Reports, case: Case) -> frozenset[str]:
    """Return the codes of the conditions that block ``case``; empty also where its facts are unknown."""
    report = reports.get(case.account_id)
    if report is None:
        return frozenset()
    return frozenset(
        finding.condition.code for finding in report.findings if finding.result is Result.BLOCKED
    )


def _hold(cases: Sequence[Case], *, now: datetime) -> int:
    fresh = [case.pk for case in cases if not case.held]
    return 0 if not fresh else len(advance(fresh, Event.HOLD, actor=SYSTEM, now=now))


def _stop(cases: Sequence[Case], reports: Reports, *, now: datetime) -> int:
    """Hold or interrupt those of ``cases`` that are blocked, naming what stands in the way but never a hold."""
    done = _hold([case for case in cases if HOLD in _unmet(reports, case)], now=now)
    alike: dict[tuple[str, ...], list[int]] = {}
    for case in cases:
        codes = tuple(sorted(_unmet(reports, case) - {HOLD}))
        if codes and case.state == State.COOLING_OFF and (case.held or HOLD not in _unmet(reports, case)):
            alike.setdefault(codes, []).append(case.pk)
    for codes, same in sorted(alike.items()):
        detail = {"conditions": list(codes)}
        done += len(advance(same, Event.INTERRUPT, actor=SYSTEM, now=now, detail=detail))
    return done


def _watch(*, now: datetime) -> int:
    """Look at frozen accounts again: a new blocker pauses the clock, its end lets it run on (R-CLO-10)."""
    watched = queries.watched(before=now - WATCH_EVERY, now=now, most=BATCH)
    if not watched:
        return 0
    failpoint("watch.noted")
    return _isolated(watched, _look, now=now)


def _look(watched: Sequence[int], now: datetime) -> int:
    cases = queries.cases(watched)
    closed = [case for case in cases if case.state in CLOSED]
    living = [case for case in cases if case.state not in CLOSED]
    reports = queries.reports(living, now=now)
    done = _stop(
        [case for case in living if case.state in (State.COOLING_OFF, State.PAUSE)], reports, now=now
    )
    gone = {case.pk for case in living if case.held and _hold_is_over(reports.get(case.account_id))}
    gone -= queries.standing_holds(gone, stops="closing")  # what compliance placed ends by a decision only
    gone -= queries.stopped_by_mandates(gone)
    stopped = queries.erasure_stopped(closed, now=now)
    gone |= {case.pk for case in closed if case.held and case.pk not in stopped}
    done += len(advance(queries.held_by_facts(gone), Event.RELEASE, actor=SYSTEM, now=now))
    clear = [case.pk for case in living if case.state == State.PAUSE and _clear(reports.get(case.account_id))]
    return done + len(advance(clear, Event.RESUME, actor=SYSTEM, now=now))


def _hold_is_over(report: Report | None) -> bool:
    return report is not None and any(
        finding.condition.code == HOLD and finding.result is Result.CLEAR for finding in report.findings
    )


def _clear(report: Report | None) -> bool:
    return report is not None and report.result is Result.CLEAR


def _effects(*, now: datetime) -> int:
    """Claim what is ready and hand it over kind by kind, a lease's worth at a time.

    What cannot be undone and what is written about it are one transaction, so that no hold comes between them.
    """
    claimed = effects.claim(now=now, most=EFFECTS, kinds=HANDLERS)
    if claimed:
        failpoint("effects.claimed")
    for kind in sorted({effect.kind for effect in claimed}):
        batch = [effect for effect in claimed if effect.kind == kind]
        together = TOGETHER.get(kind, TOGETHER_MAX)
        for first in range(0, len(batch), together):
            ours = effects.renew(batch[first : first + together])
            with transaction.atomic() if kind in closing.IRREVERSIBLE else nullcontext():
                outcomes = _outcomes(kind, ours, now=now)
                failpoint(f"{kind}.done")
                effects.complete(outcomes, now=now)
            if kind == Effect.CLOSE.value:
                failsafe.look(now=now)
    return len(claimed)


def _outcomes(kind: str, batch: Sequence[effects.Claimed], *, now: datetime) -> Sequence[effects.Outcome]:
    """Let the handler work; where it breaks, each effect is tried alone, and the broken one fails alone."""
    try:
        return HANDLERS[kind](batch, now) if batch else ()
    except (OperationalError, InterfaceError):
        raise
    except Unreachable:
        return [effects.Outcome(effect, fault="unreachable") for effect in batch]
    except Rejected as no:
        if len(batch) == 1:
            return [effects.Outcome(batch[0], fault=no.reason, final=True)]
    except Exception:
        if len(batch) == 1:
            log.exception("effect %s of kind %s failed", batch[0].id, kind)
            return [effects.Outcome(batch[0], fault=effects.BUG)]
    return [outcome for effect in batch for outcome in _outcomes(kind, [effect], now=now)]

"""Verbs of the case file. Each is one transaction: lock, check, decide, save, history, effects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction

from closeout import lifecycle
from closeout.cases import journal, ordered, policies, queries
from closeout.cases.models import Case, Mandate
from closeout.conditions.check import Report, Result
from closeout.lifecycle import FINAL, TABLE, Event, Life, State
from closeout.reasons import Reason, Refused


@dataclass(frozen=True)
class Actor:
    """Who does it: holder, agent with a number, or the system."""

    kind: str
    ident: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.ident}" if self.ident else self.kind


HOLDER = Actor("holder")
SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True)
class Step:
    """One case after one event."""

    case: Case
    event: Event
    before: Life
    after: Life
    effects: tuple[lifecycle.Effect, ...]
    detail: Mapping[str, object] = field(default_factory=dict)
    letter: str | None = None  # what the holder is told instead of the event's own letter


def life_of(case: Case) -> Life:
    """Return what the lifecycle needs to know of ``case``."""
    return Life(
        State(case.state), case.due_at, case.clock_left, held=case.held, verified=case.verified_at is not None
    )


def advance(
    cases: Collection[int],
    event: Event,
    *,
    actor: Actor,
    now: datetime,
    begins_at: Mapping[int, datetime] | None = None,
    detail: Mapping[str, object] | None = None,
    wait: bool = False,
    letter: str | None = None,
) -> list[Step]:
    """Apply ``event`` to each of ``cases`` that allows it: one history line and its effects per step.

    A person waits for the row and is told why it is refused. For the system, a case that is locked or does
    not allow the event is left for the next sweep; with ``wait`` it waits too, for what must not be lost.
    ``begins_at``: for SCHEDULE, the date by case. ``letter``: told instead of the event's own; empty for none.
    ``now``: aware UTC. Raises: Refused (a person only).
    """
    person = actor is not SYSTEM
    with transaction.atomic():
        locked = queries.lock(cases, wait=person or wait)
        reports = queries.reports(locked, now=now) if _needs_report(locked, event) else {}
        clear = _clear(reports)
        steps = []
        for case in locked:
            report = reports.get(case.account_id)
            begins = (begins_at or {}).get(case.pk)
            is_clear = case.account_id in clear
            try:
                step = _step(case, event, is_clear, now=now, begins_at=begins, detail=detail, actor=actor)
                steps.append(_lettered(step, letter))
            except lifecycle.Impossible as why:
                if person:
                    raise Refused(*_reasons(why.reason, report)) from why
        journal.record(steps, actor=str(actor), now=now)
    return steps


def _lettered(step: Step, letter: str | None) -> Step:
    if letter is None:
        return step
    told = lifecycle.Effect.NOTIFY if not letter else None
    return replace(
        step, letter=letter, effects=tuple(effect for effect in step.effects if effect is not told)
    )


def _needs_report(cases: Sequence[Case], event: Event) -> bool:
    transitions = (TABLE.get((State(case.state), event)) for case in cases)
    return any(transition is not None and transition.needs_clear for transition in transitions)


def _clear(reports: Mapping[int, Report]) -> frozenset[int]:
    """Return the accounts of which every condition is met; clean reports share their findings."""
    judged: dict[int, bool] = {}
    for report in reports.values():
        known = id(report.findings)
        if known not in judged:
            judged[known] = report.result is Result.CLEAR
    return frozenset(account for account, report in reports.items() if judged[id(report.findings)])


def _step(
    case: Case,
    event: Event,
    clear: bool,  # noqa: FBT001 - private
    *,
    now: datetime,
    begins_at: datetime | None,
    detail: Mapping[str, object] | None,
    actor: Actor,
) -> Step:
    before = life_of(case)
    policy = policies.of_version(case.policy_id)
    if case.campaign_id is not None and event is Event.WITHDRAW and actor == HOLDER:
        raise lifecycle.Impossible("ordered")
    after, effects = lifecycle.decide(before, event, policy, clear=clear, now=now, begins_at=begins_at)
    if before.state is State.REVIEW and after.state in FINAL and _was_frozen(case):
        effects = (lifecycle.Effect.UNFREEZE, *effects)
    return Step(case, event, before, after, ordered.effects_of(case, event, effects), detail or {})


def _was_frozen(case: Case) -> bool:
    """Return whether the account was frozen before anything was decided: somebody else than its holder asks."""
    return Mandate.objects.filter(case=case, froze=True).exists()


def _reasons(code: str, report: Report | None) -> list[Reason]:
    if code != "blocked" or report is None:
        return [Reason(code)]
    unmet = [finding for finding in report.findings if finding.result is Result.BLOCKED]
    if not unmet:
        return [Reason("unknown_facts")]
    return [Reason("blocked", {"count": len(unmet)})]


def withdraw(case: Case, *, actor: Actor, now: datetime) -> Step:
    """Take the application back: everything works as before (R-CLO-5). Raises: Refused."""
    (step,) = advance([case.pk], Event.WITHDRAW, actor=actor, now=now)
    return step


def hold(case: Case, *, actor: Actor, now: datetime) -> Step:
    """Stop the clock of ``case`` and make erasure impossible (R-SUP-8). Raises: Refused."""
    (step,) = advance([case.pk], Event.HOLD, actor=actor, now=now)
    return step


def release(case: Case, *, actor: Actor, now: datetime) -> Step:
    """Let the clock of ``case`` run on from where it stopped. Raises: Refused."""
    (step,) = advance([case.pk], Event.RELEASE, actor=actor, now=now)
    return step

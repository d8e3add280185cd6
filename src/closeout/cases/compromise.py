"""When somebody else may be in the account: stop everything first, recover, and close only then (R-SUP-10)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from closeout.cases import audit, clearings, desk, holds, journal, queries
from closeout.cases.models import Case, Task
from closeout.cases.office import office
from closeout.cases.operations import HOLDER, Actor, advance
from closeout.clearing.choices import Choices
from closeout.clearing.stages import Stage
from closeout.lifecycle import CLOSED, FINAL, FROZEN, Effect, Event
from closeout.reasons import refuse

TEAM, KIND = "support", "compromise"
NEUTRAL = Actor("review")  # histories do not tell why people look


def stands(account_id: int, *, venue: str) -> bool:
    """Say whether the account is protected until its owner is known again."""
    return Task.objects.filter(
        venue=venue, account_id=account_id, team=TEAM, kind=KIND, closed_at=None
    ).exists()


def protect(case: Case, *, now: datetime) -> bool:
    """Freeze the account, stop the clock of ``case``, and tell every contact; return whether it was done now.

    Twice is once. The keys are another step (:func:`revoke_keys`), for it asks the venue.
    Raises: Refused (already_closed, already_ended).
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        if case.state in CLOSED or case.state in FINAL:
            raise refuse("already_closed" if case.state in CLOSED else "already_ended")
        if stands(case.account_id, venue=case.venue):
            return False
        frozen = case.state in FROZEN
        desk.open_task(case, TEAM, KIND, now=now, due=office().answer_by(now))
        if not case.held:
            advance([case.pk], Event.HOLD, actor=NEUTRAL, now=now)
        freeze = [] if frozen else [(case.pk, Effect.FREEZE, dict[str, object](), now)]
        told = (case.pk, Effect.NOTIFY, {"template": "protect"}, now)
        journal.enqueue([*freeze, told], lane=journal.AWAITED)
        audit.append([audit.Line(case.number, "account:protect", str(HOLDER), {"frozen": frozen})], now=now)
    return True


def revoke_keys(account_id: int, *, venue: str) -> int:
    """Begin to revoke every key, bot and access of the account; return how many. A worker goes on with it.

    Raises: Unreachable.
    """
    shown = clearings.show(account_id, venue=venue)
    things = frozenset(
        thing for offer in shown.offers if offer.line.stage is Stage.REVOKE for thing in offer.line.things
    )
    if not things:
        return 0
    only = clearings.show(account_id, venue=venue, choices=Choices(only=things))
    clearings.start(account_id, venue=venue, digest=only.digest)
    return len(things)


def recover(case: Case, *, actor: Actor, now: datetime) -> bool:
    """Give the account back to its owner, who is known again: unfrozen, and the clock runs on from where it stopped.

    Returns whether it was protected. Nothing else that holds the case is touched. Raises: Refused.
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        if not stands(case.account_id, venue=case.venue):
            return False
        desk.close_tasks(case, now=now, team=TEAM, kind=KIND)
        holds.settle(case, now=now)
        (case,) = queries.cases([case.pk])
        effects = [(case.pk, Effect.NOTIFY, {"template": "recover"}, now)]
        if case.state not in FROZEN and case.state not in CLOSED:
            effects.insert(0, (case.pk, Effect.UNFREEZE, {}, now))
        journal.enqueue(effects, lane=journal.AWAITED)
        audit.append([audit.Line(case.number, "account:recover", str(actor))], now=now)
    return True

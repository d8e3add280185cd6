"""The life of a case on one page: states, events, transitions, due dates. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from closeout.policy import Policy


class State(StrEnum):
    """Where a case stands; a noun that could head a letter."""

    APPLICATION = "application"  # opened by the holder: risk list, codes
    SCHEDULED = "scheduled"  # submitted; waits for dates that are known
    REVIEW = "review"  # submitted; people decide
    COOLING_OFF = "cooling_off"  # frozen at the venue; can be taken back
    PAUSE = "pause"  # frozen; something new stands in the way, the clock is stopped
    CLOSING = "closing"  # the last check passed; the venue is told to close
    OBSERVATION = "observation"  # closed; late value can be claimed
    ERASURE = "erasure"  # keys are being destroyed, systems are told
    ERASED = "erased"
    WITHDRAWAL = "withdrawal"  # taken back by the holder
    REFUSAL = "refusal"  # refused by people, with reasons
    LAPSE = "lapse"  # an application that was never submitted


FINAL = frozenset({State.ERASED, State.WITHDRAWAL, State.REFUSAL, State.LAPSE})
FROZEN = frozenset({State.COOLING_OFF, State.PAUSE, State.CLOSING})
CLOSED = frozenset({State.OBSERVATION, State.ERASURE, State.ERASED})


class Event(StrEnum):
    """What can happen to a case; a verb that could stand on a button."""

    SUBMIT = "submit"
    ORDER = "order"  # a campaign of the operator closes the account; two people started it
    SCHEDULE = "schedule"
    REFER = "refer"
    BEGIN = "begin"
    APPROVE = "approve"
    REFUSE = "refuse"
    INTERRUPT = "interrupt"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    CLOSE = "close"
    REOPEN = "reopen"
    CONFIRM_CLOSED = "confirm_closed"
    ERASE = "erase"
    CONFIRM_ERASED = "confirm_erased"
    LAPSE = "lapse"
    HOLD = "hold"
    RELEASE = "release"


class Effect(StrEnum):
    """What a transition asks of the outside; done by the worker from the outbox."""

    FREEZE = "venue.freeze"
    UNFREEZE = "venue.unfreeze"
    ARCHIVE = "archive.build"  # when it is sealed, the worker goes on with CLOSE
    RECORDS = "records.build"  # asked for by the holder, whenever they like
    CLOSE = "venue.close"
    ERASE_VENUE = "venue.erase"
    ERASE_KEYS = "vault.destroy"  # only when the venue has erased: a hold there stops it
    CERTIFY = "certificate.issue"
    NOTIFY = "message.send"
    SIGNAL = "signal.send"  # to a relying party; waits for nothing, and nothing waits for it
    INQUIRE = "venue.inquire"  # what the venue's own ledger says of one asset, for an investigation


@dataclass(frozen=True)
class Transition:
    """One line of the table. ``after``: policy field with the days until the next due date."""

    to: State
    effects: tuple[Effect, ...] = ()
    after: str | None = None
    needs_clear: bool = False  # every condition must be clear at this moment
    needs_due: bool = False  # not before ``due_at``
    stops_clock: bool = False
    starts_clock: bool = False


S, V, F = State, Event, Effect
TABLE: Mapping[tuple[State, Event], Transition] = {
    (S.APPLICATION, V.SUBMIT): Transition(S.COOLING_OFF, (F.FREEZE, F.NOTIFY), "cooling_off_days", needs_clear=True),
    (S.APPLICATION, V.ORDER): Transition(S.COOLING_OFF, after="cooling_off_days"),
    (S.APPLICATION, V.SCHEDULE): Transition(S.SCHEDULED, (F.NOTIFY,)),
    (S.APPLICATION, V.REFER): Transition(S.REVIEW, (F.NOTIFY,)),
    (S.APPLICATION, V.LAPSE): Transition(S.LAPSE, needs_due=True),
    (S.APPLICATION, V.WITHDRAW): Transition(S.WITHDRAWAL),
    (S.SCHEDULED, V.BEGIN): Transition(
        S.COOLING_OFF, (F.FREEZE, F.NOTIFY), "cooling_off_days", needs_clear=True, needs_due=True
    ),
    (S.SCHEDULED, V.SCHEDULE): Transition(S.SCHEDULED, (F.NOTIFY,)),
    (S.SCHEDULED, V.REFER): Transition(S.REVIEW, (F.NOTIFY,)),
    (S.SCHEDULED, V.WITHDRAW): Transition(S.WITHDRAWAL, (F.NOTIFY,)),
    (S.REVIEW, V.APPROVE): Transition(S.COOLING_OFF, (F.FREEZE, F.NOTIFY), "cooling_off_days", needs_clear=True),
    (S.REVIEW, V.REFUSE): Transition(S.REFUSAL, (F.NOTIFY,)),
    (S.REVIEW, V.WITHDRAW): Transition(S.WITHDRAWAL, (F.NOTIFY,)),
    (S.COOLING_OFF, V.INTERRUPT): Transition(S.PAUSE, (F.NOTIFY,), stops_clock=True),
    (S.COOLING_OFF, V.WITHDRAW): Transition(S.WITHDRAWAL, (F.UNFREEZE, F.NOTIFY)),
    (S.COOLING_OFF, V.CLOSE): Transition(S.CLOSING, (F.ARCHIVE,), needs_clear=True, needs_due=True),
    (S.PAUSE, V.RESUME): Transition(S.COOLING_OFF, (F.NOTIFY,), needs_clear=True, starts_clock=True),
    (S.PAUSE, V.WITHDRAW): Transition(S.WITHDRAWAL, (F.UNFREEZE, F.NOTIFY)),
    (S.CLOSING, V.REOPEN): Transition(S.PAUSE, (F.NOTIFY,), stops_clock=True),
    (S.CLOSING, V.CONFIRM_CLOSED): Transition(S.OBSERVATION, (F.CERTIFY, F.NOTIFY), "observation_days"),
    (S.OBSERVATION, V.ERASE): Transition(S.ERASURE, (F.NOTIFY, F.ERASE_VENUE), needs_due=True),
    (S.ERASURE, V.CONFIRM_ERASED): Transition(S.ERASED),
}  # fmt: skip

HOLDABLE = frozenset(State) - FINAL
STOPPED_BY_HOLD = frozenset({V.SUBMIT, V.ORDER, V.BEGIN, V.APPROVE, V.RESUME, V.CLOSE, V.ERASE, V.LAPSE})


@dataclass(frozen=True, slots=True)
class Life:
    """What the lifecycle needs to know of a case. Times are aware UTC.

    ``clock_left`` is what remains of a stopped clock; ``due_at`` is then None. ``held`` is orthogonal to the
    state: a hold stops the clock wherever the case stands, and leaves the state as it was (R-SUP-8).
    """

    state: State
    due_at: datetime | None = None
    clock_left: timedelta | None = None
    held: bool = False
    verified: bool = False


class Impossible(Exception):
    """The event cannot happen to this case now. ``reason`` is a code of :mod:`closeout.reasons`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decide(
    life: Life, event: Event, policy: Policy, *, clear: bool, now: datetime, begins_at: datetime | None = None
) -> tuple[Life, tuple[Effect, ...]]:
    """Return the life after ``event`` and what it asks of the outside; change nothing.

    ``clear``: every condition holds at this moment. ``begins_at``: for SCHEDULE, the date that is waited for.
    ``now``: aware UTC. Raises: Impossible.
    """
    if event is Event.HOLD:
        return _hold(life, now=now), ()
    if event is Event.RELEASE:
        return _release(life, now=now), ()
    transition = TABLE.get((life.state, event))
    if transition is None:
        raise Impossible(_why_not(life.state, event))
    if life.held and event in STOPPED_BY_HOLD:
        raise Impossible("under_review")
    if event in {Event.SUBMIT, Event.ORDER, Event.SCHEDULE, Event.APPROVE} and not life.verified:
        raise Impossible("not_verified")
    if transition.needs_due and (life.due_at is None or now < life.due_at):
        raise Impossible("not_due")
    if transition.needs_clear and not clear:
        raise Impossible("blocked")
    if event is Event.SCHEDULE:
        if begins_at is None:
            raise Impossible("no_date")
        return _dated(life, State.SCHEDULED, begins_at, now=now), transition.effects
    return _step(life, transition, policy, now=now), transition.effects


def _step(life: Life, transition: Transition, policy: Policy, *, now: datetime) -> Life:
    held = life.held and transition.to not in FINAL
    moved = Life(transition.to, held=held, verified=life.verified)
    if transition.stops_clock:
        left = life.due_at - now if life.due_at else life.clock_left
        return replace(moved, clock_left=max(left or timedelta(0), timedelta(0)))
    if transition.starts_clock:
        least = timedelta(hours=policy.resume_hours)
        return _dated(life, transition.to, now + max(life.clock_left or least, least), now=now)
    if transition.after is not None:
        return _dated(life, transition.to, now + timedelta(days=getattr(policy, transition.after)), now=now)
    return moved


def _dated(life: Life, to: State, due_at: datetime, *, now: datetime) -> Life:
    """Return ``life`` in ``to`` with a date, or with a stopped clock if a hold stands."""
    if life.held:
        return replace(life, state=to, due_at=None, clock_left=max(due_at - now, timedelta(0)))
    return replace(life, state=to, due_at=due_at, clock_left=None)


def _hold(life: Life, *, now: datetime) -> Life:
    if life.state not in HOLDABLE or life.held:
        raise Impossible("not_holdable")
    if life.due_at is None:
        return replace(life, held=True)
    return replace(life, held=True, due_at=None, clock_left=max(life.due_at - now, timedelta(0)))


def _release(life: Life, *, now: datetime) -> Life:
    if not life.held:
        raise Impossible("not_held")
    if life.state is State.PAUSE or life.clock_left is None:
        return replace(life, held=False)
    return replace(life, held=False, due_at=now + life.clock_left, clock_left=None)


def _why_not(state: State, event: Event) -> str:
    if state is State.CLOSING:
        return "being_closed"
    if state in CLOSED:
        return "already_closed"
    if event is Event.WITHDRAW and state in FINAL:
        return "already_ended"
    return "not_now"


def allowed(life: Life) -> frozenset[Event]:
    """Return the events that the state and the hold allow, whatever the clock and the conditions say."""
    held = STOPPED_BY_HOLD if life.held else frozenset[Event]()
    found = {event for state, event in TABLE if state is life.state and event not in held}
    if life.held:
        found.add(Event.RELEASE)
    elif life.state in HOLDABLE:
        found.add(Event.HOLD)
    return frozenset(found)

"""The lifecycle explored exhaustively: every state × event × hold × clock × conditions that can be reached."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from closeout import lifecycle
from closeout.lifecycle import FINAL, TABLE, Event, Impossible, Life, State
from closeout.policy import Policy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy(cooling_off_days=2, observation_days=30, application_days=2, resume_hours=24)
TICK = timedelta(days=1)


@dataclass(frozen=True)
class World:
    """A life with what the properties need to remember about how it came here."""

    life: Life  # its dates are relative to NOW: a day that passes moves them, not the clock
    cooled: int = 0  # days spent in cooling-off
    observed: int = 0  # days spent in observation
    was_verified: bool = False


def explore() -> list[tuple[World, Event, bool, World]]:
    """Return every step that can be taken from a new application, with the clock ticking in whole days."""
    start = World(Life(State.APPLICATION, NOW + timedelta(days=2)))
    seen, steps, todo = {start}, [], deque([start])
    while todo:
        world = todo.popleft()
        for following, event, clear in _next(world):
            if event is not None:
                steps.append((world, event, clear, following))
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return steps


def _next(world: World) -> list[tuple[World, Event | None, bool]]:
    found: list[tuple[World, Event | None, bool]] = []
    due_at = world.life.due_at
    if due_at is not None and due_at > NOW - 2 * TICK:
        cooled = world.cooled + (world.life.state is State.COOLING_OFF)
        observed = world.observed + (world.life.state is State.OBSERVATION)
        older = replace(world.life, due_at=due_at - TICK)
        found.append(
            (replace(world, life=older, cooled=min(cooled, 9), observed=min(observed, 40)), None, False)
        )
    if world.life.state is State.APPLICATION and not world.life.verified:
        found.append(
            (replace(world, life=replace(world.life, verified=True), was_verified=True), None, False)
        )
    for event in Event:
        for clear in (True, False):
            try:
                life, _ = lifecycle.decide(
                    world.life, event, POLICY, clear=clear, now=NOW, begins_at=NOW + TICK
                )
            except Impossible:
                continue
            found.append((replace(world, life=life), event, clear))
    return found


@pytest.fixture(scope="module")
def steps() -> list[tuple[World, Event, bool, World]]:
    """Explore once; the properties below look at the same steps."""
    return explore()


def test_every_transition_of_the_table_is_reached(steps: list[tuple[World, Event, bool, World]]) -> None:
    reached = {(before.life.state, event) for before, event, _, _ in steps}
    assert set(TABLE) <= reached


def test_nothing_is_frozen_or_closed_without_verification(
    steps: list[tuple[World, Event, bool, World]],
) -> None:
    """R-CLO-3. In review a factor may be missing that people replace by proof (R-DIA-6); approval needs it all."""
    unfrozen = {State.APPLICATION, State.REVIEW, State.REFUSAL, State.WITHDRAWAL, State.LAPSE}
    for before, event, _, after in steps:
        if after.life.state not in unfrozen:
            assert after.was_verified, (before, event)


def test_closing_needs_the_whole_cooling_off_no_blocker_and_no_hold(
    steps: list[tuple[World, Event, bool, World]],
) -> None:
    """R-CLO-5, R-CLO-10, R-SUP-8."""
    closings = [step for step in steps if step[1] is Event.CLOSE]
    assert closings
    for before, _, clear, _ in closings:
        assert before.cooled >= POLICY.cooling_off_days
        assert clear
        assert not before.life.held


def test_erasing_needs_the_whole_observation_and_no_hold(
    steps: list[tuple[World, Event, bool, World]],
) -> None:
    """R-CLO-7, R-SUP-8."""
    erasings = [step for step in steps if step[1] is Event.ERASE]
    assert erasings
    for before, _, _, _ in erasings:
        assert before.observed >= POLICY.observation_days
        assert not before.life.held


def test_a_final_state_has_no_way_out_and_every_other_has_one(
    steps: list[tuple[World, Event, bool, World]],
) -> None:
    for state in State:
        if state in FINAL:
            assert lifecycle.allowed(Life(state)) == frozenset()
        else:
            assert lifecycle.allowed(Life(state)) - {Event.HOLD}
    assert not [before for before, _, _, _ in steps if before.life.state in FINAL]


def test_a_hold_stops_the_clock_everywhere(steps: list[tuple[World, Event, bool, World]]) -> None:
    """R-SUP-8: hard cases 38 and 40."""
    for before, event, _, after in steps:
        if after.life.held:
            assert after.life.due_at is None, (before, event)
        if before.life.held and after.life.state is not before.life.state:
            assert event in {Event.WITHDRAW, Event.REFUSE, Event.INTERRUPT, Event.REOPEN, Event.CONFIRM_CLOSED,
                             Event.CONFIRM_ERASED, Event.SCHEDULE, Event.REFER}  # fmt: skip


def test_release_gives_back_exactly_what_was_left() -> None:
    life = Life(State.COOLING_OFF, NOW + timedelta(days=2), verified=True)
    held, _ = lifecycle.decide(life, Event.HOLD, POLICY, clear=True, now=NOW + timedelta(hours=5))
    free, _ = lifecycle.decide(held, Event.RELEASE, POLICY, clear=True, now=NOW + timedelta(days=100))
    assert free.due_at == NOW + timedelta(days=102) - timedelta(hours=5)


def test_a_resumed_case_leaves_a_day_to_react() -> None:
    """Hard case 1: value that arrives in the last minute must not end in a closing that nobody could stop."""
    life = Life(State.COOLING_OFF, NOW + timedelta(minutes=1), verified=True)
    paused, _ = lifecycle.decide(life, Event.INTERRUPT, POLICY, clear=False, now=NOW)
    resumed, _ = lifecycle.decide(paused, Event.RESUME, POLICY, clear=True, now=NOW + timedelta(days=3))
    assert resumed.due_at == NOW + timedelta(days=4)

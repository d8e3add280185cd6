"""Exact limits: exactly N admitted, whatever the concurrency (security bar B12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cases.exchange import Exchange, parallel

from closeout.cases.limits import wait_for

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("count", [1, 3, 10])
def test_exactly_so_many_are_admitted_in_parallel(exchange: Exchange, count: int) -> None:
    """R-CLO-3: thirty at once, and not one more than the limit."""
    now = exchange.now
    answers = parallel(*[lambda: wait_for("storm", count=count, per=HOUR, now=now)] * 30)
    assert sum(answer == timedelta(0) for answer in answers) == count
    assert all(answer > timedelta(0) for answer in answers if answer != timedelta(0))


def test_who_waits_as_long_as_told_is_admitted(exchange: Exchange) -> None:
    """R-DIA-5: the seconds that are told are enough, and none too many."""
    now = exchange.now
    for _ in range(4):
        assert wait_for("patient", count=4, per=HOUR, now=now) == timedelta(0)
    told = wait_for("patient", count=4, per=HOUR, now=now)
    assert wait_for("patient", count=4, per=HOUR, now=now + told - timedelta(seconds=1)) > timedelta(0)
    assert wait_for("patient", count=4, per=HOUR, now=now + told) == timedelta(0)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 6),
    gaps=st.lists(st.integers(0, 3000), min_size=1, max_size=25),
    key=st.uuids(),
)
def test_no_window_admits_more_than_twice_the_limit(
    exchange: Exchange, count: int, gaps: list[int], key: object
) -> None:
    """A limiter of this kind admits a burst and then a steady flow: below two limits in any window."""
    now, admitted = exchange.now, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if wait_for(str(key), count=count, per=HOUR, now=now) == timedelta(0):
            admitted.append(now)
    for begin in admitted:
        within = [moment for moment in admitted if begin <= moment < begin + HOUR]
        assert len(within) < 2 * count + 1


def test_a_clock_that_goes_back_does_not_lock_for_ever(exchange: Exchange) -> None:
    """Issue 8: clock jumps do no harm; the longest wait is the span and the jump."""
    now = exchange.now
    assert wait_for("jump", count=1, per=HOUR, now=now + timedelta(days=1)) == timedelta(0)
    told = wait_for("jump", count=1, per=HOUR, now=now)
    assert told <= timedelta(days=1, hours=1)
    assert wait_for("jump", count=1, per=HOUR, now=now + told) == timedelta(0)

"""What the footers of files rule out is left out, and nothing else (R-CHK-20)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from closeout.conditions.branches import decides
from closeout.conditions.catalog import by_code
from closeout.facts.parquet import Bounds
from closeout.policy import Policy

AT = datetime(2026, 11, 22)
ROW = Policy().row(AT)
LEAST = Decimal("1e-18")
NOTHING = Bounds(None, None, None)
SOUND = {
    "available": Bounds(Decimal(0), Decimal(9), 0), "locked": Bounds(Decimal(0), Decimal(9), 0),
    "withdraw_min": Bounds(Decimal(0), Decimal(9), 7),
}  # fmt: skip
EVENTS = {"kind": Bounds(None, None, 0), "happened_at": Bounds(datetime(2020, 1, 1), AT, 0)}


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, "false"),
        ({"locked": Bounds(-LEAST, Decimal(9), 0)}, "r.locked < 0"),
        ({"locked": Bounds(None, Decimal(9), 0)}, "r.locked < 0"),
        ({"available": Bounds(Decimal(-9), Decimal(9), 1)}, "r.available IS NULL"),
        ({"available": Bounds(Decimal(0), Decimal(9), None)}, "r.available IS NULL"),
        ({"withdraw_min": Bounds(-LEAST, Decimal(9), 0)}, "r.withdraw_min < 0"),
    ],
)
def test_a_balance_that_cannot_contradict_itself_is_not_looked_at(
    change: dict[str, Bounds], left: str
) -> None:
    fault = by_code()["balance_contradictory"]
    assert decides(fault, [SOUND | change], ROW).strip("()") == left
    assert decides(fault, [SOUND, SOUND | change], ROW).strip("()") == left


def test_one_file_that_says_nothing_keeps_everything() -> None:
    fault = by_code()["balance_contradictory"]
    everything = decides(fault, [{}], ROW)
    assert everything.count(" or ") == 3
    assert decides(fault, [SOUND, {}], ROW) == everything
    assert decides(fault, [dict.fromkeys(SOUND, NOTHING)], ROW) == everything


@pytest.mark.parametrize(("late", "left"), [(0, False), (1, True)])
def test_a_time_is_ruled_out_up_to_the_very_moment(late: int, *, left: bool) -> None:
    most = AT + timedelta(microseconds=late)
    bounds: dict[str, Any] = EVENTS | {"happened_at": Bounds(datetime(2020, 1, 1), most, 0)}
    assert (decides(by_code()["security_event_contradictory"], [bounds], ROW) != "false") is left

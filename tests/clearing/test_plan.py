import dataclasses
from decimal import Decimal

from tests.clearing import people
from tests.clearing.people import ADDRESSES, MESSY

from closeout.clearing.choices import Choices, Consent, Way, suggested
from closeout.clearing.look import look
from closeout.clearing.plan import Outlook, plan
from closeout.clearing.stages import Stage
from closeout.policy import Policy
from closeout.venues.base import Remedy
from closeout.venues.paper import Paper

PROJECTED = Outlook(projected=True)


def choices(venue: Paper) -> Choices:
    return suggested(venue.destinations(MESSY), now=venue.now())


def test_the_same_facts_give_the_same_plan(venue: Paper) -> None:
    reports = look(venue, Policy(), MESSY)
    assert plan(reports, main=MESSY, choices=choices(venue)) == plan(
        reports, main=MESSY, choices=choices(venue)
    )


def test_stages_are_planned_in_order_and_orders_in_batches(venue: Paper) -> None:
    """R-CLR-1: 45 orders of one account are three commands, never more than 20 orders in one."""
    found = plan(look(venue, Policy(), MESSY), main=MESSY, choices=choices(venue))
    order = [list(Stage).index(line.stage) for line in found.lines]
    assert order == sorted(order)
    batches = [len(line.command.items) for line in found.stage(Stage.CANCEL)]
    assert sorted(batches, reverse=True) == [20, 20, 5, 1]


def test_waits_have_dates_and_the_latest_decides(venue: Paper) -> None:
    """R-CHK-19: what only time ends is a wait with its date; the earliest closing date is the latest of them."""
    found = plan(look(venue, Policy(), MESSY), main=MESSY, choices=choices(venue))
    assert [(wait.blocker.item, wait.blocker.clears_at) for wait in found.waits] == [
        ("e-3", people.AT.replace(day=31))
    ]
    assert {trap.code for trap in found.traps} >= {"keep_second_factor", "keep_password"}
    assert all(set(trap.text) == {"en", "zh"} for trap in found.traps)


def test_a_hold_plans_nothing_and_says_only_that_support_helps() -> None:
    """R-SUP-8, hard cases 31 and 38: under a hold nothing moves, and the task is neutral."""
    venue = people.messy()
    venue.book.rows["hold"].append(people.held())
    found = plan(look(venue, Policy(), MESSY), main=MESSY, choices=choices(venue))
    assert found.held
    assert found.lines == ()
    assert any(task.who == "support" for task in found.manual)


def test_left_out_items_stay_and_are_named(venue: Paper) -> None:
    left_out = frozenset({"cancel_orders:7:o-3", "redeem:7:e-1", "withdraw:7:USDT", "unbind:7:m-1"})
    chosen = dataclasses.replace(choices(venue), left_out=left_out)
    found = plan(look(venue, Policy(), MESSY), main=MESSY, choices=chosen, outlook=PROJECTED)
    things = {thing for line in found.lines for thing in line.things}
    assert things.isdisjoint(left_out)
    assert {left.thing for left in found.leftovers if left.reason == "left_out"} == left_out


def test_per_item_buttons_are_a_plan_for_single_items(venue: Paper) -> None:
    """R-CLR-5: 去处理 on one item plans only that item."""
    chosen = dataclasses.replace(choices(venue), only=frozenset({"redeem:7:e-1"}))
    single = plan(look(venue, Policy(), MESSY), main=MESSY, choices=chosen)
    assert [line.things for line in single.lines] == [("redeem:7:e-1",)]


def test_money_without_a_destination_waits_for_the_holder(venue: Paper) -> None:
    """Nothing is sold and nothing is sent anywhere unless the holder says so."""
    only_btc = Choices(destinations=tuple(way for way in ADDRESSES if way.asset == "BTC"))
    found = plan(look(venue, Policy(), MESSY), main=MESSY, choices=only_btc, outlook=PROJECTED)
    reasons = {left.asset: left.reason for left in found.leftovers}
    assert reasons["USDT"] == "no_destination"
    assert Remedy.SEND not in {line.command.kind for line in found.lines}


def test_dust_exits_need_their_own_line_of_consent(venue: Paper) -> None:
    """R-CLR-6, hard cases 5 and 6: without consent unpriced dust stays; with it, at most so much leaves."""
    venue.deposit(MESSY, "funding", "GHOST", Decimal(1))
    reports = look(venue, Policy(), MESSY)
    outlook = Outlook(unsold={"GHOST": "no_price", "LUNC": "delisted"})
    without = plan(reports, main=MESSY, choices=choices(venue), outlook=outlook)
    assert without.stage(Stage.EXITS) == ()
    assert {left.reason for left in without.leftovers if left.asset == "GHOST"} == {"no_price"}
    for most, expected in ((Decimal(6), 1), (Decimal("5.99"), 0)):
        consents = (Consent(asset="GHOST", way=Way.FORFEIT, amount_max=most),)
        chosen = dataclasses.replace(choices(venue), consents=consents)
        assert len(plan(reports, main=MESSY, choices=chosen, outlook=outlook).stage(Stage.EXITS)) == expected


def test_a_negative_fraction_is_never_swept_or_hidden(venue: Paper) -> None:
    """Hard case 4: the exact figure stays in the plan; only the operator can write it off."""
    venue.deposit(MESSY, "trading", "BTC", Decimal("-0.500000001"))
    found = plan(look(venue, Policy(), MESSY), main=MESSY, choices=choices(venue))
    left = [left for left in found.leftovers if left.reason == "negative"]
    assert [(f"{one.subject} {one.asset}", one.amount) for one in left] == [
        ("trading BTC", Decimal("-0.000000001"))
    ]
    assert not any("gather:7:trading:BTC" in line.things for line in found.lines)
    assert found.earliest_at is None


def test_a_payment_method_stays_while_money_has_to_leave_through_it(venue: Paper) -> None:
    """R-CHK-19: unbind payment methods last."""
    from closeout.venues.base import Destination

    chosen = Choices(destinations=(Destination("USDT", "bank", "m-2"),))
    found = plan(look(venue, Policy(), MESSY), main=MESSY, choices=chosen)
    assert {left.thing: left.reason for left in found.leftovers}["unbind:7:m-2"] == "still_needed"
    assert [line.things for line in found.stage(Stage.UNBIND)] == [("unbind:7:m-1",)]

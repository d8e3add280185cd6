import dataclasses
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.clearing import people
from tests.clearing.doing import clear, holdings, show, unbalanced
from tests.clearing.people import AT, MESSY

from closeout.clearing import run
from closeout.clearing.journal import MemoryJournal, RunState
from closeout.facts.schema import OpenOrder
from closeout.policy import Policy
from closeout.reasons import Refused
from closeout.venues.base import Unreachable
from closeout.venues.paper import Fault, Paper


def undisturbed() -> Paper:
    venue = people.messy()
    journal = MemoryJournal()
    clear(venue, journal, show(venue, journal))
    return venue


def test_one_click_clears_all_that_the_holder_may_clear(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-1: afterwards only the staking that matures later and dust nobody buys are left."""
    opened, events = clear(venue, journal, show(venue, journal))
    outcome = run.outcome(venue, journal, Policy(), opened)
    assert outcome.state is RunState.WAITING
    assert outcome.plan.lines == ()
    assert [wait.blocker.item for wait in outcome.plan.waits] == ["e-3"]
    assert {(left.asset, left.reason) for left in outcome.plan.leftovers} == {
        ("GHOST", "no_price"), ("LUNC", "delisted"),
    }  # fmt: skip
    assert not unbalanced(venue)
    assert {address for _, _, address, _ in venue.book.sent} == {"T-holder", "bc1-holder", "0x-holder"}
    assert [event.id for event in events] == sorted({event.id for event in events})


def test_progress_counts_up_item_by_item(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-5: counts, not spinners; the stream can be resumed after any event."""
    opened, events = clear(venue, journal, show(venue, journal))
    done = [event.done for event in events if event.kind in ("done", "pending", "rejected")]
    assert done == list(range(1, len(done) + 1))
    middle = events[len(events) // 2].id
    assert list(journal.events(opened.run_id, after=middle)) == events[len(events) // 2 + 1 :]


def test_running_again_does_nothing(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-4, hard case 15: the same confirmation twice, and a new dry run: nothing moves."""
    shown = show(venue, journal)
    clear(venue, journal, shown)
    after, effects = holdings(venue), len(venue.effects)
    clear(venue, journal, shown)
    assert holdings(venue) == after
    assert len(venue.effects) == effects
    again = show(venue, journal)
    assert again.offers == ()
    with pytest.raises(Refused, match="nothing_to_clear"):
        run.start(venue, journal, Policy(), account_id=MESSY, digest=again.digest)


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("nth", range(6))
def test_every_lost_call_ends_like_the_undisturbed_run(fault: Fault, nth: int) -> None:
    """R-CLR-4, hard case 16: whichever submission goes wrong in whichever way, nothing is lost or doubled."""
    venue, journal = people.messy(), MemoryJournal()
    shown = show(venue, journal)
    calls = Counter[str]()

    def faults(call: str) -> Fault | None:
        calls[call] += 1
        return fault if call == "submit" and calls[call] == nth + 1 else None

    venue.faults = faults
    clear(venue, journal, shown)
    assert holdings(venue) == holdings(undisturbed())
    assert len({key for key, _ in venue.effects}) == len(venue.effects)


def crashing(*, after: int) -> Callable[[str], Fault | None]:
    """Return faults that lose every answer from the ``after``-th call on: the process would die here."""
    calls = Counter[str]()

    def faults(call: str) -> Fault | None:
        calls[call] += 1
        return Fault.AFTER if sum(calls.values()) > after else None

    return faults


@pytest.mark.parametrize("after", range(1, 30, 4))
def test_a_venue_that_goes_down_leaves_a_run_that_continues(after: int) -> None:
    """R-CLR-5: the run stays open when the venue is down, and running it again continues it."""
    venue, journal = people.messy(), MemoryJournal()
    shown = show(venue, journal)
    opened = run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest)
    venue.faults = crashing(after=after)
    try:
        list(run.proceed(venue, journal, Policy(), opened, worker="w"))
    except Unreachable:
        assert journal.unfinished(MESSY) is not None
    venue.faults = lambda _: None
    list(run.proceed(venue, journal, Policy(), opened, worker="w"))
    assert holdings(venue) == holdings(undisturbed())


def test_two_runs_at_once_are_one(venue: Paper, journal: MemoryJournal) -> None:
    """Hard case 15: two workers in turn on one run, without any lease between them."""
    shown = show(venue, journal)
    opened = run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest)
    journal.claim = lambda *_, **__: opened  # type: ignore[method-assign]
    assert run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest) == opened
    walks = [run.proceed(venue, journal, Policy(), opened, worker=name) for name in "ab"]
    while walks:
        walks = [walk for walk in walks if next(walk, None) is not None]
    assert holdings(venue) == holdings(undisturbed())
    assert len(venue.effects) == len(undisturbed().effects)


def test_a_bot_that_places_orders_again_loses_its_key_first(venue: Paper, journal: MemoryJournal) -> None:
    """Hard case 34: revoke the key, cancel, look again; orders that came in between go as well."""
    placed = Counter[str]()

    def bot() -> None:
        alive = any(getattr(row, "key_id", None) == "k-2" for row in venue.book.rows["api_key"])
        if alive:
            placed["orders"] += 1
            number = f"b-{placed['orders']}"
            venue.book.rows["open_order"].append(
                OpenOrder(MESSY, number, "limit", "BTC-USDT", "USDT", Decimal(1), AT)
            )
            venue.book.post(MESSY, "trading", "USDT", Decimal(-1), locked=Decimal(1))

    venue.before_submit = bot
    clear(venue, journal, show(venue, journal))
    assert placed["orders"] == 1
    assert venue.book.rows["open_order"] == []
    assert not unbalanced(venue)


def test_money_that_arrives_on_the_way_leaves_too(venue: Paper, journal: MemoryJournal) -> None:
    """A reward during clearing follows the confirmed way of its asset (hard case 11)."""
    paid = Counter[str]()

    def reward() -> None:
        paid["times"] += 1
        if paid["times"] in (2, 4):
            venue.deposit(MESSY, "trading", "BTC", Decimal("0.01"))

    venue.before_submit = reward
    opened, _ = clear(venue, journal, show(venue, journal))
    assert run.outcome(venue, journal, Policy(), opened).plan.lines == ()
    assert sum(amount for _, asset, _, amount in venue.book.sent if asset == "BTC") == Decimal("0.5401")


def test_an_asset_nobody_spoke_of_stops_and_asks(venue: Paper, journal: MemoryJournal) -> None:
    """The confirmation covers what was shown; a deposit of something else asks again."""
    shown = show(venue, journal)
    opened = run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest)
    venue.deposit(MESSY, "funding", "XRP", Decimal(500))
    list(run.proceed(venue, journal, Policy(), opened, worker="w"))
    outcome = run.outcome(venue, journal, Policy(), opened)
    assert outcome.state is RunState.ASKING
    assert [(ask.line.things, ask.reason) for ask in outcome.asks] == [(("withdraw:7:XRP",), "new_item")]
    assert "r-holder" not in {address for _, _, address, _ in venue.book.sent}


def test_a_price_that_falls_in_between_stops_and_asks(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-7: the limit that was shown travels with the command; the rest goes on."""
    shown = show(venue, journal)
    opened = run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest)
    venue.book.terms["BTC"] = dataclasses.replace(venue.book.terms["BTC"], price=Decimal(40000))
    list(run.proceed(venue, journal, Policy(), opened, worker="w"))
    outcome = run.outcome(venue, journal, Policy(), opened)
    assert outcome.state is RunState.ASKING
    assert {(ask.line.things[0], ask.reason) for ask in outcome.asks} == {
        ("close_position:7:p-1", "slippage")
    }
    assert [row.position_id for row in venue.book.rows["position"] if hasattr(row, "position_id")] == ["p-1"]
    assert venue.book.rows["open_order"] == [], "the rest stands"


def test_waits_are_continued_under_the_same_confirmation(venue: Paper, journal: MemoryJournal) -> None:
    """Hard case 10: the staking matures, and what it pays leaves to the address that was confirmed."""
    opened, _ = clear(venue, journal, show(venue, journal))
    standing = journal.unfinished(MESSY)
    assert standing is not None
    assert standing.wakes_at == AT + timedelta(days=30)
    venue.clock.pass_time(timedelta(days=30))
    list(run.proceed(venue, journal, Policy(), standing, worker="w"))
    assert ("0x-holder", Decimal(2)) in {(address, amount) for _, _, address, amount in venue.book.sent}
    assert run.outcome(venue, journal, Policy(), opened).state is RunState.REST


def test_daily_slices_go_out_day_by_day(venue: Paper, journal: MemoryJournal) -> None:
    venue.book.terms["USDT"] = dataclasses.replace(venue.book.terms["USDT"], daily_max=Decimal(600))
    opened, _ = clear(venue, journal, show(venue, journal))
    for _ in range(3):
        standing = journal.unfinished(MESSY)
        assert standing is not None
        venue.clock.pass_time(timedelta(days=1))
        list(run.proceed(venue, journal, Policy(), standing, worker="w"))
    assert [amount for _, asset, _, amount in venue.book.sent if asset == "USDT"][:3] == [Decimal(600)] * 3
    assert venue.book.available(MESSY, "funding", "USDT") == 0
    assert run.outcome(venue, journal, Policy(), opened).asks == ()


def test_settlements_and_confirmations_take_time(journal: MemoryJournal) -> None:
    """Hard cases 8 and 13: a settlement that posts a minute later is collected by the next step of the run."""
    venue = people.messy()
    venue.book.settle_after = timedelta(minutes=1)
    opened, _ = clear(venue, journal, show(venue, journal))
    for _ in range(4):
        venue.clock.pass_time(timedelta(minutes=1))
        standing = journal.unfinished(MESSY)
        assert standing is not None
        list(run.proceed(venue, journal, Policy(), standing, worker="w"))
    assert run.outcome(venue, journal, Policy(), opened).plan.lines == ()
    paid = {asset for _, asset, _, _ in venue.book.sent}
    assert paid == {"USDT", "BTC", "ETH"}
    assert venue.book.money[MESSY, "trading", "USDT"] == [Decimal(0), Decimal(0)]


@pytest.mark.parametrize(
    ("account_id", "digest", "code"),
    [(MESSY, "0" * 64, "plan_unknown"), (people.OTHER, None, "plan_foreign")],
)
def test_a_confirmation_of_nothing_or_of_another_is_refused(
    venue: Paper, journal: MemoryJournal, account_id: int, digest: str | None, code: str
) -> None:
    """Issue 4, bad input: an unknown digest, and a plan for another person's account."""
    shown, before = show(venue, journal), holdings(venue)
    with pytest.raises(Refused) as refused:
        run.start(venue, journal, Policy(), account_id=account_id, digest=digest or shown.digest)
    assert [reason.code for reason in refused.value.reasons] == [code]
    assert all(refused.value.sentences(language) for language in ("en", "zh"))
    assert holdings(venue) == before


def test_an_old_confirmation_is_refused_and_shown_again(venue: Paper, journal: MemoryJournal) -> None:
    shown, before = show(venue, journal), holdings(venue)
    venue.book.terms["BTC"] = dataclasses.replace(venue.book.terms["BTC"], price=Decimal(40000))
    with pytest.raises(run.PlanChanged) as refused:
        run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest)
    assert ("close_position:7:p-1", "slippage") in {(c.thing, c.reason) for c in refused.value.changes}
    assert holdings(venue) == before
    opened, _ = clear(venue, journal, refused.value.shown)
    assert run.outcome(venue, journal, Policy(), opened).asks == ()


def test_a_loan_is_repaid_from_what_is_sold(venue: Paper, journal: MemoryJournal) -> None:
    """Hard case 12: where the borrowed asset is short, coins are sold first; what is left over leaves."""
    venue.deposit(MESSY, "funding", "USDT", Decimal(-890))
    venue.deposit(MESSY, "trading", "USDT", Decimal(-120))
    venue.book.rows["position"].clear()
    venue.book.rows["open_order"].clear()
    venue.book.money[MESSY, "trading", "USDT"][1] = Decimal(0)
    venue.book.rows["earn"].clear()
    without = show(venue, journal)
    assert ("USDT", "insufficient") in {(left.asset, left.reason) for left in without.plan.leftovers}
    shown = show(venue, journal, choices=dataclasses.replace(without.choices, sell=frozenset({"BTC"})))
    opened, _ = clear(venue, journal, shown)
    assert venue.book.rows["loan"] == []
    outcome = run.outcome(venue, journal, Policy(), opened)
    assert outcome.plan.lines == ()
    assert venue.book.available(MESSY, "funding", "USDT") == 0

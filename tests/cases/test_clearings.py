"""Clearings in the database: the journal keeps what a crash or a second worker needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.clearing import people, sandbox_people
from tests.clearing.doing import show as show_on_paper

from closeout.cases import clearings, venues
from closeout.cases.clearing_journal import LEASE, DatabaseJournal
from closeout.cases.models import ClearingEntry, ClearingEvent, ClearingRun, ClearingShown
from closeout.clearing import kept
from closeout.clearing.confirmed import Confirmed, confirmable
from closeout.clearing.journal import Event, Journal, MemoryJournal, RunOver, RunState
from closeout.clearing.lines import Line
from closeout.clearing.run import PlanChanged
from closeout.reasons import Refused
from closeout.venues.base import Moved, Receipt, ReceiptState
from closeout.venues.sandbox import cast, world

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 12, 0, 0)


class Clock:
    """A clock for leases."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "database"])
def journal(request: pytest.FixtureRequest, clock: Clock) -> Journal:
    """Both journals keep the same promises."""
    return MemoryJournal() if request.param == "memory" else DatabaseJournal("paper", clock=clock)


@pytest.fixture
def confirmed() -> Confirmed:
    return confirmable(show_on_paper(people.messy(), MemoryJournal()))


def lines(confirmed: Confirmed) -> list[Line]:
    return [Line(term.stage, term.command, term.things) for term in confirmed.terms[:3]]


def test_one_account_has_one_open_run(journal: Journal, confirmed: Confirmed) -> None:
    """Hard case 15: a double click opens one run; after its end another may be opened."""
    journal.show(confirmed)
    journal.show(confirmed)
    assert journal.shown(confirmed.digest) == confirmed
    assert journal.shown("0" * 64) is None
    first = journal.open(confirmed)
    assert journal.open(confirmed) == first
    assert journal.unfinished(confirmed.account_id) == first
    journal.rest(first.run_id, RunState.CLEARED, Event(at=AT, kind="cleared"))
    assert journal.unfinished(confirmed.account_id) is None
    assert journal.open(confirmed).run_id != first.run_id


def test_a_round_is_decided_once(journal: Journal, confirmed: Confirmed) -> None:
    """R-CLR-4: the second worker gets the first one's round, with the same keys and none of its own lines."""
    journal.show(confirmed)
    run = journal.open(confirmed)
    mine, events = journal.intend(run.run_id, 1, lines(confirmed)[:2], [Event(at=AT, kind="round")])
    assert len(events) == 1
    theirs, none = journal.intend(run.run_id, 1, lines(confirmed)[2:], [Event(at=AT, kind="round")])
    assert (list(theirs), list(none)) == (list(mine), [])
    assert list(journal.entries(run.run_id)) == list(mine)


def test_a_receipt_is_written_once(journal: Journal, confirmed: Confirmed) -> None:
    journal.show(confirmed)
    run = journal.open(confirmed)
    entries, _ = journal.intend(run.run_id, 1, lines(confirmed), [])
    key = entries[0].key
    receipt = Receipt(
        key, ReceiptState.DONE, AT, moved=(Moved("funding", "BTC", Decimal("-0.1")),), notes={"a": "b"}
    )
    journal.record(run.run_id, {key: receipt}, [])
    journal.record(run.run_id, {key: Receipt(key, ReceiptState.REJECTED, AT, "late")}, [])
    assert [entry.receipt for entry in journal.entries(run.run_id)] == [receipt, None, None]


def test_a_run_that_is_over_takes_nothing(journal: Journal, confirmed: Confirmed) -> None:
    journal.show(confirmed)
    run = journal.open(confirmed)
    journal.rest(run.run_id, RunState.REPLACED, Event(at=AT, kind="replaced"))
    with pytest.raises(RunOver):
        journal.intend(run.run_id, 1, lines(confirmed), [])
    assert journal.claim(run.run_id, worker="a") is None


def test_events_are_followed_by_their_ids(journal: Journal, confirmed: Confirmed) -> None:
    """R-CLR-5: a stream that broke off goes on after the last id that it showed."""
    journal.show(confirmed)
    run = journal.open(confirmed)
    said = [
        Event(at=AT, kind="done", things=("x",), amount=Decimal("0.1"), done=n, total=3) for n in range(3)
    ]
    written = journal.record(run.run_id, {}, said)
    assert [event.done for event in journal.events(run.run_id)] == [0, 1, 2]
    assert list(journal.events(run.run_id, after=written[0].id)) == list(written[1:])


def test_going_on_after_a_rest_tries_anew(journal: Journal, confirmed: Confirmed) -> None:
    journal.show(confirmed)
    run = journal.open(confirmed)
    assert journal.claim(run.run_id, worker="a") == run
    journal.intend(run.run_id, 1, lines(confirmed), [])
    journal.rest(run.run_id, RunState.WAITING, Event(at=AT, kind="waiting"), wakes_at=AT + timedelta(days=1))
    standing = journal.unfinished(confirmed.account_id)
    assert standing is not None
    assert (standing.state, standing.wakes_at) == (RunState.WAITING, AT + timedelta(days=1))
    again = journal.claim(run.run_id, worker="b")
    assert again is not None
    assert (again.state, again.rested_round) == (RunState.WORKING, 1)


def test_a_lease_ends_with_time(clock: Clock, confirmed: Confirmed) -> None:
    """A worker that died does not keep a run for ever, and its successor teaches itself nothing new."""
    journal = DatabaseJournal("paper", clock=clock)
    journal.show(confirmed)
    run = journal.open(confirmed)
    assert journal.claim(run.run_id, worker="a") is not None
    assert journal.claim(run.run_id, worker="a") is not None, "its own lease is renewed"
    assert journal.claim(run.run_id, worker="b") is None
    clock.at += LEASE / 2
    journal.intend(run.run_id, 1, lines(confirmed), [])
    clock.at += LEASE / 2 + timedelta(seconds=1)
    assert journal.claim(run.run_id, worker="b") is None, "writing renewed the lease"
    clock.at += LEASE
    taken = journal.claim(run.run_id, worker="b")
    assert taken is not None
    assert taken.rested_round == 0


def test_a_confirmation_survives_json(confirmed: Confirmed) -> None:
    assert kept.confirmed_of(kept.confirmed(confirmed)) == confirmed
    for line in lines(confirmed):
        assert kept.line_of(kept.line(line)) == line


@pytest.fixture
def messy() -> Iterator[int]:
    """A messy person at the sandbox of Django's own database."""
    yield sandbox_people.open_account(venues.sandbox(), cast.messy)
    venues.forget()


def test_the_doors_show_start_follow_and_come_to_rest(messy: int) -> None:
    """R-CLR-1 to R-CLR-5 through the database: a worker drives what a page has confirmed."""
    shown = clearings.show(messy)
    opened = clearings.start(messy, digest=shown.digest)
    assert clearings.start(messy, digest=shown.digest) == opened, "a double click"
    assert clearings.turn(now=venues.now(), worker="w") == 1
    assert clearings.turn(now=venues.now(), worker="w") == 0, "it waits for its date"
    standing = clearings.standing(messy)
    assert standing is not None
    assert standing.state is RunState.WAITING
    steps = clearings.events(opened.run_id)
    assert [step.kind for step in steps][-1] == "waiting"
    assert list(clearings.events(opened.run_id, after=steps[5].id)) == list(steps[6:])
    result = clearings.outcome(opened)
    assert result.asks == ()
    assert result.plan.lines == ()
    with venues.sandbox().connection() as connection:
        world.pass_time(connection, timedelta(hours=30))
    venues.sandbox().settle()
    assert clearings.turn(now=venues.now(), worker="w") == 1, "its date has come"


def test_erasure_leaves_no_address_behind(messy: int) -> None:
    """R-REC-3: nothing of a clearing is left with the operator; a neighbour's clearing stays."""
    neighbour = sandbox_people.open_account(venues.sandbox(), cast.orders)
    for account_id in (messy, neighbour):
        clearings.start(account_id, digest=clearings.show(account_id).digest)
        clearings.turn(now=venues.now(), worker="w")
    addresses = [way.address for way in venues.sandbox().destinations(messy)]
    clearings.erase(messy, venue=venues.SANDBOX)
    clearings.erase(messy, venue=venues.SANDBOX)
    for model in (ClearingShown, ClearingRun, ClearingEntry, ClearingEvent):
        kept_rows = repr(list(model.objects.values()))
        assert kept_rows != "[]", "the neighbour's"
        assert not any(address in kept_rows for address in addresses if not address.isdigit())


def test_an_old_confirmation_is_refused(messy: int) -> None:
    """Issue 4, bad input: the world moved beyond the limits, so it is shown again."""
    shown = clearings.show(messy)
    with venues.sandbox().connection() as connection:
        world.set_mark(connection, "BTC-USDT-SWAP", Decimal(40000))
    try:
        with pytest.raises(PlanChanged) as refused:
            clearings.start(messy, digest=shown.digest)
        assert {change.reason for change in refused.value.changes} == {"slippage"}
        assert not ClearingRun.objects.filter(account_id=messy).exists()
    finally:
        with venues.sandbox().connection() as connection:
            world.set_mark(connection, "BTC-USDT-SWAP", Decimal(60000))


def test_a_forged_digest_or_another_account_is_refused(messy: int) -> None:
    shown = clearings.show(messy)
    for account_id, digest, code in (
        (messy, "f" * 64, "plan_unknown"),
        (messy + 1, shown.digest, "plan_foreign"),
    ):
        with pytest.raises(Refused) as refused:
            clearings.start(account_id, digest=digest)
        assert [reason.code for reason in refused.value.reasons] == [code]


def test_choices_are_stored_with_the_confirmation(messy: int) -> None:
    first = clearings.show(messy)
    chosen = dataclasses.replace(first.choices, sell=frozenset({"SOL"}), redeem_early=False)
    shown = clearings.show(messy, choices=chosen)
    stored = DatabaseJournal("sandbox").shown(shown.digest)
    assert stored is not None
    assert stored.choices == chosen

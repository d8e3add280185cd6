import dataclasses
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.clearing import people
from tests.clearing.doing import holdings, show
from tests.clearing.people import ADDRESSES, AT, MESSY

from closeout.clearing import document, run
from closeout.clearing.choices import Choices, Consent, Way
from closeout.clearing.confirmed import changed_beyond, confirmable
from closeout.clearing.journal import MemoryJournal
from closeout.clearing.stages import Stage
from closeout.clearing.stored import choices as choices_json
from closeout.clearing.stored import choices_of
from closeout.facts.schema import Position
from closeout.policy import Policy
from closeout.reasons import Refused
from closeout.venues.paper import Paper
from closeout.venues.paper_book import Terms


def test_a_dry_run_moves_nothing_and_shows_every_cost(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-3: price and its time, fee, penalty, slippage limit, proceeds and date of every command."""
    before = holdings(venue)
    shown = show(venue, journal)
    assert holdings(venue) == before
    by_thing = {offer.line.things[0]: offer for offer in shown.offers}
    early = by_thing["redeem:7:e-2"]
    assert (early.quote.penalty, early.quote.proceeds) == (Decimal("2.5"), Decimal("497.5"))
    position = by_thing["close_position:7:p-1"]
    assert position.line.command.params == {"price_least": "58800.00"}
    assert position.quote.price_at == AT
    assert by_thing["close_position:7:p-2"].line.command.params == {"price_most": "3060.00"}
    withdrawal = by_thing["withdraw:7:USDT"]
    assert (withdrawal.quote.fee, withdrawal.line.command.params["address"]) == (Decimal(1), "T-holder")


def test_the_dry_run_adds_up_to_what_leaves(venue: Paper, journal: MemoryJournal) -> None:
    """What the holder reads as proceeds is what the clearing then brings, when the world stands still."""
    shown = show(venue, journal)
    expected = {
        offer.line.command.asset: offer.line.command.amount
        for offer in shown.offers if offer.line.stage is Stage.WITHDRAW
    }  # fmt: skip
    opened = run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest)
    list(run.proceed(venue, journal, Policy(), opened, worker="w"))
    assert {asset: amount for _, asset, _, amount in venue.book.sent} == expected


def test_the_digest_is_over_exactly_what_is_shown(venue: Paper, journal: MemoryJournal) -> None:
    shown = show(venue, journal)
    assert show(venue, journal).digest == shown.digest
    venue.book.terms["USDT"] = dataclasses.replace(venue.book.terms["USDT"], fee=Decimal("1.01"))
    assert show(venue, journal).digest != shown.digest


def test_a_sale_beyond_the_slippage_limit_asks(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-7, hard case 9: it is shown with its price, not done, and done only when chosen by name."""
    venue.book.terms["BTC"] = dataclasses.replace(venue.book.terms["BTC"], slippage=Decimal("0.03"))
    shown = show(venue, journal)
    assert "close_position:7:p-1" not in {offer.line.things[0] for offer in shown.offers}
    assert [offer.line.things for offer in shown.asking] == [("close_position:7:p-1",)]
    chosen = dataclasses.replace(shown.choices, beyond_slippage=frozenset({"close_position:7:p-1"}))
    again = show(venue, journal, choices=chosen)
    assert "close_position:7:p-1" in {offer.line.things[0] for offer in again.offers}


def test_waiting_for_the_maturity_is_a_choice(venue: Paper, journal: MemoryJournal) -> None:
    """Hard case 10: no penalty is paid that the holder did not want."""
    shown = show(venue, journal)
    patient = show(venue, journal, choices=dataclasses.replace(shown.choices, redeem_early=False))
    assert "redeem:7:e-2" not in {offer.line.things[0] for offer in patient.offers}
    assert {left.thing: left.reason for left in patient.plan.leftovers}["redeem:7:e-2"] == "early"


def test_daily_limits_become_slices_with_dates(venue: Paper, journal: MemoryJournal) -> None:
    venue.book.terms["USDT"] = dataclasses.replace(venue.book.terms["USDT"], daily_max=Decimal(600))
    shown = show(venue, journal)
    first = next(offer for offer in shown.offers if offer.line.things == ("withdraw:7:USDT",))
    assert first.line.command.amount == Decimal(600)
    whole = first.line.about
    assert whole is not None
    assert sum(part.amount for part in shown.slices) == whole - 600
    assert [part.at for part in shown.slices] == [AT + timedelta(days=n) for n in (1, 2, 3)]


def test_dust_pools_and_leaves_with_the_rest(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-2, hard case 5: dust becomes the target asset, and the pool is withdrawn."""
    shown = show(venue, journal)
    converted = [offer for offer in shown.offers if offer.line.stage is Stage.CONVERT]
    assert {offer.line.command.asset for offer in converted} == {"DOGE", "XRP"}
    assert all(offer.quote.proceeds_asset == "USDT" for offer in converted)


def test_a_small_movement_of_the_world_keeps_the_confirmation(venue: Paper, journal: MemoryJournal) -> None:
    shown = confirmable(show(venue, journal))
    venue.clock.pass_time(timedelta(minutes=5))
    venue.deposit(MESSY, "funding", "USDT", Decimal("3.5"))
    venue.book.terms["BTC"] = dataclasses.replace(venue.book.terms["BTC"], price=Decimal(59900))
    assert changed_beyond(shown, show(venue, journal, choices=shown.choices)) == ()


def test_a_large_movement_asks_again(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-3: a worse price, a higher fee or penalty, a new position: all of them are named."""
    shown = confirmable(show(venue, journal))
    venue.book.terms["BTC"] = dataclasses.replace(
        venue.book.terms["BTC"], price=Decimal(50000), fee=Decimal("0.01")
    )
    venue.book.early_penalty["e-2"] = Decimal(9)
    venue.book.rows["position"].append(
        Position(MESSY, "p-3", "swap", "BTC-USDT-SWAP", Decimal(1), False, None, "USDT", Decimal(0))
    )
    changes = {(change.thing, change.reason)
               for change in changed_beyond(shown, show(venue, journal, choices=shown.choices))}  # fmt: skip
    assert changes == {
        ("close_position:7:p-1", "slippage"), ("close_position:7:p-3", "new_item"),
        ("redeem:7:e-2", "penalty"), ("withdraw:7:BTC", "fee"),
    }  # fmt: skip


def test_the_json_is_plain_and_choices_survive_it(venue: Paper, journal: MemoryJournal) -> None:
    shown = show(venue, journal)
    said = json.loads(json.dumps(document.dry_run(shown)))
    assert said["schema"] == "closeout.clear/1"
    assert said["digest"] == shown.digest
    assert all(isinstance(command["amount"], str | None) for command in said["commands"])
    assert choices_of(json.loads(json.dumps(choices_json(shown.choices)))) == shown.choices


def test_an_asset_without_precision_loss(venue: Paper, journal: MemoryJournal) -> None:
    """R-CHK-1: eighteen decimals arrive as eighteen decimals."""
    venue.book.terms["WEI"] = Terms(price=Decimal(2), withdraw_min=Decimal(1), scale=18)
    venue.deposit(MESSY, "trading", "WEI", Decimal("1.000000000000000001"))
    venue.book.addresses[MESSY].append(
        dataclasses.replace(venue.book.addresses[MESSY][0], asset="WEI", address="wei-holder")
    )
    shown = show(venue, journal)
    amounts = {offer.line.command.asset: offer.line.command.amount for offer in shown.offers
               if offer.line.stage is Stage.WITHDRAW}  # fmt: skip
    assert amounts["WEI"] == Decimal("1.000000000000000001")


BTC, XRP = ADDRESSES[1], ADDRESSES[3]
GIVEN = Consent(asset="GHOST", way=Way.FORFEIT, amount_max=Decimal(5))


@pytest.mark.parametrize(
    ("choices", "codes"),
    [
        (Choices(left_out=frozenset({"redeem:7:e-99"})), ["unknown_item"]),
        (Choices(only=frozenset({"redeem:8:e-1"})), ["unknown_item"]),
        (Choices(destinations=(dataclasses.replace(BTC, address="bc1-thief"),)), ["address_not_verified"]),
        (Choices(destinations=(dataclasses.replace(BTC, network="ERC20"),)), ["wrong_network"]),
        (Choices(destinations=(dataclasses.replace(XRP, memo=None),)), ["memo_missing"]),
        (Choices(consents=(GIVEN, GIVEN)), ["consent_twice"]),
        (Choices(consents=(dataclasses.replace(GIVEN, amount_max=Decimal("1e-19")),)), ["too_precise"]),
        (
            Choices(consents=(dataclasses.replace(GIVEN, way=Way.SEND, to_account=MESSY),)),
            ["receiver_unknown"],
        ),
        (
            Choices(consents=(dataclasses.replace(GIVEN, asset="DOGE", amount_max=Decimal(30)),)),
            ["over_limit"],
        ),
        (
            Choices(
                left_out=frozenset({"no:such:thing"}), destinations=(dataclasses.replace(BTC, address="x"),)
            ),
            ["unknown_item", "address_not_verified"],
        ),
    ],
)
def test_bad_choices_are_refused_in_both_languages(
    venue: Paper, journal: MemoryJournal, choices: Choices, codes: list[str]
) -> None:
    """Issue 4, bad input: a code and a sentence for each reason, all at once, and nothing moved."""
    before = holdings(venue)
    with pytest.raises(Refused) as refused:
        show(venue, journal, choices=choices)
    assert [reason.code for reason in refused.value.reasons] == codes
    for language in ("en", "zh"):
        assert all(sentence and "{" not in sentence for sentence in refused.value.sentences(language))
    assert holdings(venue) == before


def test_unpriced_dust_may_be_given_up_by_name(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-6, hard case 6: no price is no reason to refuse an explicit line, and none to assume it."""
    shown = show(venue, journal, choices=Choices(consents=(GIVEN,)))
    exits = [offer.line for offer in shown.offers if offer.line.stage is Stage.EXITS]
    assert [(line.things, line.command.amount) for line in exits] == [(("forfeit:7:GHOST",), Decimal(5))]


def test_a_hold_clears_nothing(journal: MemoryJournal) -> None:
    """Hard case 38: a neutral sentence, and nothing moves."""
    venue = people.messy()
    shown = show(venue, journal)
    venue.book.rows["hold"].append(people.held())
    with pytest.raises(Refused, match="clearing_paused"):
        run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest)

"""A loan in an asset that the holder has too little of: coins are sold, or the asset is bought, or it says why not."""

import dataclasses
from decimal import Decimal

import pytest
from tests.clearing.doing import clear, holdings, show
from tests.clearing.people import MESSY, SUB

from closeout.clearing import run
from closeout.clearing.choices import Choices
from closeout.clearing.journal import MemoryJournal, RunState
from closeout.clearing.stages import Stage
from closeout.facts.schema import Loan
from closeout.policy import Policy
from closeout.venues.paper import Paper


@pytest.fixture
def indebted(venue: Paper) -> Paper:
    """The messy person with nothing but USDT, who owes BTC."""
    for relation in ("loan", "position", "open_order", "earn", "api_key", "sub_account", "payment_method"):
        venue.book.rows[relation].clear()
    for place in list(venue.book.money):
        venue.book.money[place] = [Decimal(0), Decimal(0)]
    venue.deposit(MESSY, "funding", "USDT", Decimal(9000))
    owe(venue, "0.1")
    return venue


def owe(venue: Paper, much: str, *, asset: str = "BTC", account: int = MESSY) -> None:
    """Let the account owe something without collateral."""
    venue.book.rows["loan"].append(
        Loan(account, "l-9", asset, Decimal(much), Decimal("0.0001"), None, Decimal(0))
    )


def test_what_a_loan_lacks_is_bought(indebted: Paper, journal: MemoryJournal) -> None:
    """Hard case 12: the purchase is shown with its price and its limit, and takes no more than was shown."""
    shown = show(indebted, journal)
    bought = [offer for offer in shown.offers if offer.line.stage is Stage.BUY]
    assert [(offer.line.things, offer.line.command.asset) for offer in bought] == [(("buy:7:BTC",), "USDT")]
    assert bought[0].quote.price is not None
    assert "price_least" in bought[0].line.command.params
    opened, _ = clear(indebted, journal, shown)
    outcome = run.outcome(indebted, journal, Policy(), opened)
    assert indebted.book.rows["loan"] == []
    assert outcome.plan.lines == ()
    assert outcome.asks == ()
    spent = Decimal(9000) - sum(amount for _, asset, _, amount in indebted.book.sent if asset == "USDT")
    assert spent <= (bought[0].line.command.amount or 0) + 1, "nothing more than the purchase and the fee"


def test_what_is_there_already_is_not_bought(indebted: Paper, journal: MemoryJournal) -> None:
    indebted.deposit(MESSY, "trading", "BTC", Decimal("0.08"))
    (bought,) = [offer.line for offer in show(indebted, journal).offers if offer.line.stage is Stage.BUY]
    whole = Decimal("0.1001") * Decimal("1.01") - Decimal("0.08")
    assert bought.command.amount is not None
    assert whole * 60000 < bought.command.amount < whole * 60000 * Decimal("1.05")


@pytest.mark.parametrize("how", ["poor", "left out", "nobody quotes it", "sub-account"])
def test_what_cannot_be_bought_says_why_and_moves_nothing(
    indebted: Paper, journal: MemoryJournal, how: str
) -> None:
    """Issue 4: the loan stays as it is, and so does the money that it may need; every stop has a reason."""
    choices = Choices(destinations=tuple(indebted.destinations(MESSY)))
    if how == "poor":
        indebted.deposit(MESSY, "funding", "USDT", Decimal(-8500))
    if how == "left out":
        choices = dataclasses.replace(choices, left_out=frozenset({"buy:7:BTC"}))
    if how == "nobody quotes it":
        indebted.book.terms["BTC"] = dataclasses.replace(indebted.book.terms["BTC"], price=None)
    if how == "sub-account":
        indebted.book.rows["loan"].clear()
        owe(indebted, "0.1", account=SUB)
        indebted.book.rows["sub_account"] = []
    shown = show(indebted, journal, choices=choices)
    if how == "sub-account":
        assert not [offer for offer in shown.offers if offer.line.stage is Stage.BUY]
        return
    before = holdings(indebted)
    assert "insufficient" in {left.reason for left in shown.plan.leftovers}
    if shown.offers:
        opened, _ = clear(indebted, journal, shown)
        outcome = run.outcome(indebted, journal, Policy(), opened)
        assert outcome.state is RunState.STOPPED
        assert {left.reason for left in outcome.plan.leftovers if left.thing.startswith("repay")} == {
            "insufficient"
        }
    assert [row for row in indebted.book.rows["loan"] if row.account_id == MESSY]
    assert before is not None


def test_a_worse_price_buys_nothing(indebted: Paper, journal: MemoryJournal) -> None:
    """R-CLR-7: the limit that was shown travels with the purchase."""
    shown = show(indebted, journal)
    opened = run.start(indebted, journal, Policy(), account_id=MESSY, digest=shown.digest)
    indebted.book.terms["BTC"] = dataclasses.replace(indebted.book.terms["BTC"], price=Decimal(70000))
    list(run.proceed(indebted, journal, Policy(), opened, worker="w"))
    outcome = run.outcome(indebted, journal, Policy(), opened)
    assert outcome.state is RunState.ASKING
    assert {ask.reason for ask in outcome.asks} == {"slippage"}
    assert indebted.book.available(MESSY, "funding", "BTC") == 0

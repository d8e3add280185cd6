"""R-OPS-6, R-CHK-17: what Binance answers over HTTP becomes facts; what fails is unknown, never nothing."""

import dataclasses
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.venues.binance import recorded
from tests.venues.binance.conftest import Direct, Exchange, path_of

from closeout.conditions.check import Result, check
from closeout.facts.duck import DuckFacts
from closeout.policy import Policy
from closeout.venues.binance.declared import QUESTIONS
from closeout.venues.binance.looking import look
from closeout.venues.binance.reading import ACCOUNT, FIXED
from closeout.venues.binance.trading import split
from closeout.venues.binance.wire import BinanceWire
from closeout.venues.okx.collecting import Looked
from closeout.venues.okx.declared import Answer

ME, MY_SUB = int(recorded.UID), int(recorded.SUB_UID)


def looked(direct: Any) -> Looked:
    now = direct.now()
    return look(direct, now=now, answers={one.code: Answer(one.good, now) for one in QUESTIONS})


def rows(seen: Looked, relation: str, key: str, account: int = ME) -> dict[str, Any]:
    return {getattr(row, key): row for row in seen.facts[relation] if row.account_id == account}


def judged(seen: Looked) -> dict[str, Any]:
    with DuckFacts.of(seen.facts, sources=seen.sources) as engine:
        report = check(engine, Policy(), as_of=seen.as_of, accounts=[ME])[ME]
    return {finding.condition.code: finding for finding in report.findings}


def test_every_answer_comes_over_the_wire_as_it_is(wire: BinanceWire, direct: Direct) -> None:
    """Signed over the very query, paged and unwrapped: the facts are those of the recorded answers."""
    near, far = looked(direct), looked(wire)
    moments = {"as_of", "placed_at"}
    assert near.failures.keys() == far.failures.keys() == set()
    for relation, rows_ in near.facts.items():
        told = [[vars(row)[name] for name in vars(row) if name not in moments] for row in rows_]
        assert told == [
            [vars(row)[name] for name in vars(row) if name not in moments] for row in far.facts[relation]
        ]


def test_every_wallet_with_every_digit(direct: Direct) -> None:
    seen = looked(direct)
    held = {(row.wallet, row.asset): row for row in seen.facts["balance"] if row.account_id == ME}
    assert held["spot", "USDT"].available == Decimal("90.123456789012345678")
    assert held["spot", "USDT"].withdraw_min == 5
    assert held["spot", "SHIB"].withdraw_min is None
    assert held["funding", "USDT"].locked == 2  # locked, frozen and on its way out
    assert held["ipoing", "BNB"].value == 900
    assert held["usd_futures", "USDT"].locked == Decimal("20.25")
    assert held["isolated ETHUSDT", "ETH"].available == Decimal("0.1")
    assert held["coin_futures", "BTC"].available == Decimal("0.005")
    assert ("spot", "LDUSDT") not in held  # the receipt of a product is told by the product
    assert ("spot", "ETH") not in held


def test_debts_of_every_kind(direct: Direct) -> None:
    loans = rows(looked(direct), "loan", "loan_id")
    assert (loans["margin-BTC"].principal, loans["margin-BTC"].interest) == (
        Decimal("0.01"),
        Decimal("0.00000012"),
    )
    assert loans["isolated-ETHUSDT-USDT"].principal == 20
    assert loans["flexible-BUSD-BNB"].collateral == 49
    assert (loans["vip-756783308"].principal, loans["vip-756783308"].interest) == (100, Decimal("0.5"))
    assert len(loans) == 4


def test_orders_and_positions_of_every_book(direct: Direct) -> None:
    seen = looked(direct)
    orders = rows(seen, "open_order", "order_id")
    assert orders.keys() == {
        "28", "29", "margin-30", "algo-spot-14517", "usdm-31", "usdm-algo-99", "papi-conditional-3645916",
    }  # fmt: skip
    assert (orders["28"].asset, orders["28"].locked) == ("USDT", 10_000)
    assert (orders["29"].kind, orders["29"].asset, orders["29"].locked) == ("trigger", "BTC", Decimal("0.2"))
    assert (orders["margin-30"].kind, orders["usdm-31"].kind) == ("margin", "swap")
    positions = rows(seen, "position", "position_id")
    assert positions["usdm-BTCUSDT"].quantity == Decimal("-0.02")
    assert positions["coinm-BTCUSD_260327-LONG"].kind == "futures"
    assert len(positions) == 2


def test_products_with_dates_and_renewal(direct: Direct) -> None:
    earn = rows(looked(direct), "earn", "earn_id")
    assert earn["flexible-USDT001"].amount == Decimal("25.000000000000000001")
    assert (earn["locked-123123"].auto_renew, earn["locked-123123"].matures_at) == (
        True,
        datetime(2026, 3, 4),
    )
    assert (earn["locked-123124"].redeeming, earn["locked-123124"].redeemable) == (True, False)
    assert earn[f"eth-redeem-{recorded.T0}"].amount == Decimal("1.04")
    assert (earn["dual-10160533"].redeemable, earn["dual-10160533"].auto_renew) == (False, True)
    assert not earn["dual-10160535"].auto_renew  # Binance says NULL for no plan
    part = earn["locked-123123-part"]
    assert (part.amount, part.redeeming, part.auto_renew) == (Decimal(2), True, False)
    assert not earn["locked-123124"].auto_renew  # how an order came to be says nothing about its end
    assert (earn["onchain-55"].amount, earn["onchain-55"].redeemable) == (Decimal("0.25"), False)
    assert len(earn) == 8


def test_c2c_orders_are_read_with_their_appeals(direct: Direct, exchange: Exchange) -> None:
    """R-CHK-7: unlike OKX, Binance tells C2C orders; six months, a month at a time."""
    seen = looked(direct)
    (order,) = rows(seen, "p2p_order", "p2p_id").values()
    assert (order.state, order.appeal, order.amount) == ("paid", "open", 500)
    assert exchange.asked["GET /sapi/v1/c2c/orderMatch/listUserOrderHistory"] == 6
    assert "p2p_orders" not in {one.code for one in QUESTIONS}
    assert judged(seen)["no_p2p_appeals"].result is Result.BLOCKED


def test_money_on_its_way_bots_contracts_and_sub_accounts(direct: Direct) -> None:
    seen = looked(direct)
    transfers = rows(seen, "transfer", "transfer_id")
    assert transfers.keys() == {"deposit-d1", "deposit-d2", "withdrawal-w2", "fiat-f1"}
    assert transfers["deposit-d2"].disputed
    assert rows(seen, "api_key", "key_id").keys() == {"plan-1"}
    assert rows(seen, "rebate", "rebate_id")["lead-futures"].state == "open"
    assert rows(seen, "sub_account", "sub_account_id")[recorded.SUB_UID].holdings == 2
    assert {row.wallet for row in seen.facts["balance"] if row.account_id == MY_SUB} == {
        "funding",
        "usd_futures",
    }


def test_a_wallet_that_no_list_explains_stays_open(direct: Direct) -> None:
    """R-SUP-3: trading bots have no list; their wallet has a value."""
    seen = looked(direct)
    assert [(one.relation, one.amount) for one in seen.residuals] == [("api_key", 50)]
    assert seen.sources["api_key"].state == "partial"
    assert judged(seen)["no_api_keys"].result is Result.UNKNOWN


def test_a_wallet_that_was_never_opened_is_empty_and_one_that_was_is_unknown(
    direct: Direct, exchange: Exchange
) -> None:
    """Options answer -2015 to a key that may read: only "not activated" makes that nothing."""
    assert not [name for name in looked(direct).failures if "eapi" in name]
    exchange.answers["GET /sapi/v1/asset/wallet/balance"][3]["activate"] = True
    seen = looked(direct)
    assert {"eapiPrivate openOrders", "eapiPrivate position"} <= seen.failures.keys()
    assert seen.sources["position"].state == "partial"


def test_an_empty_account_is_clear(direct: Direct, exchange: Exchange) -> None:
    exchange.answers = recorded.empty()
    seen = looked(direct)
    assert {name for name in seen.failures if "eapi" not in name} == set()
    exchange.answers["GET /eapi/v1/position"] = exchange.answers["GET /eapi/v1/openOrders"] = []
    findings = judged(looked(direct))
    assert {code: one.result for code, one in findings.items() if one.result is not Result.CLEAR} == {}


@pytest.mark.parametrize(
    "one", [each for each in FIXED if each.feeds and each is not ACCOUNT], ids=lambda one: one.name
)
def test_every_reader_failing_makes_its_conditions_unknown(
    one: Any, direct: Direct, exchange: Exchange
) -> None:
    """R-CHK-17: each in turn answers HTML; what reads it is unknown, the rest is judged."""
    exchange.answers = recorded.empty()
    exchange.bad[f"{one.endpoint.method} {path_of(one.endpoint)}"] = (200, b"<html>maintenance</html>")
    seen = looked(direct)
    assert one.name in seen.failures
    assert "form that closeout does not know" in seen.failures[one.name].sentence("en")
    findings = judged(seen).values()
    for finding in findings:
        if finding.condition.reads.keys() & set(one.feeds):
            assert finding.result is Result.UNKNOWN
    assert any(finding.result is Result.CLEAR for finding in findings)


def test_unanswered_questions_and_restrictions(direct: Direct, exchange: Exchange) -> None:
    exchange.answers["GET /sapi/v1/account/status"] = {"data": "Locked"}
    exchange.answers["GET /api/v3/account"]["canWithdraw"] = False
    seen = look(direct, now=direct.now())
    assert {row.hold_id for row in seen.facts["hold"]} == {"binance-status", "binance-withdrawals"}
    assert judged(seen)["identity_verified"].result is Result.UNKNOWN


@pytest.mark.parametrize(("path", "answer"), [
    ("GET /sapi/v1/c2c/orderMatch/listUserOrderHistory", {"data": [{**recorded.C2C, "orderStatus": "X"}]}),
    ("GET /sapi/v1/capital/deposit/hisrec", [{"id": "1", "status": 99, "coin": "A", "amount": "1"}]),
    ("GET /sapi/v1/margin/account", {"userAssets": [{"asset": "A", "free": "many"}]}),
    ("GET /sapi/v1/simple-earn/flexible/position", {"rows": [{"asset": "A"}], "total": 1}),
    ("GET /sapi/v1/simple-earn/locked/position", {"unexpected": []}),
])  # fmt: skip
def test_what_is_not_documented_is_unknown(
    direct: Direct, exchange: Exchange, path: str, answer: Any
) -> None:
    exchange.answers[path] = answer
    assert any(path.endswith(one) or one.startswith("c2c") for one in looked(direct).failures)


@pytest.mark.parametrize(("symbol", "pair"), [
    ("BTCUSDT", ("BTC", "USDT")), ("ETHBTC", ("ETH", "BTC")), ("USDCFDUSD", ("USDC", "FDUSD")),
    ("BTCUSD_PERP", ("BTC", "USD")), ("NEWTHING", ("NEWTHING", "NEWTHING")),
])  # fmt: skip
def test_symbols_are_split_at_a_known_quote(symbol: str, pair: tuple[str, str]) -> None:
    assert split(symbol) == pair


def test_facts_are_dataclasses_of_the_schema(direct: Direct) -> None:
    for relation, found in looked(direct).facts.items():
        assert all(dataclasses.is_dataclass(row) and row.name == relation for row in found)

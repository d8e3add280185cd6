"""R-CLR-1, R-CLR-4: every remedy of the map as the calls that it sends, over a line that plays OKX's answers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.venues.okx.recorded import SUB, UID, Played

from closeout.clearing import words
from closeout.venues import commands
from closeout.venues.base import Command, ReceiptState
from closeout.venues.okx import remedies
from closeout.venues.okx.desk import Desk
from closeout.venues.okx.endpoints import ENDPOINTS
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.looking import look
from closeout.venues.okx.notices import noticed
from closeout.venues.okx.venue import OkxVenue

ME, MY_SUB, NOW = int(UID), int(SUB), datetime(2026, 2, 3)
FULL = {
    "bots contract_grid": [
        {"algoId": "450", "instId": "BTC-USDT-SWAP", "state": "running"},
        {"algoId": "451", "instId": "ETH-USDT-SWAP", "state": "no_close_position"},
    ],
    "bots spot_dca": [{"algoId": "452", "instId": "BTC-USDT", "state": "running"}],
    "bots contract_dca": [{"algoId": "453", "instId": "BTC-USDT-SWAP", "state": "running"}],
    "bots signal": [{"algoId": "454", "instId": "", "stgyName": "s", "state": "running"}],
    "copies lead": [{"instId": "BTC-USDT", "subPosId": "10", "subPos": "1", "posSide": "long", "ccy": "USDT"}],
    "algo iceberg": [
        {"instType": "SPOT", "instId": "ETH-USDT", "algoId": "78", "ordType": "iceberg", "side": "buy", "sz": "1",
         "state": "live", "cTime": "1769990400000"}
    ],
    "finance/okusd/account": [{"ccy": "OKUSD", "amt": "12.345678919"}],
    "finance/okusd/redeem/history": [
        {"ordId": "6", "ccy": "OKUSD", "amt": "3", "status": "pending", "estSettlementTime": "1770508800000"}
    ],
    "account/vip-loan-order-list": [{"ordId": "71", "ccy": "USDT", "state": "2", "dueAmt": "40", "cTime": "1"}],
    "account/fixed-loan/borrowing-orders-list": [{"ordId": "72", "ccy": "USDT", "state": "2", "amt": "30"}],
    "fiat/buy-sell/history": [
        {"ordId": "b1", "state": "processing", "fromCcy": "EUR", "toCcy": "USDT", "fillToAmt": "9", "cTime": "1"}
    ],
}  # fmt: skip


class Told(Played):
    """Plays answers and keeps what was written. ``said``: answers of single writes."""

    def __init__(self, said: dict[str, Any] | None = None, **answers: Any) -> None:
        super().__init__()
        self.answers |= FULL | {path.replace("__", "/"): rows for path, rows in answers.items()}
        self.said = said or {}
        self.written: list[tuple[str, Any]] = []

    def call(self, endpoint: Any, params: Any = None) -> list[Any]:
        """Answer as recorded, or as told for a write. Raises: Failure as told."""
        if endpoint.method == "GET":
            return super().call(endpoint, params)
        assert endpoint.name in ENDPOINTS
        self.written.append((endpoint.path, params))
        answer = self.said.get(endpoint.path, [])
        if isinstance(answer, list) and answer and isinstance(answer[0], list | Failure):
            answer = answer.pop(0)
        if isinstance(answer, Failure):
            raise answer
        return list(answer)


def sent(line: Told, command: Command) -> list[tuple[str, Any]]:
    done = remedies.SEND[command.kind](Desk(line, look(line, now=NOW), "key"), command)
    assert done.state in ReceiptState
    return line.written


BOT_CALLS: dict[str, tuple[str, Any]] = {
    "grid-448": ("tradingBot/grid/stop-order-algo",
                 [{"algoId": "448", "algoOrdType": "grid", "stopType": "1", "instId": "BTC-USDT"}]),
    "contract_grid-450": ("tradingBot/grid/stop-order-algo",
                          [{"algoId": "450", "algoOrdType": "contract_grid", "stopType": "1",
                            "instId": "BTC-USDT-SWAP"}]),
    "grid_position-451": ("tradingBot/grid/close-position", {"algoId": "451", "mktClose": True}),
    "spot_dca-452": ("tradingBot/dca/stop", {"algoId": "452", "algoOrdType": "spot_dca", "stopType": "1"}),
    "contract_dca-453": ("tradingBot/dca/stop", {"algoId": "453", "algoOrdType": "contract_dca", "stopType": "1"}),
    "recurring-449": ("tradingBot/recurring/stop-order-algo", [{"algoId": "449"}]),
    "signal-454": ("tradingBot/signal/stop-order-algo", [{"algoId": "454"}]),
    "copying-ABCD": ("copytrading/stop-copy-trading",
                     {"uniqueCode": "ABCD", "instType": "SWAP", "subPosCloseType": "market_close"}),
}  # fmt: skip


def test_every_bot_is_seen_and_stopped_in_its_own_way() -> None:
    seen = {row.key_id for row in look(Told(), now=NOW).facts["api_key"] if row.kind == "bot"}
    assert seen == BOT_CALLS.keys()
    for item, call in BOT_CALLS.items():
        assert sent(Told(), commands.revoke_key(ME, item)) == [call]


def test_a_bot_that_has_stopped_is_stopped_and_another_refusal_is_said() -> None:
    path = "tradingBot/dca/stop"
    for code, state in (("51291", ReceiptState.DONE), ("51099", ReceiptState.REJECTED)):
        line = Told({path: [{"algoId": "452", "sCode": code, "sMsg": "no"}]}, account__config=[
            {"uid": UID, "mainUid": UID, "perm": "read_only,trade", "kycLv": "3"}])  # fmt: skip
        (receipt,) = OkxVenue(line, clock=lambda: NOW).submit(
            [("k", commands.revoke_key(ME, "spot_dca-452"))]
        )
        assert receipt.state is state
    line = Told({"copytrading/stop-copy-trading": Failure(Kind.ABSENT, "59262")})
    assert len(sent(line, commands.revoke_key(ME, "copying-ABCD"))) == 1


def test_algo_orders_by_family_and_ten_at_a_time() -> None:
    line = Told()
    many = [f"algo-{number}" for number in range(12)]
    assert [(path, len(body)) for path, body in sent(line, commands.cancel_orders(ME, [*many, "advance-78"]))] == [
        ("trade/cancel-algos", 10), ("trade/cancel-algos", 2), ("trade/cancel-advance-algos", 1),
    ]  # fmt: skip
    assert line.written[-1][1] == [{"instId": "ETH-USDT", "algoId": "78"}]
    gone = Told({"trade/cancel-advance-algos": Failure(Kind.ABSENT, "404")})
    assert [path for path, _ in sent(gone, commands.cancel_orders(ME, ["advance-78"]))] == [
        "trade/cancel-advance-algos", "trade/cancel-algos",
    ]  # fmt: skip


def test_spread_orders_and_requests_for_quotes() -> None:
    items = ["spread-5", "rfq-22", "quote-33"]
    assert sorted(sent(Told(), commands.cancel_orders(ME, items)), key=str) == [
        ("rfq/cancel-all-quotes", {}), ("rfq/cancel-all-rfqs", {}),
        ("sprd/mass-cancel", {"sprdId": "BTC-USDT_BTC-USDT-SWAP"}),
    ]  # fmt: skip


@pytest.mark.parametrize(("item", "body"), [
    ("copy-9", {"subPosId": "9", "subPosType": "copy", "instType": "SWAP"}),
    ("lead-10", {"subPosId": "10", "subPosType": "lead", "instType": "SPOT"}),
])  # fmt: skip
def test_copied_and_led_positions(item: str, body: dict[str, str]) -> None:
    assert sent(Told(), commands.close_position(ME, item)) == [("copytrading/close-subposition", body)]


def test_a_margin_position_that_only_owes_is_repaid() -> None:
    line = Told()
    line.answers["account/positions"].append(
        {"instType": "MARGIN", "instId": "ETH-USDT", "posId": "33", "pos": "0", "liab": "-2.5", "liabCcy": "USDT",
         "mgnMode": "isolated", "ccy": "ETH"}
    )  # fmt: skip
    body = {"instId": "ETH-USDT", "ccy": "USDT", "side": "repay", "amt": "2.5"}
    assert sent(line, commands.close_position(ME, "33")) == [("account/quick-margin-borrow-repay", body)]


EARN_CALLS: dict[str, tuple[str, Any]] = {
    "savings-USDT": ("finance/savings/purchase-redempt", {"ccy": "USDT", "amt": "25", "side": "redempt"}),
    "fixed-2": ("finance/simple-earn-fixed/redeem", {"reqId": "2"}),
    "chain-2413499": ("finance/staking-defi/redeem", {"ordId": "2413499", "protocolType": "defi"}),
    "eth-stake": ("finance/staking-defi/eth/redeem", {"amt": "0.7"}),
    "sol-stake": ("finance/staking-defi/sol/redeem", {"amt": "0.25"}),
    "auto-lending-SOL": ("account/set-auto-earn", {"ccy": "SOL", "action": "turn_off", "earnType": "0"}),
}  # fmt: skip


@pytest.mark.parametrize("item", EARN_CALLS)
def test_every_product_is_redeemed_in_its_own_way(item: str) -> None:
    line = Told()
    held = (("BETH", "0.7"), ("OKSOL", "0.25"))
    line.answers["asset/balances"] += [
        {"ccy": ccy, "bal": n, "availBal": n, "frozenBal": "0"} for ccy, n in held
    ]
    assert sent(line, commands.redeem(ME, item, asset="USDT")) == [EARN_CALLS[item]]


def test_okusd_at_once_or_in_some_days() -> None:
    """A redemption on its way is seen; today's limit for the quick way is no reason to stay."""
    earn = {row.earn_id: row for row in look(Told(), now=NOW).facts["earn"]}
    assert earn["okusd-redeem-6"].redeeming
    assert earn["okusd-redeem-6"].matures_at == datetime(2026, 2, 8)
    path = "finance/okusd/redeem"
    line = Told({path: [Failure(Kind.OTHER, "51763"), [{"state": "processing"}]]})
    calls = sent(line, commands.redeem(ME, "okusd", asset="OKUSD"))
    assert [(body["amt"], body["redeemType"]) for _, body in calls] == [
        ("12.34567891", "1"),
        ("12.34567891", "2"),
    ]
    assert (
        len({body["clOrdId"] for _, body in calls}) == 2
    )  # OKX would only repeat its answer to a known number


def test_dual_investment_ends_early_only_at_a_price_that_was_agreed_to() -> None:
    """R-CLR-3: the dry run shows what it costs; without consent, or at a worse price, it waits for its day."""
    quoted = {"finance/sfp/dcd/redeem-quote": [{"quoteId": "q1", "redeemCcy": "BTC", "redeemSz": "1.48"}]}
    config = {"account__config": [{"uid": UID, "mainUid": UID, "perm": "read_only,trade", "kycLv": "3"}]}
    command = commands.redeem(ME, "dual-5001", asset="BTC")
    agreed = commands.redeem(ME, "dual-5001", asset="BTC", penalty_most=Decimal("0.03"))
    line = Told(quoted, **config)
    venue = OkxVenue(line, clock=lambda: NOW)
    (quote,) = venue.quote([command])
    assert (quote.possible, quote.reason, quote.penalty) == (False, "penalty", Decimal("0.02"))
    assert [receipt.reason for receipt in venue.submit([("a", command)])] == ["penalty"]
    (receipt,) = venue.submit([("b", agreed)])
    assert (receipt.state, receipt.notes) == (ReceiptState.PENDING, {"penalty": "0.02"})
    assert line.written[-1] == ("finance/sfp/dcd/redeem", {"ordId": "5001", "quoteId": "q1"})
    closed = OkxVenue(
        Told({"finance/sfp/dcd/redeem-quote": Failure(Kind.OTHER, "52927")}, **config), clock=lambda: NOW
    )
    (quote,) = closed.quote([command])
    assert (quote.possible, quote.reason) == (False, "no_early_redemption")


def test_what_was_redeemed_before_the_answer_came_is_not_redeemed_again() -> None:
    line = Told()
    line.answers["finance/sfp/dcd/order-history"][0]["state"] = "pending_redeem"
    line.answers["finance/simple-earn-fixed/order-list"][1]["state"] = "cancelled"
    for item in ("dual-5001", "fixed-2"):
        assert sent(line, commands.redeem(ME, item, asset="USDT")) == []


def test_every_debt_is_repaid_in_its_own_way() -> None:
    moved = {"ccy": "USDT", "from": "6", "to": "18", "type": "0"}
    many = Decimal(10**6)

    def calls(line: Told, item: str, asset: str = "USDT") -> list[tuple[str, Any]]:
        said = sent(line, commands.repay_loan(ME, item, asset=asset, most=many))
        return [(path, {name: value for name, value in body.items() if name not in ("clientId", "clOrdId")})
                for path, body in said]  # fmt: skip

    assert calls(Told(), "vip-71") == [
        ("asset/transfer", moved | {"amt": "40"}),
        ("account/borrow-repay", {"ordId": "71", "ccy": "USDT", "side": "repay", "amt": "40"}),
    ]
    assert calls(Told(), "fixed-72") == [
        ("asset/transfer", moved | {"amt": "30"}), ("account/fixed-loan/repay-borrowing-order", {"ordId": "72"}),
    ]  # fmt: skip
    assert calls(Told(), "flexible-12345", "USDC") == [
        ("finance/flexible-loan/repay", {"ordId": "12345", "ccy": "USDC", "amt": "0.86590608"})
    ]


def test_what_was_pledged_comes_back_when_nothing_is_owed() -> None:
    class Repaid(Told):
        """Owes nothing any more once it was repaid."""

        def call(self, endpoint: Any, params: Any = None) -> list[Any]:
            """Answer; a repayment ends the debt."""
            rows = super().call(endpoint, params)
            if endpoint.path == "finance/flexible-loan/repay":
                self.answers["finance/flexible-loan/loan-info"][0]["loanData"] = []
            return rows

    command = commands.repay_loan(ME, "flexible-12345", asset="USDC", most=Decimal(1))
    freed = [body for path, body in sent(Repaid(), command) if path.endswith("adjust-collateral")]
    assert freed == [
        {"ordId": "12345", "type": "reduce", "collateralCcy": "COMP", "collateralAmt": "0.0000097"},
        {"ordId": "12345", "type": "reduce", "collateralCcy": "STX", "collateralAmt": "0.78"},
    ]


@pytest.mark.parametrize(("mode", "held", "paths"), [
    ("1", "1", ["asset/transfer", "account/spot-manual-borrow-repay"]),
    ("1", "0.1", ["asset/transfer", "trade/one-click-repay-v2"]),
    ("3", "1", ["asset/transfer"]),
    ("3", "0.1", ["asset/transfer", "trade/one-click-repay-v2"]),
])  # fmt: skip
def test_a_liability_is_paid_by_what_is_brought(mode: str, held: str, paths: list[str]) -> None:
    line = Told()
    line.answers["account/config"][0]["acctLv"] = mode
    line.answers["asset/balances"] = [{"ccy": "ETH", "bal": held, "availBal": held, "frozenBal": "0"}]
    command = commands.repay_loan(ME, "liab-ETH", asset="ETH", most=Decimal(5))
    line.answers["trade/one-click-repay-currency-list-v2"] = [
        {"debtData": [], "repayData": [{"repayCcy": ccy, "repayAmt": n} for ccy, n in
                                       (("BTC", "1"), ("ETH", "9"), ("SOL", "0"), ("USDC", "5"))]}
    ]  # fmt: skip
    assert [path for path, _ in sent(line, command)] == paths
    repaid = dict(line.written).get("trade/one-click-repay-v2", {})
    assert repaid.get("repayCcyList", ["USDC", "BTC"]) == ["USDC", "BTC"]


def test_only_what_may_leave_the_trading_account_is_moved() -> None:
    line = Told(**{"account__max-withdrawal": [{"ccy": "BTC", "maxWd": "0.125"}]})
    ((path, body),) = sent(line, commands.gather(ME, asset="BTC", wallet="trading"))
    assert (path, body["amt"]) == ("asset/transfer", "0.125")


PLACES = {
    "app_keys": commands.revoke_key(ME, "declared-other_keys"),
    "app_products": commands.redeem(ME, "bills-shark-fin-USDT", asset="USDT"),
    "app_loans": commands.repay_loan(ME, "other-1", asset="USDT", most=Decimal(1)),
    "app_renewal": commands.stop_renewal(ME, "fixed-1"),
    "app_sub_accounts": commands.close_sub_account(ME, SUB),
    "app_cards": commands.unbind(ME, "b1"),
    "app_non_tradable": commands.gather(ME, asset="CELT", wallet="non_tradable"),
    "sub_key": commands.cancel_orders(MY_SUB, ["1"]),
}


def test_what_no_call_does_is_listed_with_where_to_tap() -> None:
    seen = look(Told(), now=NOW)
    assert set(remedies.IN_APP.values()) | {remedies.SUB_KEY} == PLACES.keys() == words.PLACES.keys()
    for code, command in PLACES.items():
        assert remedies.where(command, seen) == code
        assert words.reason(code, "en").isascii()
        assert not words.reason(code, "zh").isascii()


def test_purchases_with_fiat_that_are_processed_are_in_flight() -> None:
    transfers = {row.transfer_id: row for row in look(Told(), now=NOW).facts["transfer"]}
    assert (transfers["fiat-b1"].asset, transfers["fiat-b1"].amount) == ("USDT", 9)


def test_notices_are_hints_and_close_nothing() -> None:
    """Maintenance, a delisting of what is held, an account at risk; one that cannot be read is named."""
    line = Told(
        **{
            "system__status": [{"title": "upgrade", "state": "scheduled", "begin": "1770076800000", "end": ""},
                               {"title": "past", "state": "completed", "begin": "1", "end": "2"}],
            "support__announcements": [{"details": [
                {"title": "OKX to delist LUNC, XYZ spot pairs", "url": "https://www.okx.com/help/1"},
                {"title": "OKX to delist ABC", "url": ""}]}],
            "account__risk-state": [{"atRisk": True}],
        }
    )  # fmt: skip
    before = look(line, now=NOW)
    after = noticed(line, before)
    hints = after.residuals[len(before.residuals) :]
    assert [one.asset for one in hints] == [None, "LUNC", None]
    assert not any(one.leaves_open for one in hints)
    assert after.sources == before.sources
    line.failing["system/status"] = Failure(Kind.NETWORK, "")
    line.failing["account/risk-state"] = Failure(Kind.ABSENT, "404")
    assert noticed(line, before).failures.keys() == {"system/status"}

"""The untouched clients ccxt and python-okx run over every served operation, on loopback only."""

import json
import warnings
from decimal import Decimal
from typing import Any

import pytest
from tests.venues.okx_server.conftest import Place

from closeout.venues.okx import client
from closeout.venues.okx.endpoints import ENDPOINTS
from closeout.venues.okx_server.keys import Key
from closeout.venues.okx_server.routes import LOOKS, WRITES

NEEDED: dict[str, dict[str, str]] = {
    "public/instruments": {"instType": "SPOT"},
    "trade/orders-algo-pending": {"ordType": "conditional,oco"},
    "trade/fills-history": {"instType": "SPOT"},
    "trade/orders-history": {"instType": "SPOT"},
    "trade/orders-history-archive": {"instType": "SWAP"},
    "asset/deposit-withdraw-status": {"wdId": "1"},
    "tradingBot/grid/orders-algo-pending": {"algoOrdType": "grid"},
    "tradingBot/dca/ongoing-list": {"algoOrdType": "spot_dca"},
    "tradingBot/signal/orders-algo-pending": {"algoOrdType": "contract"},
    "fiat/withdrawal-payment-methods": {"ccy": "EUR"},
    "trade/easy-convert-currency-list": {"source": "2"},
}


def ccxt_client(place: Place, key: Key) -> Any:
    rest = {"rest": place.url}
    exchange = client.exchange_class("okx")(
        {
            "apiKey": key.api_key, "secret": key.secret, "password": key.passphrase, "enableRateLimit": False,
            "urls": {"api": rest, "test": rest},
        }
    )  # fmt: skip
    place.closing.append(exchange.session.close)
    return exchange


def python_okx(place: Place, key: Key) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from okx import Account

        api = Account.AccountAPI(
            key.api_key, key.secret, key.passphrase, flag="0", domain=place.url, debug=False
        )
    place.closing.append(api.close)
    return api


def params(place: Place, path: str) -> dict[str, str]:
    said = dict(NEEDED.get(path, {}))
    if "subaccount" in path and path != "users/subaccount/list":
        (sub,) = place.connection.execute(
            "select 'sub' || min(account_id) from sandbox.account where parent_id = %s",
            (place.people["messy"],),
        ).fetchone()
        said["subAcct"] = sub
    return said


def is_text(value: object) -> bool:
    if isinstance(value, dict):
        return all(is_text(inner) for inner in value.values())
    if isinstance(value, list):
        return all(is_text(inner) for inner in value)
    return isinstance(value, str | bool)


def test_both_clients_read_every_served_list(place: Place) -> None:
    """Strings everywhere, except flags; both clients get the same rows; no list is missing."""
    key = place.key("messy")
    first, second = ccxt_client(place, key), python_okx(place, key)
    for path in LOOKS:
        if path == "asset/transfer-state":
            continue  # asked after a transfer, below
        side = ["public" if ENDPOINTS[f"GET {path}"].public else "private"]
        one = first.request(path, side, "GET", params(place, path))
        other = second._request_with_params("GET", f"/api/v5/{path}", params(place, path))
        assert one["code"] == other["code"] == "0", path
        assert is_text(one["data"]), path
        if path not in ("public/time", "account/balance"):
            assert len(one["data"]) == len(other["data"]), path


def test_ccxt_unified_calls_work(place: Place) -> None:
    exchange = ccxt_client(place, place.key("messy"))
    exchange.number = str  # its floats would lose digits
    exchange.load_markets()
    held = exchange.fetch_balance({"type": "funding"})
    assert Decimal(held["USDT"]["free"]) == 4040
    assert len(exchange.fetch_open_orders()) == 5
    assert {row["symbol"] for row in exchange.fetch_positions()} >= {"BTC/USDT:USDT"}
    assert exchange.fetch_ledger()
    moved = exchange.transfer("USDT", 5, "trading", "funding")
    state = exchange.privateGetAssetTransferState({"transId": moved["id"]})
    assert state["data"][0]["state"] == "success"
    placed = exchange.create_order("BTC/USDT", "limit", "buy", 0.001, 50000)
    exchange.cancel_order(placed["id"], "BTC/USDT")
    assert placed["id"] not in [row["id"] for row in exchange.fetch_open_orders("BTC/USDT")]


WRITTEN: dict[str, Any] = {
    "trade/order": {"instId": "BTC-USDT", "side": "buy", "ordType": "limit", "sz": "0.001", "px": "50000",
                    "tdMode": "cash"},
    "trade/cancel-order": {"instId": "BTC-USDT", "ordId": "700004"},
    "trade/cancel-batch-orders": [{"instId": "BTC-USDT", "ordId": "700005"}, {"instId": "x", "ordId": "1"}],
    "trade/cancel-algos": [{"instId": "ETH-USDT", "algoId": "700006"}],
    "trade/close-position": {"instId": "BTC-USDT-SWAP", "mgnMode": "cross"},
    "trade/easy-convert": {"fromCcy": ["ADA", "TRX"], "toCcy": "USDT", "source": "2"},
    "finance/flexible-loan/repay": {"ordId": "400001", "ccy": "USDT", "amt": "2000"},
    "trade/one-click-repay-v2": {"debtCcy": "USDT", "repayCcyList": ["USDT"]},
    "tradingBot/grid/stop-order-algo": [{"algoId": "250001", "instId": "BTC-USDT", "algoOrdType": "grid",
                                         "stopType": "1"}],
    "sprd/mass-cancel": {"sprdId": ""},
    "rfq/cancel-all-rfqs": {},
    "asset/transfer": {"ccy": "USDT", "amt": "1.5", "from": "18", "to": "6", "clientId": "c1"},
    "finance/savings/purchase-redempt": {"ccy": "USDT", "amt": "800", "side": "redempt"},
    "finance/staking-defi/redeem": {"ordId": "500003", "protocolType": "defi"},
    "trade/batch-orders": [{"instId": "BTC-USDT", "side": "buy", "ordType": "limit", "sz": "0.001", "px": "50000"}],
    "users/subaccount/apikey": {"subAcct": "sub100003", "label": "made", "passphrase": "Pass word", "perm": "trade"},
    "asset/withdrawal": {"ccy": "SOL", "amt": "1", "dest": "4", "toAddr": "", "chain": "SOL-Solana", "clientId": "w1"},
    "trade/cancel-all-after": {"timeOut": "10"},
}  # fmt: skip
REFUSED: dict[str, tuple[Any, str]] = {  # what the sandbox has none of, or what is over: said in OKX's codes
    "copytrading/close-subposition": ({"subPosId": "1"}, "51023"),
    "tradingBot/dca/stop": ([{"algoId": "1", "algoOrdType": "spot_dca", "stopType": "1"}], "1"),
    "tradingBot/recurring/stop-order-algo": ([{"algoId": "1"}], "1"),
    "tradingBot/signal/stop-order-algo": ([{"algoId": "1"}], "1"),
    "account/set-auto-earn": ({"ccy": "SOL", "action": "turn_off", "earnType": "0"}, "51000"),
    "finance/simple-earn-fixed/redeem": ({"reqId": "500002"}, "51762"),
    "finance/staking-defi/cancel": ({"ordId": "500003", "protocolType": "defi"}, "51000"),
    "asset/cancel-withdrawal": ({"wdId": "1"}, "51000"),
    "asset/convert/trade": ({"quoteId": "none"}, "52915"),
}
CHAINED = {"asset/convert/estimate-quote", "users/subaccount/delete-apikey"}  # sent with what came before


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # python-okx gives httpx a string
@pytest.mark.parametrize("sender", ["ccxt", "python-okx"])
def test_both_clients_do_every_served_write(place: Place, sender: str) -> None:
    """Signed over the very bytes: one sends compact JSON, the other blanks after commas; lists and objects."""
    assert WRITTEN.keys() | REFUSED.keys() | CHAINED == WRITES.keys()
    key = place.key("messy", addresses="127.0.0.1")
    first, second = ccxt_client(place, key), python_okx(place, key)
    way = next(one for one in place.venue.destinations(place.people["messy"]) if one.asset == "SOL")

    def send(path: str, body: Any) -> Any:
        if sender == "python-okx":
            return second._request_with_params("POST", f"/api/v5/{path}", body)
        return ccxt_says(first, path, body)

    told = {}
    for path, body in WRITTEN.items():
        answer = told[path] = send(
            path, body | {"toAddr": way.address} if path == "asset/withdrawal" else body
        )
        assert answer["code"] in ("0", "2"), (path, answer)
    assert [row["sCode"] for row in told["trade/cancel-batch-orders"]["data"]] == ["0", "51400"]
    for path, (body, code) in REFUSED.items():
        assert send(path, body)["code"] == code, path
    made = told["users/subaccount/apikey"]["data"][0]
    gone = send("users/subaccount/delete-apikey", {"subAcct": made["subAcct"], "apiKey": made["apiKey"]})
    assert gone["code"] == "0"
    quoted = send("asset/convert/estimate-quote", {"baseCcy": "ETH", "quoteCcy": "USDT", "side": "sell", "rfqSz": "0.5",
                                                   "rfqSzCcy": "ETH"})["data"][0]  # fmt: skip
    assert send("asset/convert/trade", {"quoteId": quoted["quoteId"]})["code"] == "0"
    wanted = told["asset/withdrawal"]["data"][0]["wdId"]
    assert send("asset/cancel-withdrawal", {"wdId": wanted})["data"] == [{"wdId": wanted}]


def ccxt_says(exchange: Any, path: str, body: Any) -> Any:
    """Send through ccxt; it raises for a refusal, and the answer stands in what it raises."""
    try:
        return exchange.request(path, ["private"], "POST", body)
    except client.error_class() as refused:
        said = str(refused)
        return json.loads(said[said.index("{") :])


def test_every_write_that_is_served_is_a_documented_operation() -> None:
    assert all(f"POST {path}" in ENDPOINTS for path in WRITES)
    assert all(f"GET {path}" in ENDPOINTS for path in LOOKS)

"""Answers of OKX in the documented shape, made up for one busy account; and a wire that plays them."""

import copy
from typing import Any

from closeout.venues.okx.endpoints import Endpoint
from closeout.venues.okx.errors import Failure

UID, MAIN, SUB = "446556020001", "446556020001", "446556020077"
T0 = "1769990400000"  # 2026-02-02T00:00:00Z

ANSWERS: dict[str, list[dict[str, Any]]] = {
    "account/config": [
        {
            "uid": UID,
            "mainUid": MAIN,
            "acctLv": "2",
            "kycLv": "3",
            "perm": "read_only",
            "ip": "",
            "label": "look",
            "roleType": "0",
            "spotRoleType": "0",
            "type": "0",
            "opAuth": "0",
        }
    ],
    "public/time": [{"ts": T0}],
    "asset/currencies": [
        {"ccy": "USDT", "chain": "USDT-TRC20", "canWd": True, "canDep": True, "minWd": "5", "fee": "1"},
        {"ccy": "USDT", "chain": "USDT-ERC20", "canWd": True, "canDep": True, "minWd": "2", "fee": "4"},
        {
            "ccy": "BTC",
            "chain": "BTC-Bitcoin",
            "canWd": True,
            "canDep": True,
            "minWd": "0.0005",
            "fee": "0.0001",
        },
        {"ccy": "LUNC", "chain": "LUNC-Terra", "canWd": False, "canDep": False, "minWd": "10", "fee": ""},
    ],
    "market/index-tickers": [
        {"instId": "BTC-USDT", "idxPx": "60000"},
        {"instId": "ETH-USDT", "idxPx": "3000"},
    ],
    "asset/balances": [
        {
            "ccy": "USDT",
            "bal": "100.123456789012345678",
            "availBal": "90.123456789012345678",
            "frozenBal": "10",
        },
        {"ccy": "LUNC", "bal": "0.000000000000000001", "availBal": "0.000000000000000001", "frozenBal": "0"},
        {"ccy": "ETH", "bal": "0", "availBal": "0", "frozenBal": "0"},
    ],
    "account/balance": [
        {
            "totalEq": "1000",
            "details": [
                {
                    "ccy": "BTC",
                    "cashBal": "0.5",
                    "availBal": "0.3",
                    "frozenBal": "0.2",
                    "ordFrozen": "0.2",
                    "eq": "0.5",
                    "liab": "",
                    "interest": "",
                    "stgyEq": "0",
                    "autoLendStatus": "off",
                },
                {
                    "ccy": "ETH",
                    "cashBal": "-0.25",
                    "availBal": "0",
                    "frozenBal": "0",
                    "ordFrozen": "0",
                    "eq": "-0.25",
                    "liab": "0.25",
                    "interest": "0.001",
                    "stgyEq": "0",
                    "autoLendStatus": "unsupported",
                },
                {
                    "ccy": "SOL",
                    "cashBal": "3",
                    "availBal": "3",
                    "frozenBal": "0",
                    "ordFrozen": "0",
                    "eq": "3",
                    "liab": "",
                    "interest": "",
                    "stgyEq": "0",
                    "autoLendStatus": "active",
                    "autoLendMtAmt": "2.5",
                },
            ],
        }
    ],
    "asset/non-tradable-assets": [
        {
            "ccy": "CELT",
            "bal": "989",
            "canWd": True,
            "minWd": "1",
            "wdAll": True,
            "fee": "0.2",
            "feeCcy": "ETH",
        }
    ],
    "asset/asset-valuation": [
        {
            "totalBal": "110",
            "ts": T0,
            "details": {"funding": "100.1", "trading": "1000", "earn": "0", "classic": "0"},
        }
    ],
    "account/interest-limits": [
        {"debt": "750", "interest": "3", "records": [{"ccy": "ETH", "usedLoan": "0.25", "interest": "0.001"}]}
    ],
    "trade/orders-pending": [
        {
            "instType": "SPOT",
            "instId": "BTC-USDT",
            "ordId": "900000000000000001",
            "side": "sell",
            "sz": "0.2",
            "accFillSz": "0",
            "px": "70000",
            "state": "live",
            "cTime": T0,
        },
        {
            "instType": "SPOT",
            "instId": "BTC-USDT",
            "ordId": "900000000000000002",
            "side": "buy",
            "sz": "0.001",
            "accFillSz": "0.0005",
            "px": "20000",
            "state": "partially_filled",
            "cTime": T0,
        },
        {
            "instType": "SWAP",
            "instId": "BTC-USDT-SWAP",
            "ordId": "900000000000000003",
            "side": "buy",
            "sz": "3",
            "accFillSz": "",
            "px": "",
            "ccy": "",
            "state": "live",
            "cTime": T0,
        },
    ],
    "algo trigger": [
        {
            "instType": "SPOT",
            "instId": "ETH-USDT",
            "algoId": "77",
            "ordType": "trigger",
            "side": "sell",
            "sz": "1",
            "state": "live",
            "cTime": T0,
        }
    ],
    "sprd/orders-pending": [
        {"sprdId": "BTC-USDT_BTC-USDT-SWAP", "ordId": "5", "sz": "1", "px": "2", "cTime": T0}
    ],
    "rfq/rfqs": [{"rfqId": "22", "clRfqId": "", "state": "active", "cTime": T0}],
    "rfq/quotes": [{"quoteId": "33", "rfqId": "22", "state": "active", "cTime": T0}],
    "account/positions": [
        {
            "instType": "SWAP",
            "instId": "BTC-USDT-SWAP",
            "posId": "31",
            "posSide": "short",
            "pos": "2",
            "ccy": "USDT",
            "upl": "-0.000000000000000003",
            "liab": "",
            "mgnMode": "cross",
        },
        {
            "instType": "SWAP",
            "instId": "ETH-USDT-SWAP",
            "posId": "32",
            "posSide": "net",
            "pos": "0",
            "ccy": "USDT",
            "upl": "0",
            "liab": "",
            "mgnMode": "cross",
        },
    ],
    "copies copy": [
        {
            "instId": "ETH-USDT-SWAP",
            "subPosId": "9",
            "subPos": "4",
            "posSide": "long",
            "ccy": "USDT",
            "upl": "1",
        }
    ],
    "copytrading/current-lead-traders": [{"uniqueCode": "ABCD", "nickName": "x", "copyState": "1"}],
    "copytrading/config": [
        {
            "uniqueCode": "1",
            "nickName": "",
            "details": [{"instType": "SWAP", "roleType": "0", "copyTraderNum": "0"}],
        }
    ],
    "bots grid": [{"algoId": "448", "instId": "BTC-USDT", "state": "running", "investment": "100"}],
    "bots recurring": [{"algoId": "449", "stgyName": "monthly", "state": "running"}],
    "finance/savings/balance": [
        {"ccy": "USDT", "amt": "25", "loanAmt": "20", "pendingAmt": "5", "earnings": "0.1"},
        {"ccy": "BTC", "amt": "0", "loanAmt": "0", "pendingAmt": "0", "earnings": "0"},
    ],
    "finance/simple-earn-fixed/order-list": [
        {
            "reqId": "1",
            "ccy": "USDT",
            "amt": "50",
            "state": "earning",
            "term": "30D",
            "expiryTime": "1772582400000",
        },
        {"reqId": "2", "ccy": "USDT", "amt": "60", "state": "pending", "term": "30D", "expiryTime": ""},
        {"reqId": "3", "ccy": "USDT", "amt": "70", "state": "settled", "term": "30D", "expiryTime": ""},
    ],
    "finance/staking-defi/orders-active": [
        {
            "ordId": "2413499",
            "ccy": "DOT",
            "productId": "101",
            "state": "1",
            "protocol": "Polkadot",
            "protocolType": "defi",
            "term": "0",
            "investData": [{"ccy": "DOT", "amt": "2"}],
            "purchasedTime": T0,
            "estSettlementTime": "",
        },
        {
            "ordId": "2413500",
            "ccy": "ETH",
            "productId": "102",
            "state": "2",
            "protocol": "Lido",
            "protocolType": "staking",
            "term": "30",
            "investData": [{"ccy": "ETH", "amt": "1"}],
            "purchasedTime": T0,
            "estSettlementTime": "1770595200000",
        },
    ],
    "finance/staking-defi/eth/balance": [{"ccy": "BETH", "amt": "0.7", "ts": T0}],
    "finance/sfp/dcd/order-history": [
        {
            "ordId": "5001",
            "productId": "BTC-USDT-260327-77000-C",
            "state": "live",
            "notionalSz": "1.5",
            "notionalCcy": "BTC",
            "expTime": "1774598400000",
        },
        {
            "ordId": "5002",
            "productId": "BTC-USDT-250327-77000-C",
            "state": "settled",
            "notionalSz": "1",
            "notionalCcy": "BTC",
            "expTime": "1743062400000",
        },
    ],
    "finance/flexible-loan/loan-info": [
        {
            "ordId": "12345",
            "loanData": [{"ccy": "USDC", "amt": "0.86590608"}],
            "collateralData": [{"ccy": "COMP", "amt": "0.0000097"}, {"ccy": "STX", "amt": "0.78"}],
            "curLTV": "0.5",
        }
    ],
    "users/subaccount/list": [
        {
            "subAcct": "trader77",
            "uid": SUB,
            "enable": True,
            "type": "1",
            "label": "bot",
            "frozenFunc": [],
            "ts": T0,
        }
    ],
    "users/entrust-subaccount-list": [{"subAcct": "held5"}],
    "sub-account trader77 funding": [{"ccy": "USDT", "bal": "7", "availBal": "7", "frozenBal": "0"}],
    "sub-account trader77 trading": [{"details": []}],
    "sub-account trader77 keys": [
        {"apiKey": "sub-key-1", "label": "bot", "perm": "read_only,trade", "ip": ""}
    ],
    "asset/deposit-history": [
        {"ccy": "BTC", "amt": "0.1", "depId": "88", "txId": "aa", "state": "0", "to": "b", "chain": "BTC"},
        {"ccy": "BTC", "amt": "0.2", "depId": "89", "txId": "ab", "state": "2", "ts": T0},
        {"ccy": "BTC", "amt": "0.3", "depId": "90", "txId": "ac", "state": "12", "ts": T0},
    ],
    "asset/withdrawal-history": [
        {"ccy": "USDT", "amt": "9", "wdId": "67", "state": "2", "ts": T0},
        {"ccy": "USDT", "amt": "8", "wdId": "68", "state": "17", "ts": T0},
    ],
    "status of 68": [{"wdId": "68", "state": "in review: ", "estCompleteTime": "02/04/2026, 8:10:48 PM"}],
    "status of aa": [{"wdId": "", "txId": "aa", "state": "1 of 2", "estCompleteTime": ""}],
    "fiat/withdrawal-order-history": [
        {"ordId": "f1", "ccy": "EUR", "amt": "10", "state": "inqueue", "cTime": T0}
    ],
    "banks EUR": [
        {"ccy": "EUR", "accounts": [{"paymentAcctId": "b1", "acctNum": "DE001234567", "bankName": "N"}]}
    ],
    "affiliate/performance/summary": [
        {"inviteeCnt": "2", "details": [{"commissionCategory": "SPOT", "commission": "0"}], "uTime": T0}
    ],
    "affiliate/link/list": [
        {"channelId": number, "linkStatus": state, "inviteeCnt": many}
        for number, state, many in (("78", "normal", "2"), ("79", "normal", "0"), ("80", "abnormal", "1"))
    ],
    "asset/bills-history": [
        {"billId": "3", "ccy": "USDT", "balChg": "40", "bal": "60", "type": "226", "ts": T0},
        {"billId": "2", "ccy": "USDT", "balChg": "-100", "bal": "20", "type": "225", "ts": T0},
        {"billId": "1", "ccy": "USDT", "balChg": "1", "bal": "120", "type": "150", "ts": T0},
    ],
    "account/bills": [{"billId": "1", "ccy": "BTC", "balChg": "0.5", "type": "1", "subType": "11", "ts": T0}],
}

EMPTY = {
    "account/config",
    "public/time",
    "asset/currencies",
    "market/index-tickers",
}  # what an empty account still answers


def name_of(endpoint: Endpoint, params: Any) -> str:
    """Return the name under which ``ANSWERS`` holds the answer to this question."""
    said = params or {}
    if isinstance(said, dict):
        if "subAcct" in said:
            what = {"asset/subaccount/balances": "funding", "account/subaccount/balances": "trading"}
            return f"sub-account {said['subAcct']} {what.get(endpoint.path, 'keys')}"
        if "algoOrdType" in said and "signal" not in endpoint.path:
            return f"bots {said['algoOrdType']}"
        if "subPosType" in said:
            return f"copies {said['subPosType']}"
        if "ordType" in said:
            return f"algo {said['ordType']}"
        if "signal" in endpoint.path or "recurring" in endpoint.path:
            return "bots signal" if "signal" in endpoint.path else "bots recurring"
        if endpoint.path == "asset/deposit-withdraw-status":
            return f"status of {said.get('wdId') or said['txId']}"
        if endpoint.path == "fiat/withdrawal-payment-methods":
            return f"banks {said['ccy']}"
    return endpoint.path


class Played:
    """A wire that plays recorded answers; ``failing`` are names of answers that fail, with how."""

    def __init__(
        self,
        answers: dict[str, list[dict[str, Any]]] | None = None,
        failing: dict[str, Failure] | None = None,
    ) -> None:
        self.answers = copy.deepcopy(ANSWERS if answers is None else answers)
        self.failing = failing or {}
        self.asked: list[str] = []

    def call(self, endpoint: Endpoint, params: Any = None) -> list[Any]:
        """Answer as recorded. Raises: Failure as told."""
        name = name_of(endpoint, params)
        self.asked.append(name)
        if name in self.failing:
            raise self.failing[name]
        if name == "account/balance" and name not in self.answers:
            return [{"details": []}]
        return copy.deepcopy(self.answers.get(name, []))


def empty() -> dict[str, list[dict[str, Any]]]:
    """Return the answers of an account that holds nothing."""
    return {name: copy.deepcopy(rows) for name, rows in ANSWERS.items() if name in EMPTY}

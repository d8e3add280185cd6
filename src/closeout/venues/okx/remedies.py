"""Remedies as calls of OKX: one function per kind that sends it, each safe to look up afterwards.

A remedy that only the app can do is rejected with ``app_only``; where to tap is in :mod:`steps`. The clearing
knows items by the names that the facts gave them (``algo-77``, ``savings-USDT``, ``grid-448``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from closeout.facts.schema import Balance, OpenOrder
from closeout.venues.base import Command, Moved, ReceiptState, Rejected, Remedy
from closeout.venues.okx.endpoints import get, post
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.links import key_name
from closeout.venues.okx.looking import Looked
from closeout.venues.okx.values import ZERO, Raw, amount, amount_or_none, text
from closeout.venues.okx.wire import Wire

FUNDING, TRADING = "6", "18"
WALLETS = {"funding": FUNDING, "trading": TRADING}
GONE = frozenset(
    {"51400", "51401", "51402", "51405", "51410", "51503", "51603"}
)  # filled or cancelled before
POSITION_GONE = frozenset({"51023", "59301"})
REASONS = {
    "58203": "address_not_verified", "58207": "address_not_verified", "58350": "insufficient",
    "58212": "minimum", "58215": "daily_limit", "51008": "insufficient", "58370": "over_limit",
    "52908": "minimum", "58226": "wrong_network", "58222": "wrong_network",
}  # fmt: skip
APP_ONLY = "app_only"
NOT_PERMITTED = "key_permission"


@dataclass
class Done:
    """What sending a command led to."""

    state: ReceiptState = ReceiptState.DONE
    moved: tuple[Moved, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Desk:
    """What a remedy works with: the line, the last look, and the name under which OKX can find it again."""

    wire: Wire
    looked: Looked
    key: str

    @property
    def client_id(self) -> str:
        """Return the client's number for OKX: 32 letters and digits that follow from the key."""
        return "c" + hashlib.sha256(self.key.encode()).hexdigest()[:31]

    def post(self, path: str, body: Mapping[str, Any] | Sequence[Raw]) -> list[Raw]:
        """Send one write. Raises: Failure."""
        return list(self.wire.call(post(path), body))

    def items(self, path: str, body: Mapping[str, Any] | Sequence[Raw], *, gone: frozenset[str]) -> None:
        """Send one write and look at each item of the answer. Raises: Failure, Rejected."""
        for row in self.post(path, body):
            code = text(row, "sCode", "0") or "0"
            if code != "0" and code not in gone:
                raise Rejected(REASONS.get(code, f"okx_{code}"), text(row, "sMsg", ""))


def cancel_orders(desk: Desk, command: Command) -> Done:
    """Cancel orders of every kind; one that is gone counts as cancelled. Raises: Rejected, Failure."""
    known = {
        row.order_id: row.instrument for row in desk.looked.facts["open_order"] if isinstance(row, OpenOrder)
    }
    plain, algo, others = [], [], set()
    for item in command.items:
        kind, _, number = item.rpartition("-")
        if not kind:
            plain.append({"instId": known.get(item, ""), "ordId": item})
        elif kind == "algo":
            algo.append({"instId": known.get(item, ""), "algoId": number})
        else:
            others.add((kind, known.get(item, "")))
    if plain:
        desk.items("trade/cancel-batch-orders", plain, gone=GONE)
    if algo:
        desk.items("trade/cancel-algos", algo, gone=GONE)
    for kind, instrument in sorted(others):
        path = {"spread": "sprd/mass-cancel", "rfq": "rfq/cancel-all-rfqs", "quote": "rfq/cancel-all-quotes"}[
            kind
        ]
        desk.post(path, {"sprdId": instrument} if kind == "spread" else {})
    return Done()


def close_position(desk: Desk, command: Command) -> Done:
    """Close one position whole at the market, guarded by the mark price. Raises: Rejected, Failure."""
    (item,) = command.items
    if item.startswith("copy-"):
        desk.items("copytrading/close-subposition", {"subPosId": item[5:]}, gone=POSITION_GONE)
        return Done()
    rows = [row for row in desk.wire.call(get("account/positions")) if text(row, "posId", "") == item]
    if not rows or not amount(rows[0], "pos"):
        return Done(notes={"detail": "already closed"})
    mark = amount_or_none(rows[0], "markPx")
    least, most = command.params.get("price_least"), command.params.get("price_most")
    if (least and (mark is None or mark < Decimal(least))) or (
        most and (mark is None or mark > Decimal(most))
    ):
        raise Rejected("slippage")
    body = {"instId": text(rows[0], "instId"), "mgnMode": text(rows[0], "mgnMode"), "autoCxl": True,
            "posSide": text(rows[0], "posSide", "net"), "clOrdId": desk.client_id}  # fmt: skip
    if text(rows[0], "instType", "") == "MARGIN":
        body["ccy"] = text(rows[0], "ccy")
    try:
        desk.post("trade/close-position", body)
    except Failure as failed:
        if failed.code not in POSITION_GONE:
            raise
    return Done()


def repay_loan(desk: Desk, command: Command) -> Done:
    """Repay a flexible loan or a liability of the trading account. Raises: Rejected, Failure."""
    (item,) = command.items
    kind, _, number = item.partition("-")
    asset, most = command.asset or "", command.amount or ZERO
    if kind == "flexible":
        order, _, place = number.partition("-")
        rows = desk.wire.call(get("finance/flexible-loan/loan-info"), {"ordId": order})
        owed = sum((amount(part, "amt") for row in rows for part in row.get("loanData", [])
                    if text(part, "ccy") == asset), start=ZERO)  # fmt: skip
        if not owed or place:
            return Done(notes={"detail": "already repaid"})
        body = {"ordId": order, "ccy": asset, "amt": f"{min(owed, most):f}", "clOrdId": desk.client_id}
        desk.post("finance/flexible-loan/repay", body)
        return Done()
    if kind != "liab":
        raise Rejected(APP_ONLY)
    rows = desk.wire.call(get("account/balance"), {"ccy": asset})
    details = [part for row in rows for part in row.get("details", []) if text(part, "ccy") == asset]
    owed = sum(
        (abs(amount(part, "liab")) + abs(amount_or_none(part, "interest") or ZERO) for part in details), ZERO
    )
    if not owed:
        return Done(notes={"detail": "already repaid"})
    held = sum(
        (amount(row, "availBal") for row in desk.wire.call(get("asset/balances"), {"ccy": asset})), ZERO
    )
    bring = min(held, owed, most)
    if bring > 0:
        _transfer(desk, asset, bring, source=FUNDING, target=TRADING)
    if bring >= owed:
        desk.post("account/spot-manual-borrow-repay", {"ccy": asset, "side": "repay", "amt": f"{owed:f}"})
    else:
        desk.post("trade/one-click-repay-v2", {"debtCcy": asset, "repayCcyList": ["USDT"]})
    return Done()


def redeem(desk: Desk, command: Command) -> Done:
    """Redeem one product. Raises: Rejected ("app_only" where OKX offers no call), Failure."""
    (item,) = command.items
    kind, _, number = item.partition("-")
    early = "penalty_most" in command.params
    if kind == "savings":
        rows = desk.wire.call(get("finance/savings/balance"), {"ccy": number})
        whole = sum((amount(row, "amt") for row in rows), ZERO)
        if whole:
            body = {"ccy": number, "amt": f"{whole:f}", "side": "redempt"}
            desk.post("finance/savings/purchase-redempt", body)
        return Done(moved=(Moved("funding", number, whole),))
    if kind == "fixed":
        desk.post("finance/simple-earn-fixed/redeem", {"reqId": number})
        return Done()
    if kind == "chain":
        order = number.partition("-")[0]
        rows = [
            row
            for row in desk.wire.call(get("finance/staking-defi/orders-active"))
            if text(row, "ordId") == order
        ]
        if not rows or text(rows[0], "state") in ("2", "13"):
            return Done(ReceiptState.PENDING if rows else ReceiptState.DONE)
        path = "cancel" if text(rows[0], "state") == "8" else "redeem"
        body = {"ordId": order, "protocolType": text(rows[0], "protocolType", "defi")}
        if path == "redeem" and early:
            body["allowEarlyRedeem"] = "true"
        desk.post(f"finance/staking-defi/{path}", body)
        return Done(ReceiptState.PENDING)
    if item in ("eth-stake", "sol-stake"):
        chain, token = kind, {"eth": "BETH", "sol": "OKSOL"}[kind]
        held = sum(
            (amount(row, "availBal") for row in desk.wire.call(get("asset/balances"), {"ccy": token})), ZERO
        )
        if held:
            desk.post(f"finance/staking-defi/{chain}/redeem", {"amt": f"{held:f}"})
        return Done(ReceiptState.PENDING)
    if kind == "auto":
        what, _, asset = number.partition("-")
        desk.post(
            "account/set-auto-earn",
            {"ccy": asset, "action": "turn_off", "earnType": "0" if what == "lending" else "1"},
        )
        return Done()
    raise Rejected(APP_ONLY)


def revoke_key(desk: Desk, command: Command) -> Done:
    """Stop bots, copied traders and keys of sub-accounts. Raises: Rejected("app_only") for other keys."""
    labels = {getattr(row, "key_id", ""): getattr(row, "label", "") for row in desk.looked.facts["api_key"]}
    for item in command.items:
        kind, _, number = item.partition("-")
        if kind in ("grid", "contract_grid"):
            body = [{"algoId": number, "algoOrdType": kind, "stopType": "1",
                     "instId": labels.get(item, "").rpartition(" ")[2]}]  # fmt: skip
            desk.items("tradingBot/grid/stop-order-algo", body, gone=GONE)
        elif kind in ("spot_dca", "contract_dca"):
            body_dca = {"algoId": number, "algoOrdType": kind, "stopType": "1"}
            desk.items("tradingBot/dca/stop", body_dca, gone=GONE)
        elif kind in ("recurring", "signal"):
            desk.items(f"tradingBot/{kind}/stop-order-algo", [{"algoId": number}], gone=GONE)
        elif kind == "copying":
            body_copy = {"uniqueCode": number, "instType": "SWAP", "subPosCloseType": "market_close"}
            desk.post("copytrading/stop-copy-trading", body_copy)
        elif command.account_id != desk.looked.holder.account_id:
            _delete_key(desk, sub_name(desk.looked, command.account_id), item)
        else:
            raise Rejected(APP_ONLY)
    return Done()


def _delete_key(desk: Desk, sub: str, name: str) -> None:
    """Delete the key of a sub-account that the facts call ``name``; one that is gone is deleted. Raises: Failure."""
    for row in desk.wire.call(get("users/subaccount/apikey"), {"subAcct": sub}):
        if key_name(text(row, "apiKey")) == name:
            desk.post("users/subaccount/delete-apikey", {"subAcct": sub, "apiKey": text(row, "apiKey")})


def gather(desk: Desk, command: Command) -> Done:
    """Move one asset to funding, of the same account or of the main account. Raises: Rejected, Failure."""
    wallet, asset = command.params.get("wallet", "funding"), command.asset or ""
    if wallet not in WALLETS:
        raise Rejected(APP_ONLY)
    moved = command.amount
    if moved is None:
        place = (command.account_id, wallet, asset)
        rows = [row for row in desk.looked.facts["balance"] if isinstance(row, Balance)]
        moved = sum((r.available for r in rows if (r.account_id, r.wallet, r.asset) == place), ZERO)
    if moved <= 0:
        return Done()
    sub = (
        None
        if command.account_id == desk.looked.holder.account_id
        else sub_name(desk.looked, command.account_id)
    )
    _transfer(desk, asset, moved, source=WALLETS[wallet], target=FUNDING, sub=sub)
    return Done(moved=(Moved(wallet, asset, -moved), Moved("funding", asset, moved)))


def _transfer(
    desk: Desk, asset: str, moved: Decimal, *, source: str, target: str, sub: str | None = None
) -> None:
    """Transfer once: a transfer that OKX knows under our number already is not sent again."""
    body = {
        "ccy": asset,
        "amt": f"{moved:f}",
        "from": source,
        "to": target,
        "clientId": desk.client_id,
        "type": "0",
    }
    if sub is not None:
        body |= {"type": "2", "subAcct": sub}
    if not transferred(desk):
        desk.post("asset/transfer", body)


def transferred(desk: Desk) -> bool:
    """Say whether OKX knows our transfer and did not fail it. Raises: Failure."""
    try:
        rows = desk.wire.call(get("asset/transfer-state"), {"clientId": desk.client_id})
    except Failure as failed:
        if failed.kind in (Kind.OTHER, Kind.ABSENT):
            return False  # 58129 and the like: no such transfer
        raise
    return any(text(row, "state", "") in ("success", "pending") for row in rows)


def sub_name(looked: Looked, account_id: int) -> str:
    """Return the name of a sub-account. Raises: Rejected("not_found")."""
    for row in looked.facts["sub_account"]:
        if getattr(row, "sub_account_id", "") == str(account_id):
            return str(getattr(row, "label", ""))
    raise Rejected("not_found")


def app_only(_: Desk, __: Command) -> Done:
    """Refuse what only the app can do. Raises: Rejected, always."""
    raise Rejected(APP_ONLY)


SEND: Mapping[Any, Callable[[Desk, Command], Done]] = {
    Remedy.REVOKE_KEY: revoke_key,
    Remedy.CANCEL_ORDERS: cancel_orders,
    Remedy.CLOSE_POSITION: close_position,
    Remedy.REPAY_LOAN: repay_loan,
    Remedy.REDEEM: redeem,
    Remedy.GATHER: gather,
}

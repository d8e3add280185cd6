"""Remedies as calls of OKX: one function per kind that sends it, each safe to look up afterwards.

A remedy that only the app can do is rejected with a code that says where to tap (the words are the clearing's). The
clearing knows items by the names that the facts gave them (``algo-77``, ``savings-USDT``, ``grid-448``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from closeout.facts.schema import Balance, OpenOrder, Position
from closeout.venues.base import Command, Moved, Rejected, Remedy
from closeout.venues.okx.desk import BATCH_MAX, FUNDING, TRADING, Desk, Done
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.looking import Looked
from closeout.venues.okx.redeeming import KINDS as REDEEMED
from closeout.venues.okx.redeeming import redeem
from closeout.venues.okx.repaying import KINDS as REPAID
from closeout.venues.okx.repaying import repay_loan, repay_position
from closeout.venues.okx.stopping import BOTS, revoke_key, sub_name
from closeout.venues.okx.values import ZERO, amount, amount_or_none, text

WALLETS = {"funding": FUNDING, "trading": TRADING}
POSITION_GONE = frozenset({"51023", "59301"})
MASS = {"spread": "sprd/mass-cancel", "rfq": "rfq/cancel-all-rfqs", "quote": "rfq/cancel-all-quotes"}
ALGOS = {"algo": "trade/cancel-algos", "advance": "trade/cancel-advance-algos"}
IN_APP: Mapping[Any, str] = {
    Remedy.REVOKE_KEY: "app_keys", Remedy.REDEEM: "app_products", Remedy.REPAY_LOAN: "app_loans",
    Remedy.STOP_RENEWAL: "app_renewal", Remedy.CLOSE_SUB_ACCOUNT: "app_sub_accounts", Remedy.UNBIND: "app_cards",
    Remedy.GATHER: "app_non_tradable",
}  # fmt: skip
OWN_KEY = frozenset({Remedy.REDEEM, Remedy.REPAY_LOAN, Remedy.CANCEL_ORDERS, Remedy.CLOSE_POSITION})
SUB_KEY = "sub_key"  # these need a key of the sub-account itself


def where(command: Command, looked: Looked) -> str | None:
    """Return the code that says where it is done if not here, or ``None`` if OKX has a call for it."""
    own = command.account_id == looked.holder.account_id
    heads = {item.partition("-")[0] for item in command.items}
    within = {
        Remedy.REVOKE_KEY: not own or heads <= BOTS,
        Remedy.REDEEM: own and heads <= REDEEMED.keys(),
        Remedy.REPAY_LOAN: own and heads <= REPAID.keys(),
        Remedy.GATHER: command.params.get("wallet", "funding") in WALLETS,
        Remedy.CANCEL_ORDERS: own,
        Remedy.CLOSE_POSITION: own,
    }
    if not isinstance(command.kind, Remedy) or within.get(command.kind, False):
        return None
    return SUB_KEY if not own and command.kind in OWN_KEY else IN_APP.get(command.kind, "app_only")


def cancel_orders(desk: Desk, command: Command) -> Done:
    """Cancel orders of every kind; one that is gone counts as cancelled. Raises: Rejected, Failure."""
    known = {
        row.order_id: row.instrument for row in desk.looked.facts["open_order"] if isinstance(row, OpenOrder)
    }
    plain: list[dict[str, str]] = []
    algos: dict[str, list[dict[str, str]]] = {kind: [] for kind in ALGOS}
    others = set()
    for item in command.items:
        kind, _, number = item.rpartition("-")
        if not kind:
            plain.append({"instId": known.get(item, ""), "ordId": item})
        elif kind in ALGOS:
            algos[kind].append({"instId": known.get(item, ""), "algoId": number})
        else:
            others.add((kind, known.get(item, "")))
    if plain:
        desk.items("trade/cancel-batch-orders", plain)
    for kind, wanted in algos.items():
        for first in range(0, len(wanted), BATCH_MAX):
            _cancel_algos(desk, ALGOS[kind], wanted[first : first + BATCH_MAX])
    for kind, instrument in sorted(others):
        desk.post(MASS[kind], {"sprdId": instrument} if kind == "spread" else {})
    return Done()


def _cancel_algos(desk: Desk, path: str, orders: list[dict[str, str]]) -> None:
    """Cancel algo orders; where the operation for the advanced kinds is gone, the other one takes them."""
    try:
        desk.items(path, orders)
    except Failure as failed:
        if failed.kind is not Kind.ABSENT or path == ALGOS["algo"]:
            raise
        desk.items(ALGOS["algo"], orders)


def close_position(desk: Desk, command: Command) -> Done:
    """Close one position whole at the market, guarded by the mark price. Raises: Rejected, Failure."""
    (item,) = command.items
    led, _, number = item.partition("-")
    if number:
        return _close_copy(desk, item, led, number)
    rows = [row for row in desk.get("account/positions") if text(row, "posId", "") == item]
    if rows and not amount(rows[0], "pos") and amount_or_none(rows[0], "liab"):
        repay_position(desk, rows[0])
        return Done()
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


def _close_copy(desk: Desk, item: str, led: str, number: str) -> Done:
    """Close a position that was copied (``copy-``) or that is led (``lead-``). Raises: Rejected, Failure."""
    spot = any(
        isinstance(row, Position) and row.position_id == item and not row.instrument.endswith("-SWAP")
        for row in desk.looked.facts["position"]
    )
    body = {"subPosId": number, "subPosType": led, "instType": "SPOT" if spot else "SWAP"}
    desk.items("copytrading/close-subposition", body, gone=POSITION_GONE)
    return Done()


def gather(desk: Desk, command: Command) -> Done:
    """Move one asset to funding, of the same account or of the main account. Raises: Rejected, Failure."""
    wallet, asset = command.params.get("wallet", "funding"), command.asset or ""
    if wallet not in WALLETS:
        raise Rejected("app_non_tradable")
    own = command.account_id == desk.looked.holder.account_id
    sub = None if own else sub_name(desk.looked, command.account_id)
    moved = command.amount
    if moved is None:
        place = (command.account_id, wallet, asset)
        rows = [row for row in desk.looked.facts["balance"] if isinstance(row, Balance)]
        moved = sum((r.available for r in rows if (r.account_id, r.wallet, r.asset) == place), ZERO)
    if own and wallet == "trading" and command.amount is None:
        moved = min(moved, _movable(desk, asset, moved))
    if moved <= 0:
        return Done()
    desk.transfer(asset, moved, source=WALLETS[wallet], target=FUNDING, sub=sub)
    return Done(moved=(Moved(wallet, asset, -moved), Moved("funding", asset, moved)))


def _movable(desk: Desk, asset: str, otherwise: Decimal) -> Decimal:
    """Return how much may leave the trading account now: margin and bonus may hold some back. Raises: Failure."""
    try:
        rows = desk.get("account/max-withdrawal", ccy=asset)
    except Failure as failed:
        if failed.kind is Kind.ABSENT:
            return otherwise
        raise
    return next((amount(row, "maxWd") for row in rows if text(row, "ccy") == asset), otherwise)


def in_app(desk: Desk, command: Command) -> Done:
    """Refuse what only the app can do. Raises: Rejected, always."""
    raise Rejected(where(command, desk.looked) or "app_only")


SEND: Mapping[Any, Callable[[Desk, Command], Done]] = {
    Remedy.REVOKE_KEY: revoke_key,
    Remedy.CANCEL_ORDERS: cancel_orders,
    Remedy.CLOSE_POSITION: close_position,
    Remedy.REPAY_LOAN: repay_loan,
    Remedy.REDEEM: redeem,
    Remedy.GATHER: gather,
}

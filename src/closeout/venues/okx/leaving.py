"""Converting and withdrawing: a price or an address decides; each is looked up by our own number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from closeout.venues.base import Command, Moved, Quote, ReceiptState, Rejected
from closeout.venues.okx.desk import NOT_PERMITTED, REASONS, Desk, Done
from closeout.venues.okx.endpoints import get
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.values import ZERO, Raw, amount, amount_or_none, flag, text
from closeout.venues.okx.wire import Wire

GROUP_MAX = 5  # currencies in one easy-convert
FROM_FUNDING = "2"


@dataclass(frozen=True)
class Dust:
    """What easy-convert offers now: small balances of the funding account, and what they may become."""

    amounts: Mapping[str, Decimal]
    targets: frozenset[str]


def dust(wire: Wire) -> Dust:
    """Ask which balances of the funding account are small enough for easy-convert. Raises: Failure."""
    rows = wire.call(get("trade/easy-convert-currency-list"), {"source": FROM_FUNDING})
    return Dust(
        {text(part, "fromCcy"): amount(part, "fromAmt") for row in rows for part in row.get("fromData", [])},
        frozenset(str(target) for row in rows for target in row.get("toCcy", [])),
    )


def groups(assets: Sequence[str]) -> list[list[str]]:
    """Split assets into groups that one easy-convert takes."""
    return [list(assets[first : first + GROUP_MAX]) for first in range(0, len(assets), GROUP_MAX)]


def easy_convert(desk: Desk, assets: Sequence[str], to_asset: str) -> Mapping[str, Done]:
    """Convert up to five small balances at once; answers by asset. Raises: Failure."""
    body = {"fromCcy": list(assets), "toCcy": to_asset, "source": FROM_FUNDING}
    answers = {}
    for row in desk.post("trade/easy-convert", body):
        answers[text(row, "fromCcy")] = _easy_done(row)
    return answers


def _easy_done(row: Raw) -> Done:
    gone, got = amount(row, "fillFromSz"), amount(row, "fillToSz")
    moved = (Moved("funding", text(row, "fromCcy"), -gone), Moved("funding", text(row, "toCcy"), got))
    running = text(row, "status", "") == "running"
    return Done(ReceiptState.PENDING if running else ReceiptState.DONE, moved)


def last_easy(wire: Wire, assets: Sequence[str]) -> dict[str, str]:
    """Return when each asset was last converted easily, by OKX's clock; ``0`` if it never was. Raises: Failure."""
    found = dict.fromkeys(assets, "0")
    for row in wire.call(get("trade/easy-convert-history")):
        asset, at = text(row, "fromCcy"), text(row, "uTime", "0") or "0"
        if asset in found:
            found[asset] = max(found[asset], at, key=int)
    return found


def easily_converted(desk: Desk, asset: str, *, mark: str) -> Done | None:
    """Look up whether ``asset`` was converted after ``mark`` (easy-convert has no number of ours)."""
    for row in desk.wire.call(get("trade/easy-convert-history")):
        later = int(text(row, "uTime", "0") or "0") > int(mark or "0")
        if text(row, "fromCcy") == asset and later and text(row, "status") != "failed":
            return _easy_done(row)
    return None


def quote_convert(desk: Desk, command: Command) -> Raw:
    """Ask for a price of the whole conversion. Raises: Failure, Rejected."""
    base, target = command.asset or "", command.params.get("to_asset", "")
    size = command.amount if command.amount is not None else available(desk.wire, base)
    if size <= 0:
        raise Rejected("minimum")
    body = {
        "baseCcy": base, "quoteCcy": target, "side": "sell", "rfqSz": f"{size:f}", "rfqSzCcy": base,
        "clQReqId": desk.client_id,
    }  # fmt: skip
    rows = desk.post("asset/convert/estimate-quote", body)
    if not rows:
        raise Rejected("no_price")
    return rows[0]


def convert(desk: Desk, command: Command) -> Done:
    """Convert at a firm quote, never below ``price_least``. Raises: Failure, Rejected."""
    quoted = quote_convert(desk, command)
    price, least = amount(quoted, "cnvtPx"), command.params.get("price_least")
    if least is not None and price < Decimal(least):
        raise Rejected("slippage")
    body = {
        "quoteId": text(quoted, "quoteId"), "baseCcy": command.asset, "quoteCcy": command.params["to_asset"],
        "side": "sell", "sz": text(quoted, "rfqSz"), "szCcy": command.asset, "clTReqId": desk.client_id,
    }  # fmt: skip
    return _convert_done(desk.post("asset/convert/trade", body), command)


def converted(desk: Desk, command: Command) -> Done | None:
    """Look up our conversion by its number. Raises: Failure."""
    rows = desk.wire.call(get("asset/convert/history"), {"clTReqId": desk.client_id})
    rows = [row for row in rows if text(row, "clTReqId", desk.client_id) == desk.client_id]
    return _convert_done(rows, command) if rows else None


def _convert_done(rows: Sequence[Raw], command: Command) -> Done:
    if not rows or text(rows[0], "state", "") == "rejected":
        raise Rejected("no_price")
    gone, got = amount(rows[0], "fillBaseSz"), amount(rows[0], "fillQuoteSz")
    target = command.params["to_asset"]
    moved = (Moved("funding", command.asset or "", -gone), Moved("funding", target, got))
    return Done(ReceiptState.DONE, moved, {"price": text(rows[0], "fillPx", "")})


def chain_of(asset: str, network: str) -> str:
    """Return OKX's name of a network: ``USDT-TRC20``."""
    return network if network.startswith(f"{asset}-") else f"{asset}-{network}"


def network(wire: Wire, asset: str, name: str) -> Raw:
    """Return what OKX says about withdrawing ``asset`` over one network. Raises: Rejected, Failure."""
    for row in wire.call(get("asset/currencies"), {"ccy": asset}):
        if text(row, "chain") == chain_of(asset, name):
            if not flag(row, "canWd"):
                raise Rejected("delisted", "withdrawals of this asset over this network are closed")
            return row
    raise Rejected("wrong_network")


def quote_withdraw(wire: Wire, command: Command, *, permitted: bool) -> Quote:
    """Say fee and what arrives. Raises: Failure."""
    try:
        way = network(wire, command.asset or "", command.params.get("network", ""))
    except Rejected as no:
        return Quote(command, possible=False, reason=no.reason)
    fee, least = amount(way, "fee", "minFee"), amount(way, "minWd")
    whole = command.amount if command.amount is not None else available(wire, command.asset or "")
    reason = None
    if not permitted:
        reason = NOT_PERMITTED
    elif whole - fee < least or whole <= fee:
        reason = "minimum"
    elif flag(way, "needTag") and not command.params.get("memo"):
        reason = "memo_missing"
    return Quote(
        command, possible=reason is None, reason=reason, proceeds=max(whole - fee, ZERO),
        proceeds_asset=command.asset, fee=fee, fee_asset=command.asset,
    )  # fmt: skip


def withdraw(desk: Desk, command: Command) -> Done:
    """Send money to one verified address; the fee is inside the amount. Raises: Rejected, Failure."""
    asset, name = command.asset or "", command.params.get("network", "")
    way = network(desk.wire, asset, name)
    fee, most = amount(way, "fee", "minFee"), command.params.get("fee_most")
    if most is not None and fee > Decimal(most):
        raise Rejected("fee")
    whole = command.amount if command.amount is not None else available(desk.wire, asset)
    address, memo = command.params.get("address", ""), command.params.get("memo")
    target = f"{address}:{memo}" if memo else address
    body = {
        "ccy": asset, "amt": f"{whole - fee:f}", "dest": "4", "toAddr": target,
        "chain": chain_of(asset, name), "clientId": desk.client_id,
    }  # fmt: skip
    rows = desk.post("asset/withdrawal", body)
    notes = {"withdrawal": text(rows[0], "wdId", "")} if rows else {}
    return Done(ReceiptState.PENDING, (Moved("funding", asset, -whole),), notes)


def withdrawn(desk: Desk, command: Command) -> Done | None:
    """Look up our withdrawal by its number. Raises: Failure."""
    for row in desk.wire.call(get("asset/withdrawal-history"), {"clientId": desk.client_id}):
        if text(row, "clientId", "") == desk.client_id:
            gone = amount(row, "amt") + (amount_or_none(row, "fee") or ZERO)
            moved = (Moved("funding", command.asset or "", -gone),)
            return Done(ReceiptState.PENDING, moved, {"withdrawal": text(row, "wdId")})
    return None


def available(wire: Wire, asset: str) -> Decimal:
    """Return what is available of ``asset`` in the funding account. Raises: Failure."""
    rows = wire.call(get("asset/balances"), {"ccy": asset})
    return sum((amount(row, "availBal") for row in rows if text(row, "ccy") == asset), ZERO)


def reason_of(failed: Failure) -> str:
    """Return the code of a rejection for an error of OKX."""
    if failed.kind in (Kind.KEY, Kind.CLOCK):
        return NOT_PERMITTED
    return REASONS.get(failed.code, f"okx_{failed.code}" if failed.code else "venue")

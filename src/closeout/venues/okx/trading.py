"""Orders, positions, bots and copies, one pure function per fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from closeout.facts.schema import ApiKey, OpenOrder, Position, Rebate
from closeout.venues.okx import links
from closeout.venues.okx.seen import Seen, exact
from closeout.venues.okx.values import ZERO, Raw, amount, amount_or_none, instant, parts, text

ADVANCED = frozenset({"iceberg", "twap", "move_order_stop"})  # another operation cancels these
POSITION_LEFT = "no_close_position"  # a contract grid that was stopped and kept its position
KINDS = {"SPOT": "limit", "MARGIN": "margin", "SWAP": "swap", "FUTURES": "futures", "OPTION": "option"}


def orders(rows: Sequence[Raw], seen: Seen) -> Iterator[OpenOrder]:
    """Read ``trade/orders-pending``: every order in the list can still be executed."""
    for row in rows:
        asset, locked = _locked(row)
        yield OpenOrder(
            account_id=seen.account_id,
            order_id=text(row, "ordId"),
            kind=_kind(row),
            asset=asset,
            instrument=text(row, "instId"),
            locked=locked,
            placed_at=instant(row, "cTime"),
        )


def _kind(row: Raw) -> str:
    said = text(row, "instType")
    return KINDS.get(said, said.lower())  # a new type of instrument is still an order


def _locked(row: Raw) -> tuple[str, Decimal]:
    base, _, rest = text(row, "instId").partition("-")
    quote = rest.partition("-")[0] or base
    left = max(amount(row, "sz") - (amount_or_none(row, "accFillSz") or ZERO), ZERO)
    price = amount_or_none(row, "px")
    if text(row, "instType") not in ("SPOT", "MARGIN"):
        return text(row, "ccy", "") or quote, ZERO  # margin of contracts is told by the balance
    if text(row, "side") == "sell":
        return base, left
    return quote, exact(left * price) if price is not None else left


def algo_orders(rows: Sequence[Raw], seen: Seen) -> Iterator[OpenOrder]:
    """Read ``trade/orders-algo-pending``: trigger, trailing, iceberg, TWAP and the other algo orders."""
    for row in rows:
        base, _, rest = text(row, "instId").partition("-")
        selling = text(row, "side", "buy") == "sell"
        family = "advance" if text(row, "ordType", "") in ADVANCED else "algo"
        yield OpenOrder(
            account_id=seen.account_id,
            order_id=f"{family}-{text(row, 'algoId')}",
            kind="trigger",
            instrument=text(row, "instId"),
            asset=base if selling else rest.partition("-")[0] or base,
            locked=ZERO,
            placed_at=instant(row, "cTime"),
        )


def spread_orders(rows: Sequence[Raw], seen: Seen) -> Iterator[OpenOrder]:
    """Read ``sprd/orders-pending``."""
    return _nameless(rows, seen, "ordId", "sprdId", "spread")


def rfqs(rows: Sequence[Raw], seen: Seen) -> Iterator[OpenOrder]:
    """Read ``rfq/rfqs`` that are active."""
    return _nameless(rows, seen, "rfqId", "clRfqId", "block")


def quotes(rows: Sequence[Raw], seen: Seen) -> Iterator[OpenOrder]:
    """Read ``rfq/quotes`` that are active."""
    return _nameless(rows, seen, "quoteId", "rfqId", "block")


def _nameless(rows: Sequence[Raw], seen: Seen, number: str, name: str, kind: str) -> Iterator[OpenOrder]:
    for row in rows:
        instrument = text(row, name, "") or kind
        prefix = {"rfqId": "rfq", "quoteId": "quote"}.get(number, kind)
        yield OpenOrder(
            account_id=seen.account_id,
            order_id=f"{prefix}-{text(row, number)}",
            kind=kind,
            instrument=instrument,
            asset="USDT",
            locked=ZERO,
            placed_at=instant(row, "cTime"),
        )


def positions(rows: Sequence[Raw], seen: Seen) -> Iterator[Position]:
    """Read ``account/positions``: a quantity or a liability that is not zero is a position."""
    for row in rows:
        quantity = amount(row, "pos")
        if quantity > 0 and text(row, "posSide", "net") == "short":
            quantity = -quantity
        if not quantity and not (amount_or_none(row, "liab") or ZERO):
            continue
        base, _, rest = text(row, "instId").partition("-")
        yield Position(
            account_id=seen.account_id,
            position_id=text(row, "posId"),
            kind=_kind(row),
            instrument=text(row, "instId"),
            quantity=quantity,
            settlement_pending=not quantity,
            settles_at=None,
            asset=text(row, "ccy", "") or rest.partition("-")[0] or base,
            unrealised=amount_or_none(row, "upl") or ZERO,
        )


def copies(led: str) -> Callable[[Sequence[Raw], Seen], Iterator[Position]]:
    """Return the translation of ``copytrading/current-subpositions``; ``led``: lead (by the holder) or copy."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Position]:
        for row in rows:
            quantity = amount(row, "subPos")
            if quantity:
                short = text(row, "posSide", "net") == "short" and quantity > 0
                yield Position(
                    account_id=seen.account_id,
                    position_id=f"{led}-{text(row, 'subPosId')}",
                    kind="copy",
                    instrument=text(row, "instId"),
                    quantity=-quantity if short else quantity,
                    settlement_pending=False,
                    settles_at=None,
                    asset=text(row, "ccy", "") or "USDT",
                    unrealised=amount_or_none(row, "upl") or ZERO,
                )

    return translate


def bots(kind: str) -> Callable[[Sequence[Raw], Seen], Iterator[ApiKey]]:
    """Return the translation for one kind of trading bot: each running bot acts for the holder."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[ApiKey]:
        for row in rows:
            what = text(row, "instId", "") or text(row, "stgyName", "")
            left = kind == "contract_grid" and text(row, "state", "") == POSITION_LEFT
            yield ApiKey(
                account_id=seen.account_id,
                key_id=f"{'grid_position' if left else kind}-{text(row, 'algoId')}",
                kind="bot",
                label=f"{kind} {what}".strip(),
                can_trade=True,
            )

    return translate


def lead_traders(rows: Sequence[Raw], seen: Seen) -> Iterator[ApiKey]:
    """Read ``copytrading/current-lead-traders``: following somebody lets them trade for the holder."""
    for row in rows:
        yield ApiKey(
            account_id=seen.account_id,
            key_id=f"copying-{text(row, 'uniqueCode')}",
            kind="bot",
            label=f"copying {text(row, 'nickName', '')}".strip(),
            can_trade=True,
        )


def lead_role(rows: Sequence[Raw], seen: Seen) -> Iterator[Rebate]:
    """Read ``copytrading/config``: a lead trader has a profit-sharing contract that only the app ends."""
    for row in rows:
        for part in parts(row, "details"):
            if text(part, "roleType", "0") == "1":
                kind = text(part, "instType", "").lower() or "contract"
                yield links.open_contract(seen, f"lead-{kind}")

"""Hidden assets: what the funding bills, the valuation and the equity say although no list shows it.

Products without a list endpoint leave a pair of bill types behind: subscribed minus collected is still there.
Source: OKX API v5 documentation, types of ``asset/bills-history``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from closeout.facts.schema import ApiKey, Balance, Earn, OpenOrder, P2pOrder, Position, Relation
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import ZERO, Raw, amount, amount_or_none, text

PRODUCTS: Mapping[str, tuple[frozenset[str], str]] = {
    "Shark Fin": (frozenset({"225", "226", "228"}), "structured"),
    "Snowball": (frozenset({"240", "241", "243"}), "structured"),
    "Seagull": (frozenset({"249", "250", "252"}), "structured"),
    "Price Lock": (frozenset({"202", "203", "205"}), "structured"),
    "Jumpstart": (frozenset({"78", "124"}), "launchpool"),
}
P2P_HELD = frozenset({"132", "133"})
HINTS: Mapping[str, tuple[str, str, str]] = {
    "134": ("dispute", "customer service moved P2P money", "客服划转过 C2C 资金"),
    "84": ("hold", "a violation fee was charged", "曾扣除违约费用"),
    "150": ("rebate", "affiliate commission was paid", "曾收到节点返佣"),
    "151": ("rebate", "referral reward was paid", "曾收到邀请奖励"),
    "172": ("rebate", "affiliate commission was paid", "曾收到节点返佣"),
    "299": ("rebate", "affiliate commission was paid", "曾收到节点返佣"),
}
TOLERANCE_USDT = Decimal(1)
TOLERANCE_SHARE = Decimal("0.02")  # prices move between two answers
SHOWN_MAX = 20


@dataclass(frozen=True)
class Residual:
    """Something that is there although no list shows it, with the rows that say so.

    ``leaves_open``: nobody knows what it is, so ``relation`` is incomplete; otherwise a fact was added for
    it, or it is only a hint to look.
    """

    relation: str
    asset: str | None
    amount: Decimal | None
    en: str
    zh: str
    rows: tuple[Raw, ...] = ()
    leaves_open: bool = False


def from_bills(bills: Sequence[Raw], seen: Seen) -> tuple[list[Relation], list[Residual]]:
    """Find products and P2P orders that were paid into and never paid back, and hints worth a look.

    Raises: Unreadable.
    """
    facts: list[Relation] = []
    residuals: list[Residual] = []
    for product, (codes, kind) in PRODUCTS.items():
        for asset, left, rows in _unreturned(bills, codes):
            number = f"bills-{product.lower().replace(' ', '-')}-{asset}"
            facts.append(
                Earn(
                    account_id=seen.account_id,
                    earn_id=number,
                    kind=kind,
                    product=product,
                    asset=asset,
                    amount=left,
                    redeemable=False,
                    matures_at=None,
                    redeeming=False,
                    auto_renew=False,
                )
            )
            residuals.append(
                Residual(
                    "earn",
                    asset,
                    left,
                    f"{product}: subscribed and not collected",
                    f"{product}：已申购、尚未赎回",
                    rows,
                )
            )
    for asset, left, rows in _unreturned(bills, P2P_HELD):
        facts.append(
            P2pOrder(
                account_id=seen.account_id,
                p2p_id=f"bills-{asset}",
                state="open",
                appeal="none",
                asset=asset,
                amount=left,
                expires_at=None,
            )
        )
        residuals.append(Residual("p2p_order", asset, left, "held for a P2P order", "C2C 订单冻结中", rows))
    return facts, residuals + list(_hints(bills))


def _unreturned(
    bills: Sequence[Raw], codes: frozenset[str]
) -> Iterable[tuple[str, Decimal, tuple[Raw, ...]]]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    rows: dict[str, list[Raw]] = defaultdict(list)
    for bill in bills:
        if text(bill, "type") in codes:
            asset = text(bill, "ccy")
            sums[asset] += amount(bill, "balChg")
            rows[asset].append(bill)
    for asset, total in sorted(sums.items()):
        if total < 0:
            yield asset, -total, tuple(rows[asset][:SHOWN_MAX])


def _hints(bills: Sequence[Raw]) -> Iterable[Residual]:
    found: dict[str, list[Raw]] = defaultdict(list)
    for bill in bills:
        if text(bill, "type") in HINTS:
            found[text(bill, "type")].append(bill)
    for code, rows in sorted(found.items()):
        relation, en, zh = HINTS[code]
        yield Residual(relation, None, None, en, zh, tuple(rows[:SHOWN_MAX]))


def from_valuation(rows: Sequence[Raw], facts: Iterable[Relation], seen: Seen) -> list[Residual]:
    """Compare OKX's own valuation (in USDT) with what the lists explain; a gap beyond rounding is a residual.

    Nothing is concluded where an asset has no price. Raises: Unreadable.
    """
    explained: dict[str, Decimal] = defaultdict(Decimal)
    for fact in facts:
        if fact.account_id != seen.account_id:
            continue
        if isinstance(fact, Balance):
            explained[fact.wallet] += fact.value or ZERO
        elif isinstance(fact, Earn):
            explained["earn"] += seen.value(fact.asset, fact.amount) or ZERO
    residuals = []
    for row in rows:
        details = row.get("details")
        if not isinstance(details, dict):
            continue
        for place, relation in (("funding", "balance"), ("earn", "earn")):
            total = amount_or_none(details, place) or ZERO
            gap = total - explained[place]
            if gap > max(TOLERANCE_USDT, total * TOLERANCE_SHARE):
                residuals.append(
                    Residual(
                        relation,
                        "USDT",
                        gap,
                        f"OKX values {place} higher than the lists explain",
                        f"{place} 的估值高于列表所能解释的金额",
                        (row,),
                        leaves_open=True,
                    )
                )
    return residuals


def from_equity(extras: Mapping[str, Mapping[str, Decimal]], facts: Sequence[Relation]) -> list[Residual]:
    """Find equity of orders, bots and copies in assets of the trading account where no list shows any."""
    shown = {
        "ordFrozen": ("open_order", any(isinstance(fact, OpenOrder) for fact in facts)),
        "stgyEq": ("api_key", _bots(facts)),
        "fixedBal": ("earn", False),  # Dip Sniper and Peak Sniper: no list shows them
        "spotCopyTradingEq": ("position", any(isinstance(fact, Position) for fact in facts) or _bots(facts)),
        "spotIsoBal": ("position", any(isinstance(fact, Position) for fact in facts) or _bots(facts)),
        "smtSyncEq": ("position", any(isinstance(fact, Position) for fact in facts) or _bots(facts)),
        "isoEq": ("position", any(isinstance(fact, Position | OpenOrder) for fact in facts)),
    }
    return [
        Residual(
            shown[name][0],
            asset,
            value,
            f"{name} is not zero, but no list shows what it belongs to",
            f"{name} 不为零，但没有列表显示它属于什么",
            ({"ccy": asset, name: str(value)},),
            leaves_open=True,
        )
        for asset, fields in sorted(extras.items())
        for name, value in fields.items()
        if value and not shown[name][1]
    ]


def _bots(facts: Sequence[Relation]) -> bool:
    return any(isinstance(fact, ApiKey) and fact.kind == "bot" for fact in facts)

"""Which answers are asked for, which relations each one feeds, and who translates it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from closeout.facts.schema import Relation
from closeout.venues.okx import links, motion, products, trading, wallets
from closeout.venues.okx.endpoints import Endpoint, get
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import Raw, Unreadable
from closeout.venues.okx.wire import Wire, pages

Translate = Callable[[Sequence[Raw], Seen], Iterable[Relation]]
WORKERS = 8
ALGO_TYPES = ("conditional,oco", "trigger", "move_order_stop", "iceberg", "twap", "chase")
BANK_CURRENCIES = ("TRY", "EUR", "BRL")  # those of the documented ways TR_BANKS, SEPA and PIX


@dataclass(frozen=True)
class Reading:
    """One question to OKX. ``optional``: the product may never have been switched on (empty, not failed)."""

    name: str
    endpoint: Endpoint
    feeds: tuple[str, ...]
    translate: tuple[Translate, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False
    first_page: bool = False


def reading(
    path: str,
    feeds: str,
    *translate: Translate,
    name: str = "",
    params: Mapping[str, str] | None = None,
    optional: bool = False,
    first_page: bool = False,
) -> Reading:
    """Declare a reading; ``feeds`` names relations, separated by blanks."""
    return Reading(
        name or path,
        get(path),
        tuple(feeds.split()),
        translate,
        dict(params or {}),
        optional=optional,
        first_page=first_page,
    )


CONFIG = reading("account/config", "account", links.account, links.identity)
READINGS: tuple[Reading, ...] = (
    CONFIG,
    reading("asset/currencies", "balance"),
    reading("market/index-tickers", "", params={"quoteCcy": "USDT"}),
    reading("asset/balances", "balance", wallets.funding),
    reading("account/balance", "balance loan earn", wallets.trading, wallets.liabilities, wallets.auto_earn),
    reading("asset/non-tradable-assets", "balance", wallets.non_tradable, optional=True),
    reading("asset/asset-valuation", "", params={"ccy": "USDT"}),
    reading("account/interest-limits", "loan", wallets.interest_limits, optional=True),
    reading("trade/orders-pending", "open_order", trading.orders),
    *(
        reading(
            "trade/orders-algo-pending",
            "open_order",
            trading.algo_orders,
            name=f"algo {kind}",
            params={"ordType": kind},
        )
        for kind in ALGO_TYPES
    ),
    reading("sprd/orders-pending", "open_order", trading.spread_orders, optional=True),
    reading("rfq/rfqs", "open_order", trading.rfqs, params={"state": "active"}, optional=True),
    reading("rfq/quotes", "open_order", trading.quotes, params={"state": "active"}, optional=True),
    reading("account/positions", "position", trading.positions),
    *(
        reading(
            "copytrading/current-subpositions",
            "position",
            trading.copies(led),
            name=f"copies {led}",
            params={"subPosType": led},
            optional=True,
        )
        for led in ("lead", "copy")
    ),
    reading("copytrading/current-lead-traders", "api_key", trading.lead_traders, optional=True),
    reading("copytrading/config", "rebate", trading.lead_role, optional=True),
    *(
        reading(
            f"tradingBot/{path}",
            "api_key",
            trading.bots(kind),
            name=f"bots {kind}",
            optional=True,
            params={"algoOrdType": order} if order else {},
        )
        for kind, path, order in (
            ("grid", "grid/orders-algo-pending", "grid"),
            ("contract_grid", "grid/orders-algo-pending", "contract_grid"),
            ("spot_dca", "dca/ongoing-list", "spot_dca"),
            ("contract_dca", "dca/ongoing-list", "contract_dca"),
            ("recurring", "recurring/orders-algo-pending", ""),
            ("signal", "signal/orders-algo-pending", "contract"),
        )
    ),
    reading("finance/savings/balance", "earn", products.savings, optional=True),
    reading("finance/simple-earn-fixed/order-list", "earn", products.fixed, optional=True),
    reading("finance/staking-defi/orders-active", "earn", products.on_chain, optional=True),
    reading("finance/staking-defi/eth/balance", "earn", products.liquid("eth", "BETH"), optional=True),
    reading("finance/staking-defi/sol/balance", "earn", products.liquid("sol", "OKSOL"), optional=True),
    reading(
        "finance/staking-defi/eth/purchase-redeem-history",
        "earn",
        products.unstaking("eth", "BETH"),
        params={"type": "redeem", "status": "pending"},
        optional=True,
    ),
    reading(
        "finance/staking-defi/sol/purchase-redeem-history",
        "earn",
        products.unstaking("sol", "OKSOL"),
        params={"type": "redeem", "status": "pending"},
        optional=True,
    ),
    reading("finance/okusd/account", "earn", products.okusd, optional=True),
    reading("finance/okusd/redeem/history", "earn", products.okusd_redeeming, optional=True),
    reading("finance/stable-rewards/balance", "earn", products.stable_rewards, optional=True),
    reading("finance/sfp/dcd/order-history", "earn", products.dual, optional=True),
    reading("finance/flexible-loan/loan-info", "loan", products.flexible_loans, optional=True),
    reading("account/vip-loan-order-list", "loan", products.ordered_loans("vip"), optional=True),
    reading(
        "account/fixed-loan/borrowing-orders-list", "loan", products.ordered_loans("fixed"), optional=True
    ),
    reading("users/subaccount/list", "sub_account"),
    reading("users/entrust-subaccount-list", "api_key", links.entrusted, optional=True),
    reading("asset/deposit-history", "transfer", motion.deposits),
    reading("asset/withdrawal-history", "transfer", motion.withdrawals),
    reading("fiat/deposit-order-history", "transfer", motion.fiat("fiat_in"), optional=True),
    reading("fiat/withdrawal-order-history", "transfer", motion.fiat("fiat_out"), optional=True),
    reading(
        "fiat/buy-sell/history", "transfer", motion.purchases, params={"state": "processing"}, optional=True
    ),
    *(
        reading(
            "fiat/withdrawal-payment-methods",
            "payment_method",
            links.bank_accounts,
            name=f"banks {currency}",
            params={"ccy": currency},
            optional=True,
        )
        for currency in BANK_CURRENCIES
    ),
    reading(
        "affiliate/performance/summary",
        "rebate",
        links.affiliate,
        params={"periodType": "last_30d"},
        optional=True,
    ),
    reading("affiliate/link/list", "rebate", links.invitations, optional=True),
    reading("asset/bills-history", "earn p2p_order", params={"pagingType": "2"}),
    reading("account/bills", "", first_page=True),
)

SUBS = "users/subaccount/list"

Answers = dict[str, list[Raw] | Failure]


Next = Callable[[Sequence[Raw]], Sequence[Reading]]
Follow = Mapping[str, Next]


def ask(wire: Wire, wanted: Sequence[Reading], follow: Follow | None = None) -> Answers:
    """Ask everything at once, each operation as fast as its documented limit allows; failures are answers.

    ``follow``: by the name of a reading, what else to ask as soon as its answer is there. Those go first, then
    the operations that have to be spaced most.
    """
    follow = follow or {}
    lasting = {one.endpoint.name: 0.0 for one in wanted}
    for one in wanted:
        lasting[one.endpoint.name] += one.endpoint.seconds / one.endpoint.calls
    longest_first = sorted(wanted, key=lambda one: (one.name not in follow, -lasting[one.endpoint.name]))
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="okx") as pool:
        waiting = {one.name: pool.submit(_answer, wire, one) for one in longest_first}
        for name in [name for name in follow if name in waiting]:
            answer = waiting[name].result()
            more = () if isinstance(answer, Failure) else follow[name](answer)
            waiting |= {one.name: pool.submit(_answer, wire, one) for one in more}
        return {name: one.result() for name, one in waiting.items()}


def _answer(wire: Wire, one: Reading) -> list[Raw] | Failure:
    try:
        if one.first_page or one.endpoint.cursor_field is None:
            return wire.call(one.endpoint, dict(one.params))
        return pages(wire, one.endpoint, one.params)
    except Failure as failed:
        return [] if one.optional and failed.kind is Kind.ABSENT else failed


def translate(one: Reading, answer: list[Raw] | Failure, seen: Seen) -> list[Relation] | Failure:
    """Turn one answer into rows of facts; an answer that cannot be read is a failure, never an empty list."""
    if isinstance(answer, Failure):
        return answer
    try:
        return [row for each in one.translate for row in each(answer, seen)]
    except Unreadable as wrong:
        return Failure(Kind.SHAPE, "", f"{one.name}: {wrong}")
    except (AttributeError, TypeError, ArithmeticError) as wrong:
        return Failure(Kind.SHAPE, "", f"{one.name}: {type(wrong).__name__}")


def table(answers: Answers, name: str, read: Callable[[Sequence[Raw]], Any], default: Any) -> Any:
    """Read a published table (minimums, prices); one that cannot be read becomes a failure of its reading."""
    answer = answers.get(name)
    if answer is None or isinstance(answer, Failure):
        return default
    try:
        return read(answer)
    except (Unreadable, AttributeError, TypeError) as wrong:
        answers[name] = Failure(Kind.SHAPE, "", f"{name}: {wrong}")
        return default

"""Which answers are asked of Binance, which relations each one feeds, and who translates it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from closeout.venues.binance import products, trading, wallets
from closeout.venues.binance.endpoints import operation
from closeout.venues.okx.reading import Reading, Translate
from closeout.venues.okx.values import milliseconds

C2C_REACH_DAYS, C2C_WINDOW_DAYS = 180, 30
UNSTAKING_REACH_DAYS = 89  # as far as one question reaches; without a window Binance tells thirty days


@dataclass(frozen=True)
class Asked(Reading):
    """One question to Binance. ``wallet``: where it lies in ``asset/wallet/balance``; never opened is empty."""

    wallet: str = ""


def asked(
    section: str, path: str, feeds: str, *translate: Translate, name: str = "", wallet: str = "",
    params: Mapping[str, str] | None = None, optional: bool = False, method: str = "GET",
) -> Asked:  # fmt: skip
    """Declare a reading; ``feeds`` names relations, separated by blanks."""
    return Asked(
        name or (path if section.startswith("sapi") else f"{section} {path}"),
        operation(section, path, method=method), tuple(feeds.split()), translate, dict(params or {}),
        optional=optional, wallet=wallet,
    )  # fmt: skip


ACCOUNT = asked("private", "account", "account balance hold", wallets.account, wallets.spot)
RESTRICTIONS = asked("sapi", "account/apiRestrictions", "")
CONFIG = asked("sapi", "capital/config/getall", "balance", wallets.storage)
PRICES = asked("public", "ticker/price", "")
WALLETS = asked("sapi", "asset/wallet/balance", "", params={"quoteAsset": "USDT"})
STATUS = asked("sapi", "sub-account/status", "sub_account")
SUBS = asked("sapi", "sub-account/list", "sub_account")
USDM, COINM, OPTIONS = "USDⓈ-M Futures", "COIN-M Futures", "Options"
CROSS, ISOLATED, EARN = "Cross Margin", "Isolated Margin", "Earn"
FIXED: tuple[Asked, ...] = (
    ACCOUNT, CONFIG, PRICES, WALLETS,
    asked("sapi", "account/status", "hold", wallets.account_status),
    asked("sapi", "account/apiTradingStatus", "hold", wallets.trading_status),
    asked("sapi", "asset/get-funding-asset", "balance", wallets.funding, method="POST"),
    asked("sapi", "margin/account", "balance loan", wallets.margin, wallet=CROSS, optional=True),
    asked("sapi", "margin/isolated/account", "balance loan", wallets.isolated, wallet=ISOLATED, optional=True),
    asked("fapiPrivateV3", "account", "balance", wallets.futures("usd_futures"), wallet=USDM, optional=True),
    asked("dapiPrivate", "account", "balance", wallets.futures("coin_futures"), wallet=COINM, optional=True),
    asked("papi", "balance", "balance loan", wallets.portfolio, wallet="Portfolio Margin", optional=True),
    asked("private", "openOrders", "open_order", trading.orders("limit")),
    asked("sapi", "margin/openOrders", "open_order", trading.orders("margin", "margin-"), wallet=CROSS, optional=True),
    asked("sapi", "algo/spot/openOrders", "open_order", trading.algo_orders("algo-spot"), optional=True),
    asked("sapi", "algo/futures/openOrders", "open_order", trading.algo_orders("algo-futures"), wallet=USDM,
          optional=True),
    asked("fapiPrivate", "openOrders", "open_order", trading.orders("swap", "usdm-"), wallet=USDM, optional=True),
    asked("fapiPrivate", "openAlgoOrders", "open_order", trading.algo_orders("usdm-algo"), wallet=USDM, optional=True),
    asked("dapiPrivate", "openOrders", "open_order", trading.orders("swap", "coinm-"), wallet=COINM, optional=True),
    asked("eapiPrivate", "openOrders", "open_order", trading.orders("option", "option-"), wallet=OPTIONS,
          optional=True),
    asked("fapiPrivateV3", "positionRisk", "position", trading.positions("swap", "usdm"), wallet=USDM, optional=True),
    asked("dapiPrivate", "positionRisk", "position", trading.positions("swap", "coinm"), wallet=COINM, optional=True),
    asked("eapiPrivate", "position", "position", trading.positions("option", "option"), wallet=OPTIONS, optional=True),
    asked("papi", "um/openOrders", "open_order", trading.orders("swap", "papi-um-"), optional=True),
    asked("papi", "um/conditional/openOrders", "open_order", trading.conditional_orders, optional=True),
    asked("papi", "cm/openOrders", "open_order", trading.orders("swap", "papi-cm-"), optional=True),
    asked("papi", "um/positionRisk", "position", trading.positions("swap", "papi-um"), optional=True),
    asked("papi", "cm/positionRisk", "position", trading.positions("swap", "papi-cm"), optional=True),
    asked("sapi", "simple-earn/flexible/position", "earn", products.flexible),
    asked("sapi", "simple-earn/locked/position", "earn", products.locked("locked", "Simple Earn Locked")),
    asked("sapi", "onchain-yields/locked/position", "earn", products.locked("onchain", "On-chain Yields"),
          optional=True),
    asked("sapi", "dci/product/positions", "earn", products.dual, optional=True),
    asked("sapiV2", "loan/flexible/ongoing/orders", "loan", products.loans("flexible")),
    asked("sapi", "loan/ongoing/orders", "loan", products.loans("fixed"), optional=True),
    asked("sapi", "loan/vip/ongoing/orders", "loan", products.loans("vip"), optional=True),
    *(asked("sapi", "lending/auto-invest/plan/list", "api_key", trading.plans, name=f"auto-invest {kind}",
            params={"planType": kind}, optional=True) for kind in ("SINGLE", "PORTFOLIO", "INDEX")),
    asked("sapi", "copyTrading/futures/userStatus", "rebate", trading.lead_trader, optional=True),
    asked("sapi", "capital/deposit/hisrec", "transfer", products.deposits),
    asked("sapi", "capital/withdraw/history", "transfer", products.withdrawals),
    asked("sapi", "fiat/orders", "transfer", products.fiat("fiat_in"), name="fiat deposits",
          params={"transactionType": "0"}),
    asked("sapi", "fiat/orders", "transfer", products.fiat("fiat_out"), name="fiat withdrawals",
          params={"transactionType": "1"}),
    SUBS, STATUS,
)  # fmt: skip


def c2c(now: datetime) -> tuple[Asked, ...]:
    """Return the readings of C2C orders: as far back as Binance tells, a month at a time."""
    found = []
    for number in range(C2C_REACH_DAYS // C2C_WINDOW_DAYS):
        ends = now - timedelta(days=C2C_WINDOW_DAYS * number)
        window = {
            "startTimestamp": milliseconds(ends - timedelta(days=C2C_WINDOW_DAYS)),
            "endTimestamp": milliseconds(ends),
        }
        found.append(
            asked("sapi", "c2c/orderMatch/listUserOrderHistory", "p2p_order", trading.c2c, name=f"c2c {number}",
                  params=window)
        )  # fmt: skip
    return tuple(found)


def unstaking(now: datetime) -> tuple[Asked, ...]:
    """Return the readings of staked ETH and SOL on their way back, as far as one question reaches."""
    window = {
        "startTime": milliseconds(now - timedelta(days=UNSTAKING_REACH_DAYS)), "endTime": milliseconds(now),
    }  # fmt: skip
    return tuple(
        asked("sapi", f"{chain}-staking/{chain}/history/redemptionHistory", "earn", products.unstaking(chain),
              params=window, optional=True)
        for chain in ("eth", "sol")
    )  # fmt: skip

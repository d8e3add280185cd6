"""The seeded people: one for each kind of blocker, and some with many. Names and data are generated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from closeout.venues.sandbox import world
from closeout.venues.sandbox.building import Room

Furnish = Callable[[Room], None]


def clean(room: Room) -> None:
    """Nothing stands in the way."""


def messy(room: Room) -> None:
    """Nearly everything that can block, all of it cleared by the holder and by waiting a few days."""
    room.put("USDT", "4200")
    room.put("USDT", "9000", "trading")
    room.put("BTC", "0.42", "trading")
    room.put("ETH", "1.75")
    room.put("SOL", "14")
    room.put("OKB", "30")
    room.put("EUR", "640.55", "fiat")
    for asset, amount in (
        ("DOGE", "3.5"),
        ("ADA", "1.25"),
        ("TRX", "7.125"),
        ("XRP", "0.75"),
        ("DOT", "0.0421"),
    ):
        room.put(asset, amount)
    room.traded("BTC-USDT", "buy", "0.02", "58000")
    room.traded("ETH-USDT", "buy", "0.5", "2900")
    room.traded("BTC-USDT", "sell", "0.01", "61500")
    room.order("BTC-USDT", "buy", "0.01", "52000")
    room.order("BTC-USDT", "sell", "0.05", "75000")
    room.order("ETH-USDT", "buy", "0.3", "2500", kind="trigger")
    room.order("SOL-USDT", "buy", "4", "120")
    room.order("BTC-USDT-SWAP", "buy", "0.02", "55000", kind="swap")
    room.bot("grid bot", "BTC-USDT", "buy", "0.005", "50000")
    room.position("swap", "BTC-USDT-SWAP", "0.05", "59100", "600")
    room.position("margin", "ETH-USDT-MARGIN", "-0.4", "3050", "250")
    room.position("option", "BTC-USD-65000-C", "0.1", "1150", "115")
    room.loan("USDT", "1500", "ETH", "0.9")
    room.earn("Simple Earn USDT", "800")
    room.earn("Fixed 30 USDT", "500", matures_in=12, auto_renew=True)
    room.earn("DeFi USDT", "300")
    room.earn("Stake SOL", "10", matures_in=3)
    room.earn("Jumpstart OKB", "25")
    room.p2p("sell", "60")
    for number, label in enumerate(("grid trading", "savings")):
        sub = room.sub(label)
        sub.put("USDT", f"{350 + number * 75}")
        sub.put("ETH", "0.2", "trading")
        sub.order("ETH-USDT", "sell", "0.1", "4000")
        sub.earn("Simple Earn USDT", "120")
    room.methods("bank_card", "alipay", "wechat_pay", "bank_account")
    room.key("key", "portfolio tracker")
    room.key("grant", "tax service")
    room.security("password_changed", days=28)
    room.security("phone_changed", days=120)
    room.addresses()
    world.deposit(room.connection, room.account_id, asset="ETH", amount=Decimal("0.05"), minutes=30)
    room.row("rebate", kind="referral", state="closed")


def waiting(room: Room) -> None:
    """Only time helps: a locked stake and a changed password."""
    room.put("SOL", "20")
    room.earn("Stake SOL", "20", matures_in=12)
    room.security("password_changed", days=10)
    room.addresses()


def frozen(room: Room) -> None:
    """A judicial freeze over a balance."""
    room.put("USDT", "5000")
    room.addresses()
    room.row("hold", kind="judicial", scope="both", placed_at=room.ago(days=9))


def dust(room: Room) -> None:
    """Fourteen small amounts below the smallest withdrawal, one delisted, one that nobody prices."""
    for asset, amount in (
        ("DOGE", "1.2"), ("ADA", "0.8"), ("TRX", "2.5"), ("XRP", "0.4"), ("DOT", "0.01"), ("LINK", "0.003"),
        ("LTC", "0.0005"), ("AVAX", "0.002"), ("UNI", "0.01"), ("ATOM", "0.005"), ("FIL", "0.02"), ("SHIB", "900"),
        ("LUNC", "250"), ("GHOST", "3.5"),
    ):  # fmt: skip
        room.put(asset, amount)
    room.addresses()


def orders(room: Room) -> None:
    """Forty-five open orders, one of them filled in part."""
    room.put("USDT", "20000", "trading")
    for number in range(44):
        room.order("ETH-USDT", "buy", "0.1", str(2000 + 10 * number))
    part = room.order("BTC-USDT", "buy", "0.05", "59000")
    world.fill(room.connection, room.account_id, part, Decimal("0.02"))
    room.addresses()


def positions(room: Room) -> None:
    """A position of each kind, one of them worth next to nothing."""
    room.put("USDT", "6000", "trading")
    room.position("swap", "BTC-USDT-SWAP", "0.1", "60000", "900")
    room.position("futures", "BTC-USDT-FUTURES", "-0.05", "60100", "500")
    room.position("margin", "ETH-USDT-MARGIN", "1", "2980", "400")
    room.position("option", "BTC-USD-65000-C", "0.0001", "1200.001", "1")
    room.addresses()


def loan(room: Room) -> None:
    """A loan with collateral; its interest goes on."""
    room.put("BTC", "0.2")
    room.put("USDT", "300")
    room.loan("USDT", "4000", "BTC", "0.15", days=45)
    room.addresses()


def earn(room: Room) -> None:
    """Products of every kind that can be redeemed, one of them renewing itself."""
    room.put("USDT", "5000")
    room.put("ETH", "2")
    room.put("ADA", "900")
    room.put("USDC", "700")
    room.earn("Simple Earn USDT", "1500")
    room.earn("Fixed 30 USDT", "1000", matures_in=11, auto_renew=True)
    room.earn("Fixed 90 ETH", "1", matures_in=40)
    room.earn("Stake ADA", "800")
    room.earn("Lend USDC", "600")
    room.addresses()


def staking(room: Room) -> None:
    """A stake that cannot be left before its date."""
    room.put("ETH", "3")
    room.earn("Stake ETH", "2.5", matures_in=9)
    room.addresses()


def p2p(room: Room) -> None:
    """C2C orders, one of them under appeal."""
    room.put("USDT", "900")
    room.p2p("sell", "200")
    room.p2p("sell", "150", state="paid", appeal="open")
    room.row("dispute", kind="appeal", state="open")
    room.addresses()


def subaccounts(room: Room) -> None:
    """Sub-accounts with their own orders and products, more than may be closed in one day."""
    room.put("USDT", "100")
    room.connection.execute(
        "update sandbox.account set sub_closes_daily_max = 2 where account_id = %s", (room.account_id,)
    )
    for number in range(3):
        sub = room.sub(f"strategy {number + 1}")
        sub.put("USDT", f"{200 + 50 * number}")
        sub.put("BTC", "0.01", "trading")
        sub.order("BTC-USDT", "sell", "0.005", "80000")
        sub.earn("Simple Earn USDT", "100")
    room.addresses()


def cards(room: Room) -> None:
    """A bank card, Alipay, WeChat Pay and a bank account."""
    room.methods("bank_card", "alipay", "wechat_pay", "bank_account")
    room.put("EUR", "120.40", "fiat")


def keys(room: Room) -> None:
    """An API key, a grant, and a bot that places its order again until its key is revoked."""
    room.put("USDT", "3000", "trading")
    room.key("key", "spreadsheet")
    room.key("grant", "tax service")
    room.bot("market maker", "BTC-USDT", "buy", "0.01", "50000")
    room.addresses()


def security(room: Room) -> None:
    """Password, phone and e-mail changed lately; the old address is told as well."""
    room.security("password_changed", days=29)
    room.security("phone_changed", days=5)
    room.security("email_changed", days=3)


def kyc(room: Room) -> None:
    """An identity document that has expired."""
    room.connection.execute(
        "update sandbox.identity set valid_until = %s where account_id = %s",
        (room.ago(days=20), room.account_id),
    )


def rebate(room: Room) -> None:
    """Unpaid commission and an affiliate contract."""
    room.row("rebate", kind="balance", state="open", asset="USDT", amount=Decimal("37.5"))
    room.row("rebate", kind="contract", state="open")
    room.row("rebate", kind="referral", state="closed")
    room.addresses()


def inflight(room: Room) -> None:
    """A deposit that is not confirmed, and a card payment in dispute."""
    world.deposit(room.connection, room.account_id, asset="BTC", amount=Decimal("0.03"), minutes=40)
    room.row("movement", kind="card", asset="EUR", amount=Decimal("59.90"), state="final", disputed=True,
             started_at=room.ago(days=15), final_at=room.ago(days=14))  # fmt: skip
    room.addresses()


def authenticator(room: Room) -> None:
    """The authenticator was lost; nothing else stands in the way."""


def negative(room: Room) -> None:
    """A negative fraction that a display would round to zero and no loan explains: the operator must correct it."""
    room.negative("USDT", "0.00004")


def dispute(room: Room) -> None:
    """A complaint that is not decided."""
    room.row("dispute", kind="complaint", state="open")


def contact(room: Room) -> None:
    """Neither the e-mail nor the phone can be reached."""
    for kind in ("email", "phone"):
        world.reach(room.connection, room.account_id, kind, reachable=False)


def limited(room: Room) -> None:
    """More bitcoin than may leave in one day."""
    room.put("BTC", "4.5")
    room.addresses()


def slippage(room: Room) -> None:
    """A position so large that its sale would move the market too far."""
    room.put("USDT", "2000", "trading")
    room.position("swap", "SHIB-USDT-SWAP", "5000000", "0.000011", "1500")
    room.addresses()


def invest(room: Room) -> None:
    """Money only: several coins, one to leave by each network."""
    for asset, amount in (("USDT", "1200"), ("BTC", "0.08"), ("ETH", "2.2"), ("XRP", "400"), ("ATOM", "30")):
        room.put(asset, amount)
    room.addresses()


CAST: Mapping[str, tuple[Furnish, str, str]] = {
    "clean": (clean, "Nothing stands in the way", "没有任何阻碍"),
    "messy": (messy, "Nearly everything, all of it clearable", "几乎所有阻碍，均可自行清理"),
    "waiting": (waiting, "Only waiting helps", "只能等待"),
    "frozen": (frozen, "A judicial freeze", "司法冻结"),
    "dust": (dust, "Fourteen small amounts", "十四种小额资产"),
    "orders": (orders, "Forty-five open orders", "四十五笔挂单"),
    "positions": (positions, "Open positions of each kind", "各类未平仓位"),
    "loan": (loan, "A loan with collateral", "有抵押的借贷"),
    "earn": (earn, "Earn products of every kind", "各类赚币产品"),
    "staking": (staking, "A stake that is locked", "锁定中的质押"),
    "p2p": (p2p, "C2C orders and an appeal", "C2C 订单与申诉"),
    "subaccounts": (subaccounts, "Sub-accounts with their own business", "有业务的子账户"),
    "cards": (cards, "Bound payment methods", "已绑定的支付方式"),
    "keys": (keys, "API key, grant and bot", "API密钥、授权与机器人"),
    "security": (security, "Security settings changed lately", "近期变更过安全设置"),
    "kyc": (kyc, "An expired identity document", "身份证件已过期"),
    "rebate": (rebate, "Unpaid commission and a contract", "未结返佣与合约"),
    "inflight": (inflight, "A deposit on its way, a disputed card payment", "在途充值与有争议的银行卡支付"),
    "authenticator": (authenticator, "A lost authenticator", "验证器丢失"),
    "negative": (negative, "A negative fraction that the operator must correct", "需平台更正的极小负余额"),
    "dispute": (dispute, "An open complaint", "未了结的投诉"),
    "contact": (contact, "No contact can be reached", "联系方式失效"),
    "limited": (limited, "More than may leave in one day", "超过每日提币限额"),
    "slippage": (slippage, "A sale that would move the market", "平仓会引起过大滑点"),
    "invest": (invest, "Several coins and nothing else", "仅有多种资产"),
}

ABOUT: Mapping[str, Mapping[str, str]] = {
    handle: {"en": en, "zh": zh} for handle, (_, en, zh) in CAST.items()
}
AWAY = timedelta(days=30)  # how long before the seeded moment the money arrived

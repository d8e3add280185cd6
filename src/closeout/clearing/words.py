"""What commands and reasons are called, in both languages, for every door that has no words of its own."""

from __future__ import annotations

from collections.abc import Mapping

from closeout.clearing.lines import Line
from closeout.clearing.stages import Stage
from closeout.clearing.stored import amount
from closeout.venues.base import Remedy

Words = Mapping[str, str]

COMMANDS: Mapping[str, Words] = {
    Remedy.REVOKE_KEY: {"en": "Revoke access {items}", "zh": "撤销访问权限 {items}"},
    Remedy.CANCEL_ORDERS: {"en": "Cancel {count} open orders", "zh": "撤销 {count} 笔挂单"},
    Remedy.CLOSE_POSITION: {"en": "Close the position {subject}", "zh": "平仓 {subject}"},
    Remedy.REPAY_LOAN: {"en": "Repay the loan of {money}", "zh": "归还借款 {money}"},
    Remedy.STOP_RENEWAL: {"en": "Switch off renewal of {money}", "zh": "关闭 {money} 的自动续期"},
    Remedy.REDEEM: {"en": "Redeem {money}", "zh": "赎回 {money}"},
    Remedy.CLOSE_SUB_ACCOUNT: {"en": "Close sub-account {items}", "zh": "关闭子账户 {items}"},
    Remedy.GATHER: {
        "en": "Move {money} from {wallet} to funding",
        "zh": "将 {money} 从{wallet}归集到资金账户",
    },
    Remedy.CONVERT: {"en": "Convert {money} into {to_asset}", "zh": "将 {money} 兑换为 {to_asset}"},
    Remedy.WITHDRAW: {
        "en": "Withdraw {money} to {address} ({network})",
        "zh": "提取 {money} 到 {address}（{network}）",
    },
    Remedy.SEND: {"en": "Send {money} to account {to_account}", "zh": "将 {money} 转给账户 {to_account}"},
    Remedy.DONATE: {"en": "Donate {money}", "zh": "捐赠 {money}"},
    Remedy.FORFEIT: {"en": "Give up {money} for good", "zh": "永久放弃 {money}"},
    Remedy.UNBIND: {"en": "Unlink payment method {items}", "zh": "解绑支付方式 {items}"},
}

SWEEP: Words = {
    "en": "Move {money} of sub-account {account} to the main account",
    "zh": "将子账户 {account} 的 {money} 归集到主账户",
}
WALLETS: Mapping[str, Words] = {
    "funding": {"en": "funding", "zh": "资金账户"},
    "trading": {"en": "trading", "zh": "交易账户"},
    "fiat": {"en": "fiat", "zh": "法币账户"},
    "earn": {"en": "earn", "zh": "赚币"},
    "non_tradable": {"en": "non-tradable assets", "zh": "不可交易资产"},
}

REASONS: Mapping[str, Words] = {
    "left_out": {"en": "left out by you", "zh": "你选择不处理"},
    "no_destination": {"en": "no verified address for it", "zh": "没有已验证的提币地址"},
    "small": {"en": "too little to withdraw, even together", "zh": "合并后仍低于最小提币数量"},
    "minimum": {"en": "below the smallest amount", "zh": "低于最小数量"},
    "no_price": {
        "en": "nobody quotes a price; that is not the same as worthless",
        "zh": "没有报价，但不等于没有价值",
    },
    "delisted": {"en": "not traded any more", "zh": "已下架，无法交易"},
    "negative": {
        "en": "a negative balance is a debt: pay it in or ask support",
        "zh": "负余额是欠款，请补足或联系客服",
    },
    "slippage": {
        "en": "the price is worse than your limit; nothing was sold",
        "zh": "价格超出你的限制，没有成交",
    },
    "early": {
        "en": "redeeming now would cost a penalty; it pays by itself on its date",
        "zh": "提前赎回会有损失，到期自动到账",
    },
    "penalty": {
        "en": "early redemption would cost more than you agreed to",
        "zh": "提前赎回的损失超出你同意的上限",
    },
    "no_early_redemption": {"en": "can only be redeemed on its date", "zh": "只能到期赎回"},
    "still_needed": {"en": "needed until the money has left", "zh": "资金转出前仍需保留"},
    "daily_limit": {"en": "more than can leave today; the rest follows", "zh": "超过今日限额，其余稍后继续"},
    "limit": {
        "en": "the venue does only so many a day; it goes on by itself",
        "zh": "平台每日次数有限，稍后自动继续",
    },
    "insufficient": {"en": "the money was not there when its turn came", "zh": "执行时余额不足"},
    "not_found": {"en": "it was gone already", "zh": "已不存在"},
    "not_empty": {"en": "it still holds something", "zh": "仍有未处理的内容"},
    "frozen": {"en": "the account is frozen", "zh": "账户已冻结"},
    "closed": {"en": "the account is closed", "zh": "账户已关闭"},
    "fee": {"en": "the fee rose above what you agreed to", "zh": "手续费超出你同意的上限"},
    "address_not_verified": {"en": "the address is not verified", "zh": "地址未验证"},
    "wrong_network": {"en": "the address belongs to another network", "zh": "地址与网络不符"},
    "memo_missing": {"en": "the network needs a memo or tag", "zh": "该网络需要填写 memo/标签"},
    "too_precise": {"en": "more decimals than the asset knows", "zh": "小数位数超过资产精度"},
    "over_limit": {"en": "more than policy or consent allows", "zh": "超过政策或同意的上限"},
    "restricted": {"en": "support will help you with this", "zh": "请由客服协助处理"},
    "more_owed": {"en": "more is owed by now than you agreed to pay", "zh": "应还金额已超出你同意的上限"},
    "new_item": {"en": "it came after you confirmed", "zh": "在你确认之后才出现"},
    "no_consent": {"en": "there is no consent for so much of it", "zh": "没有针对该数量的同意"},
    "later": {"en": "it would end later than shown", "zh": "完成时间晚于所示"},
    "being_closed": {
        "en": "the account is being closed at this moment; it is too late for this",
        "zh": "账户正在注销，已经来不及处理",
    },
    "app_only": {
        "en": "only the venue's app can do this; closeout okx steps says where to tap",
        "zh": "只能在平台 App 内操作；运行 closeout okx steps 查看步骤",
    },
    "key_permission": {
        "en": "this key may not do it: do it in the app, or give a key that may",
        "zh": "该 API 密钥没有权限：请在 App 内操作，或换用有权限的密钥",
    },
    "not_done": {
        "en": "the venue did not do it and does not say why; nothing was moved, run it again",
        "zh": "平台没有执行，也没有说明原因；资产没有变动，请重新运行",
    },
    "no_progress": {
        "en": "it would not move after several tries; support looks at it",
        "zh": "多次尝试仍未成功，客服会处理",
    },
}
PLACES: Mapping[str, Words] = {  # where to tap at OKX for what no call of its API does
    "app_keys": {
        "en": "only on the web: okx.com, Profile, API. Delete it there, or withdraw the access",
        "zh": "只能在网页端操作：okx.com → 个人中心 → API，在那里删除或取消授权",
    },
    "app_sub_accounts": {
        "en": "only on the web: okx.com, Profile, Sub-accounts, Delete",
        "zh": "只能在网页端操作：okx.com → 个人中心 → 子账户 → 删除",
    },
    "app_cards": {
        "en": "only in the app: P2P trading, Payment methods, Unlink",
        "zh": "只能在 App 内操作：C2C 买币 → 收款账号 → 解绑",
    },
    "app_renewal": {
        "en": "only in the app: Earn, the order, switch auto-renew off",
        "zh": "只能在 App 内操作：赚币 → 对应订单 → 关闭自动续期",
    },
    "app_products": {
        "en": "only in the app: Earn, the order, Redeem; some pay by themselves on their date",
        "zh": "只能在 App 内操作：赚币 → 对应订单 → 赎回；部分产品到期自动到账",
    },
    "app_loans": {"en": "only in the app: Loan, Repay", "zh": "只能在 App 内操作：借贷 → 还款"},
    "app_non_tradable": {
        "en": "only in the app: Assets, Funding, the coin, Withdraw the whole of it to an address of your own",
        "zh": "只能在 App 内操作：资产 → 资金账户 → 对应币种 → 全部提币到自己的地址",
    },
    "sub_key": {
        "en": "needs a key of that sub-account: run this once more with it",
        "zh": "需要该子账户自己的 API 密钥：请换用它再运行一次",
    },
}
UNKNOWN: Words = {"en": "refused by the venue ({code})", "zh": "被平台拒绝（{code}）"}
OKX: Words = {
    "en": "OKX refused it (its code {code}); nothing was moved. Look at it in the app, or ask OKX with this code",
    "zh": "OKX 拒绝了该操作（错误码 {code}），资产没有变动。请在 App 内查看，或凭此错误码咨询 OKX",
}


def command(line: Line, language: str) -> str:
    """Say what a line does."""
    said = line.command
    much = said.amount if said.amount is not None else line.about
    asset, wallet = said.asset or line.about_asset or "", said.params.get("wallet", "funding")
    template = SWEEP if line.stage is Stage.SUB_SWEEP else COMMANDS[said.kind]
    values = {
        "items": ", ".join(said.items), "count": len(said.items), "subject": line.subject or "",
        "money": f"{amount(much) or ''} {asset}".strip(), "account": said.account_id,
        "wallet": WALLETS[wallet][language] if wallet in WALLETS else wallet,
        "to_asset": said.params.get("to_asset", ""), "address": said.params.get("address", ""),
        "network": said.params.get("network", ""), "to_account": said.params.get("to_account", ""),
    }  # fmt: skip
    return template[language].format(**values)


def reason(code: str | None, language: str) -> str:
    """Say why; an unknown code is shown as it is, for support; ``okx_51234`` is OKX's own."""
    if code is not None and code.startswith("okx_"):
        return OKX[language].format(code=code.removeprefix("okx_"))
    known = REASONS.get(code or "") or PLACES.get(code or "", UNKNOWN)
    return known[language].format(code=code)

"""Words for what blockers name: kinds, wallets, states and relations, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

SUBJECTS: Mapping[str, tuple[str, str]] = {
    "funding": ("funding account", "资金账户"),
    "trading": ("trading account", "交易账户"),
    "earn": ("Earn account", "赚币账户"),
    "fiat": ("fiat account", "法币账户"),
    "flexible": ("Simple Earn Flexible", "活期简单赚币"),
    "fixed": ("fixed term", "定期"),
    "staking": ("staking", "质押"),
    "lending": ("lending", "出借"),
    "defi": ("On-chain Earn", "链上赚币"),
    "launchpool": ("Jumpstart", "Jumpstart"),
    "structured": ("structured product", "结构化产品"),
    "bank_card": ("Bank card", "银行卡"),
    "bank_account": ("Bank account", "银行账户"),
    "alipay": ("Alipay", "支付宝"),
    "wechat_pay": ("WeChat Pay", "微信支付"),
    "key": ("An API key", "API 密钥"),
    "grant": ("Third-party access", "第三方授权"),
    "bot": ("A trading bot", "交易机器人"),
    "password_changed": ("password changed", "修改密码"),
    "phone_changed": ("phone changed", "更换手机"),
    "email_changed": ("e-mail changed", "更换邮箱"),
    "authenticator_changed": ("authenticator changed", "更换身份验证器"),
    "authenticator_removed": ("authenticator removed", "移除身份验证器"),
    "verified": ("verified", "已认证"),
    "unverified": ("not done", "未完成"),
    "incomplete": ("incomplete", "不完整"),
    "rejected": ("rejected", "未通过"),
    "email": ("e-mail", "邮箱"),
    "phone": ("phone", "手机"),
    "none": ("no e-mail or phone", "没有邮箱和手机"),
    "appeal": ("appeal", "申诉"),
    "complaint": ("complaint", "投诉"),
    "chargeback": ("chargeback", "拒付争议"),
    "claim": ("claim", "索赔"),
    "balance": ("unpaid commission", "未结返佣"),
    "contract": ("affiliate contract", "节点合约"),
    "referral": ("unpaid commission from a referral", "邀请返佣未结"),
    "deposit": ("Deposit", "充值"),
    "withdrawal": ("Withdrawal", "提币"),
    "fiat_in": ("Fiat deposit", "法币充值"),
    "fiat_out": ("Cash-out", "提现"),
    "card": ("Card payment", "银行卡付款"),
    "open": ("open", "未关闭"),
    "frozen": ("frozen", "已冻结"),
    "paid": ("paid, not released", "已付款待放币"),
}

RELATIONS: Mapping[str, tuple[str, str]] = {
    "account": ("the account", "账户"),
    "balance": ("balances", "资产余额"),
    "open_order": ("open orders", "挂单"),
    "position": ("positions", "仓位"),
    "loan": ("loans", "借贷"),
    "earn": ("Earn", "赚币"),
    "p2p_order": ("P2P orders", "C2C 订单"),
    "sub_account": ("sub-accounts", "子账户"),
    "payment_method": ("payment methods", "收款账号"),
    "api_key": ("API keys and bots", "API 密钥和机器人"),
    "security_event": ("security changes", "安全设置变更"),
    "identity": ("identity verification", "身份认证"),
    "contact": ("e-mail and phone", "邮箱和手机"),
    "dispute": ("disputes", "争议"),
    "hold": ("reviews", "审核"),
    "rebate": ("commissions", "返佣"),
    "transfer": ("transfers on their way", "在途转账"),
}

FAULTS: Mapping[str, tuple[str, str]] = {
    "missing": ("{relation}: not asked for yet", "{relation}：尚未读取"),
    "failed": ("{relation}: our systems did not answer", "{relation}：平台系统未响应"),
    "partial": ("{relation}: our systems answered only in part", "{relation}：平台系统只返回了部分数据"),
    "stale": ("{relation}: our records are too old to decide", "{relation}：平台数据已过期，无法判断"),
    "skewed": ("{relation}: our clocks disagree", "{relation}：平台时钟不一致"),
    "contradictory": (
        "{relation}: our records contradict themselves; you need not do anything",
        "{relation}：平台记录自相矛盾，你无需操作",
    ),
}


def subject(word: str | None, lang: str) -> str:
    """Return the word for a blocker's subject; a name that is no known kind stays as it is."""
    if word is None:
        return ""
    return _in(SUBJECTS[word], lang) if word in SUBJECTS else word


def relation(name: str, lang: str) -> str:
    """Return what holders call the relation."""
    return _in(RELATIONS[name], lang) if name in RELATIONS else name


def fault(code: str, name: str, lang: str) -> str:
    """Return the sentence for a finding that is unknown; it never blames the holder."""
    template = _in(FAULTS.get(code, FAULTS["contradictory"]), lang)
    text = template.format(relation=relation(name, lang))
    return text[:1].upper() + text[1:]


def _in(pair: tuple[str, str], lang: str) -> str:
    return pair[0 if lang == "en" else 1]

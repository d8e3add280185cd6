"""What Binance's API does not tell. C2C orders are not among it: those can be read."""

from __future__ import annotations

import dataclasses

from closeout.venues.okx.declared import QUESTIONS as OF_OKX
from closeout.venues.okx.declared import Question

WORDS = {
    "p2p_appeals": (
        "Is any appeal, complaint or dispute of yours still open?",
        "是否还有未结束的申诉、投诉或争议？",
    ),
    "payment_methods": (
        "Is a bank card, Alipay, WeChat Pay or bank account still linked? (App: Profile, Payment methods)",
        "是否还绑定着银行卡、支付宝、微信支付或银行账户？（App：个人中心 → 支付方式）",
    ),
    "holds": (
        "Has Binance or an authority told you of a freeze, a restriction or an investigation?",
        "币安或有关部门是否通知过你账户被冻结、限制或调查？",
    ),
}
QUESTIONS: tuple[Question, ...] = tuple(
    dataclasses.replace(one, en=WORDS[one.code][0], zh=WORDS[one.code][1]) if one.code in WORDS else one
    for one in OF_OKX
    if one.code != "p2p_orders"
)

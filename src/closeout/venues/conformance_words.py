"""The promises of a venue in Chinese, and why one could not be tried; the English is in their docstrings."""

from __future__ import annotations

from collections.abc import Mapping

NEEDED: Mapping[str, Mapping[str, str]] = {
    "movable": {"en": "needs money in a wallet other than funding", "zh": "需要资金账户以外的钱包中有余额"},
    "funded": {"en": "needs money in funding", "zh": "需要资金账户中有余额"},
    "saleable": {"en": "needs a coin in funding that can be sold", "zh": "需要资金账户中有可卖出的币种"},
    "absent": {"en": "this venue does not offer it", "zh": "该平台不提供此功能"},
}  # fmt: skip
CHINESE: Mapping[str, str] = {
    "time_is_naive_and_goes_forward": "时间为不带时区的 UTC，且不会倒退。",
    "facts_say_how_fresh_they_are": "每类数据都说明是否完整、截至何时。",
    "destinations_are_verified_ways": "每个提币去向都写明资产、网络和地址。",
    "a_quote_moves_nothing": "报价按指令顺序逐条给出，不改变任何数据。",
    "receipts_are_found_by_key": "应答丢失时可按键查询：已知的键有回执，未知的键没有。",
    "a_key_belongs_to_one_command": "同一个键不能用于另一条指令：以 key_reused 拒绝，不改变任何数据。",
    "a_rejected_command_leaves_nothing": "被拒绝的指令写明原因，不移动资金，再次提交仍被拒绝。",
    "what_is_given_up_is_there": "不能送出超过余额的资产：超额捐赠被拒绝，不移动资金。",
    "one_failure_leaves_the_rest_standing": "批量指令按顺序应答；中间一条失败不影响其后各条。",
    "nothing_leaves_to_an_unverified_address": "向地址簿以外的地址提币会被拒绝，不移动资金。",
    "a_price_limit_is_kept": "低于价格下限的卖出以 slippage 拒绝，不移动资金。",
    "an_unknown_item_or_account_is_not_found": "不存在的项目和账户以 not_found 拒绝。",
    "a_full_account_does_not_close": "注销时重新检查一切：仍有资产的账户为 not_empty。",
    "freezing_is_once_and_can_be_undone": "重复冻结只算一次；解冻后恢复原状。",
    "a_command_is_done_once_per_key": "同一个键再次提交得到同一回执，不重复执行；归集取走全部余额。",
    "records_stream": "每类记录都可逐条读取；未知类别会报错。",
}

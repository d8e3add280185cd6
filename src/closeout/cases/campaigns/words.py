"""What the report calls things, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "": {"en": "on the way", "zh": "进行中"},
    "closed": {"en": "closed", "zh": "已注销"},
    "custody": {"en": "closed, value in custody", "zh": "已注销，资产代管"},
    "own": {"en": "closes by own application", "zh": "自行申请注销"},
    "closed_before": {"en": "closed before", "zh": "此前已注销"},
    "appealed": {"en": "left by appeal", "zh": "申诉成功，退出"},
    "active": {"en": "signed in again", "zh": "已重新登录"},
    "released": {"en": "given back", "zh": "已恢复"},
    "left_open": {"en": "left open, needs a person", "zh": "未结，需人工处理"},
}
TITLES = {
    "title": {"en": "Report of the campaign {name}", "zh": "处置活动 {name} 报告"},
    "population": {"en": "Accounts", "zh": "账户数"},
    "state": {"en": "State", "zh": "状态"},
    "people": {"en": "Planned by {planned}, started by {started}", "zh": "制定：{planned}；启动：{started}"},
    "stages": {"en": "Calendar", "zh": "日程"},
    "outcomes": {"en": "What became of them", "zh": "处置结果"},
    "blockers": {"en": "What stands in the way", "zh": "未结原因"},
    "notices": {"en": "Notices by letter, channel and answer", "zh": "通知（按信函、渠道、回执）"},
    "changes": {"en": "Additions and appeals", "zh": "增补与申诉"},
    "digest": {"en": "SHA-256 of plan and population", "zh": "计划与人群的 SHA-256"},
}
STATES: Mapping[str, Mapping[str, str]] = {
    "draft": {"en": "planned, not started", "zh": "已计划，未启动"},
    "running": {"en": "running", "zh": "进行中"},
    "paused": {"en": "paused", "zh": "已暂停"},
    "stopped": {"en": "stopped for good", "zh": "已终止"},
    "finished": {"en": "finished", "zh": "已完成"},
}
STAGES: Mapping[str, Mapping[str, str]] = {
    "announce": {"en": "Announced", "zh": "公告"},
    "no_new_accounts": {"en": "No new accounts", "zh": "停止开户"},
    "no_deposits": {"en": "No deposits", "zh": "停止充值"},
    "reduce_only": {"en": "Reduce only", "zh": "只能减仓"},
    "settle": {"en": "Settled", "zh": "结算"},
    "withdraw_only": {"en": "Withdrawals only", "zh": "仅可提取"},
    "close": {"en": "Closing", "zh": "注销"},
    "custody": {"en": "Custody", "zh": "代管"},
}
ORDERS: Mapping[str, Mapping[str, str]] = {
    "start": {"en": "Approve the start", "zh": "批准启动"},
    "pause": {"en": "Pause at once", "zh": "立即暂停"},
    "resume": {"en": "Resume", "zh": "恢复"},
    "stop": {"en": "Stop for good", "zh": "永久终止"},
}
CHANGES: Mapping[str, Mapping[str, str]] = {
    "appeal": {"en": "Appeal: the account leaves", "zh": "申诉：账户退出"},
    "add": {"en": "Addition: the account joins", "zh": "增补：账户加入"},
}

"""What each event of a case is called in documents and histories, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from closeout.cases import queries
from closeout.cases.models import Case

TITLES: Mapping[str, Mapping[str, str]] = {
    "open": {"en": "Application opened", "zh": "开始申请"},
    "submit": {"en": "Application verified and received; cooling-off begins", "zh": "申请已验证并受理，冷静期开始"},
    "order": {"en": "Closing ordered by the operator; cooling-off begins", "zh": "平台决定注销，冷静期开始"},
    "schedule": {"en": "Application received and scheduled", "zh": "申请已受理并排期"},
    "refer": {"en": "Sent to manual review", "zh": "转人工审核"},
    "begin": {"en": "Cooling-off begins", "zh": "冷静期开始"},
    "approve": {"en": "Approved; cooling-off begins", "zh": "审核通过，冷静期开始"},
    "refuse": {"en": "Refused", "zh": "未通过"},
    "interrupt": {"en": "Paused: a condition no longer holds", "zh": "暂停：出现未满足的条件"},
    "resume": {"en": "Resumed: every condition holds again", "zh": "继续：条件已全部满足"},
    "withdraw": {"en": "Withdrawn by the holder", "zh": "持有人撤销申请"},
    "close": {"en": "Cooling-off ended; last check passed", "zh": "冷静期结束，最终检查通过"},
    "reopen": {"en": "Paused: the venue found something left", "zh": "暂停：平台发现仍有未结清项目"},
    "confirm_closed": {"en": "Closed for good", "zh": "永久注销"},
    "erase": {"en": "Observation ended; erasure begins", "zh": "观察期结束，开始删除"},
    "confirm_erased": {"en": "Personal data erased", "zh": "个人信息已删除"},
    "lapse": {"en": "Lapsed: never submitted", "zh": "逾期未提交，自动失效"},
    "hold": {"en": "Manual review", "zh": "人工审核"},
    "release": {"en": "Manual review ended", "zh": "人工审核结束"},
}  # fmt: skip

STATES: Mapping[str, Mapping[str, str]] = {
    "application": {"en": "Application not submitted yet", "zh": "申请尚未提交"},
    "scheduled": {"en": "Scheduled", "zh": "已排期"},
    "review": {"en": "In manual review", "zh": "人工审核中"},
    "cooling_off": {"en": "Cooling-off", "zh": "冷静期"},
    "pause": {"en": "Paused", "zh": "已暂停"},
    "closing": {"en": "Being closed", "zh": "正在注销"},
    "observation": {"en": "Closed; observation", "zh": "已注销，观察期"},
    "erasure": {"en": "Personal data is being erased", "zh": "正在删除个人信息"},
    "erased": {"en": "Erased", "zh": "已删除"},
    "withdrawal": {"en": "Withdrawn", "zh": "已撤销"},
    "refusal": {"en": "Refused", "zh": "未通过"},
    "lapse": {"en": "Lapsed", "zh": "已失效"},
}  # fmt: skip


def document(case: Case) -> dict[str, Any]:
    """Return ``closeout.case/1``: JSON values only, times in UTC."""
    return {
        "schema": "closeout.case/1",
        "number": case.number,
        "account_id": case.account_id,
        "state": case.state,
        "title": dict(STATES[case.state]),
        "due_at": _instant(case.due_at),
        "policy_version": case.policy_id,
        "opened_at": _instant(case.opened_at),
        "submitted_at": _instant(case.submitted_at),
        "closed_at": _instant(case.closed_at),
        "history": [
            {"at": _instant(line.at), "event": line.event, "from": line.from_state, "to": line.to_state,
             "actor": line.actor, "title": dict(TITLES[line.event])}
            for line in queries.history(case)
        ],
    }  # fmt: skip


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}Z"

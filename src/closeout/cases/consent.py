"""The risk list: what the holder reads and ticks, point by point, before applying (R-CLO-2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from closeout.policy import Policy


@dataclass(frozen=True)
class Point:
    """One point of the risk list."""

    code: str
    text: Mapping[str, str]


POINTS: tuple[Point, ...] = (
    Point("final", {
        "en": "Closing cannot be undone. After the cooling-off period of {cooling_off_days} days nobody, "
        "support included, can bring the account back.",
        "zh": "注销不可恢复。{cooling_off_days} 天冷静期结束后，任何人（包括客服）都无法恢复账户。",
    }),
    Point("deleted", {
        "en": "Deleted for good: trade history, asset records, identity data, level and badges, login records. "
        "Download what you need first.",
        "zh": "永久删除：交易历史、资产记录、身份资料、等级与徽章、登录记录。需要的请先下载。",
    }),
    Point("kept", {
        "en": "Kept because the law demands it: identity and transactions, for {retention_years} years, locked "
        "away and used for nothing else. Then they are erased too.",
        "zh": "依法保留：身份与交易记录，保留 {retention_years} 年，单独加密，不作他用，到期后同样删除。",
    }),
    Point("frozen", {
        "en": "From the application on, the account is frozen: no trading, no deposits, no sign-in except to these "
        "pages.",
        "zh": "提交申请后账户即被冻结：不能交易、不能充值，只能登录本流程页面。",
    }),
    Point("late_value", {
        "en": "Do not send anything to the old deposit addresses. What arrives within {observation_days} days after "
        "closing can be claimed with the certificate; it is not credited automatically.",
        "zh": "不要再向原充币地址转账。注销后 {observation_days} 天内到账的资产不会自动入账，可凭注销证明申领。",
    }),
    Point("new_account", {
        "en": "A new account needs a new identity verification. The same e-mail or phone can be used again after "
        "{identifier_reuse_days} days.",
        "zh": "如需新账户，须重新完成身份认证。同一邮箱或手机号在 {identifier_reuse_days} 天后可再次使用。",
    }),
)  # fmt: skip


def points(policy: Policy, language: str) -> tuple[tuple[str, str], ...]:
    """Return code and sentence of every point with the numbers of ``policy``."""
    numbers = {
        name: getattr(policy, name)
        for name in (
            "cooling_off_days", "retention_years", "observation_days", "identifier_reuse_days",
        )
    }  # fmt: skip
    return tuple((point.code, point.text[language].format(**numbers)) for point in POINTS)


def text_hash(policy: Policy, language: str) -> str:
    """Return SHA-256 over exactly what is shown; codes are bound to it (R-CLO-3)."""
    shown = json.dumps([language, points(policy, language)], ensure_ascii=False)
    return hashlib.sha256(shown.encode()).hexdigest()

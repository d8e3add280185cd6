"""Why people refuse an application, in the words that the holder reads; and the appeal that goes with it (R-SUP-7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

REFUSALS: Mapping[str, Mapping[str, str]] = {
    "identity_not_proven": {
        "en": "The proof of identity does not show that you are the person the account belongs to.",
        "zh": "提交的身份材料不能证明你是账户本人。",
    },
    "evidence_unclear": {
        "en": "The photo or video could not be read clearly. You may send a better one with a new application.",
        "zh": "照片或视频不清晰。你可以在新的申请中重新提交。",
    },
    "signatures_missing": {
        "en": "Not everybody who must sign for this account has signed.",
        "zh": "该账户需要的签署人尚未全部签署。",
    },
    "open_claim": {
        "en": "A claim of another person on this account is not settled.",
        "zh": "他人对该账户的权利主张尚未解决。",
    },
    "open_business": {
        "en": "Business on this account has not ended; it is named in the messages of this application.",
        "zh": "账户上仍有未结束的业务，详见本申请的消息。",
    },
    "law_forbids": {
        "en": "The law does not let us close this account now.",
        "zh": "法律规定目前不能注销该账户。",
    },
}
HEAD = {
    "en": "Your application {number} was refused, for these reasons:",
    "zh": "你的注销申请 {number} 未通过，原因如下：",
}
APPEAL = {
    "en": "If you think this is wrong, answer here within {days} days. Two people who did not decide before will look "
    "at it again. You can also apply again at any time, and complain to the authority that supervises us.",
    "zh": "如果你认为有误，请在 {days} 天内在此回复，将由此前未参与审核的两人复核。"
    "你也可以随时重新申请，或向监管机构投诉。",
}
APPEAL_DAYS = 30


def letter(number: str, reasons: Sequence[str], *, language: str) -> str:
    """Return what the holder reads: every reason, never only the first, and the way to appeal."""
    lines = [HEAD[language].format(number=number)]
    lines += [f"{place}. {REFUSALS[reason][language]}" for place, reason in enumerate(reasons, start=1)]
    return "\n".join([*lines, APPEAL[language].format(days=APPEAL_DAYS)])

"""Why somebody leaves: optional, sealed, deciding nothing; words of theft lead to help first (R-SUP-5, R-SUP-10)."""

from __future__ import annotations

import re
from datetime import datetime

from closeout.cases import vaults
from closeout.cases.models import Case, StatedReason
from closeout.records.vault import KeyDestroyed

CLASS, CONTEXT = "operational", "statedreason.sealed"
MOST = 500  # characters

CHINESE = re.compile(
    "被盗|盗号|盗走|盗刷|被偷|偷走|骗|黑客|被黑|钓鱼|木马|病毒|勒索|敲诈|胁迫|威胁|逼我|逼迫|被控制|冒充|冒名|不是我|不是本人"
    "|非本人|(?:别|他|被)人登录|(?:异常|异地)登录|泄露|陌生人|客服让我|[让教]我注销|带单老师|杀猪盘|洗钱"
)
ENGLISH = re.compile(
    r"\b(stol\w*|steal\w*|theft|thie\w+|hack\w*|scam\w*|fraud\w*|phish\w*|blackmail\w*|extort\w*|ransom\w*|threat\w*"
    r"|compromised|hijack\w*|malware|virus|impersonat\w*|unauthori[sz]ed|leaked|forced? me|forcing me|made me close"
    r"|told me to close|not me|wasn'?t me|someone else|somebody else|strangers?|money laundering|pig butchering)\b",
    re.IGNORECASE,
)


def speaks_of_theft(text: str) -> bool:
    """Say whether ``text`` sounds as if somebody else had a hand in it; wrong alarms cost one question."""
    joined = "".join(text.split())
    return CHINESE.search(joined) is not None or ENGLISH.search(text.replace("’", "'")) is not None


def state(case: Case, text: str, *, now: datetime) -> None:
    """Keep why the holder leaves, sealed; said again it replaces the first, empty it is taken back.

    Raises: KeyDestroyed.
    """
    said = text.strip()[:MOST]
    if not said:
        StatedReason.objects.filter(case=case).update(sealed=b"", given_at=now)
        return
    subject = vaults.subject_of(case.venue, case.account_id)
    sealed = vaults.vault().seal(subject, CLASS, said.encode(), context=CONTEXT)
    StatedReason.objects.update_or_create(case=case, defaults={"sealed": sealed, "given_at": now})


def stated(case: Case) -> str:
    """Return why the holder leaves; empty if it was not said, or is erased."""
    row = StatedReason.objects.filter(case=case).first()
    if row is None or not row.sealed:
        return ""
    try:
        subject = vaults.subject_of(case.venue, case.account_id)
        return vaults.vault().open(subject, CLASS, bytes(row.sealed), context=CONTEXT).decode()
    except KeyDestroyed:
        return ""

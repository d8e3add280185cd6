"""The holder's side of the conversation: what they ask support, and everything that support asked of them (R-SUP-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from closeout.cases import correspondence, limits
from closeout.cases.correspondence import Said
from closeout.cases.models import Case, EvidenceRequest, Task
from closeout.cases.office import office
from closeout.cases.operations import HOLDER, SYSTEM
from closeout.reasons import refuse

HOURLY = 20  # messages of one account; a person writes fewer, a program more
TEAM, KIND = "support", "message"
NOTES = {
    "keys_not_revoked": {
        "en": "The account was protected, but the keys could not be revoked at once. Revoke them.",
        "zh": "账户已冻结保护，但密钥未能立即撤销，请手动撤销。",
    },
    "identity_outdated": {
        "en": "The holder asks to update the identity verification inside the application. Ask for a photo or a "
        "video; what matches can be waived for this case by two people.",
        "zh": "持有人申请在本次注销内更新身份认证。请索取照片或视频；核对一致后，可由两人批准仅对本申请豁免。",
    },
}


@dataclass(frozen=True)
class Request:
    """One thing that support asked the holder to show, and how it stands: open, received or lapsed."""

    kind: str
    asked_at: datetime
    expires_at: datetime
    state: str


def ask(
    account_id: int,
    text: str,
    *,
    venue: str,
    now: datetime,
    key: str,
    case: Case | None = None,
    about: Sequence[str] = (),
) -> Said:
    """Say ``text`` to support; the same ``key`` said again is said once. ``about``: codes of conditions.

    Raises: Refused (message_empty, message_too_long, too_many_messages), KeyDestroyed after erasure.
    """
    with transaction.atomic():
        if wait := limits.wait_for(
            f"say:{venue}:{account_id}", count=HOURLY, per=timedelta(hours=1), now=now
        ):
            raise refuse("too_many_messages", seconds=int(wait.total_seconds()))
        said = correspondence.say(
            account_id, text, venue=venue, audience="holder", author=HOLDER, now=now, case=case, key=key,
            values={"about": list(about)} if about else None,
        )  # fmt: skip
        Task.objects.get_or_create(
            venue=venue, account_id=account_id, team=TEAM, kind=KIND, closed_at=None,
            defaults={"case": case, "opened_at": now, "due_at": office().answer_by(now)},
        )  # fmt: skip
        Task.objects.filter(venue=venue, account_id=account_id, team=TEAM, kind=KIND, closed_at=None).exclude(
            waits_for="us"
        ).update(waits_for="us", due_at=office().answer_by(now))
    return said


def thread(account_id: int, *, venue: str) -> Sequence[Said]:
    """Return the conversation as the holder may read it, oldest first."""
    found: list[Said] = []
    while page := correspondence.read(
        account_id, venue=venue, audience="holder", after=found[-1].id if found else 0
    ):
        found += page
    return found


def requests(account_id: int, *, venue: str, now: datetime) -> Sequence[Request]:
    """Return every request for evidence that was ever made to the holder, newest first (R-SUP-9)."""
    rows = EvidenceRequest.objects.filter(case__venue=venue, case__account_id=account_id, signer=None)
    return [
        Request(
            row.kind, row.asked_at, row.expires_at,
            "lapsed" if row.state == "open" and row.expires_at < now else row.state,
        )
        for row in rows.order_by("-id")
    ]  # fmt: skip


def tell_agents(case: Case, code: str, *, now: datetime) -> None:
    """Leave a note by the system for the people who look after ``case``; ``code`` says what."""
    correspondence.say(
        case.account_id, NOTES[code][case.language], venue=case.venue, audience="agents", author=SYSTEM, now=now,
        case=case, kind="note", key=f"{code}-{case.pk}", values={"code": code},
    )  # fmt: skip

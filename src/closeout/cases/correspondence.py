"""What is said on a case, both ways: written once, sealed with the person's key, read in order without gaps.

The holder reads what has the audience ``holder``; agents read that and ``agents``; compliance reads all. A reader
who was cut off goes on after the last id it saw: of one account, a lower id is never committed after a higher one.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from closeout.cases import audit, journal, limits, links, policies, queries, vaults
from closeout.cases.models import Case, CaseMessage
from closeout.cases.operations import Actor
from closeout.lifecycle import Effect
from closeout.reasons import refuse
from closeout.records.vault import KeyDestroyed

CONTEXT = "casemessage.sealed"
CLASS = "operational"
READS = {
    "holder": ("holder",),
    "agents": ("holder", "agents"),
    "compliance": ("holder", "agents", "compliance"),
}
TEXT_MAX = 4000
PAGE_MAX = 200
QUIET = timedelta(minutes=30)  # several messages in a row are one notice
# A number of six or eight digits that stands alone and names no asset may be a code; nobody here may have one.
CODE = re.compile(
    r"(?<![A-Za-z0-9_.,/-])(?:\d[ \u00a0]?){5}(?:\d[ \u00a0]?\d[ \u00a0]?)?\d"
    r"(?![A-Za-z0-9_.,/-]*\d)(?!\s?[A-Za-z]{2,10}\b)"
)
HIDDEN = "••••••"
# Agents do not speak of codes to holders at all: whoever asks for one is not of ours. Templates and requests may.
SECRETS = re.compile(
    r"验证码|校验码|动态码|动态口令|密码|助记词|私钥"
    r"|\b(?:pass(?:word|code|phrase)|otp|2fa|pin|seed phrase|private key)s?\b"
    r"|\b(?:sms|security|verification|e-?mail|one-time|authenticator|recovery) codes?\b|\b(?:the|your) codes?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Said:
    """One message as its reader may see it. ``foreign``: hosts in it that are not the operator's, in order."""

    id: int
    audience: str
    kind: str
    author_kind: str
    author: str
    text: str
    sent_at: datetime
    foreign: tuple[links.Foreign, ...] = ()
    values: tuple[tuple[str, Any], ...] = ()
    erased: bool = False


def say(
    account_id: int,
    text: str,
    *,
    venue: str,
    audience: str,
    author: Actor,
    now: datetime,
    case: Case | None = None,
    kind: str = "message",
    key: str = "",
    values: dict[str, Any] | None = None,
) -> Said:
    """Say ``text`` once: the same ``key`` said again returns the first. ``values``: codes that go with the kind.

    What looks like a security code is hidden before it is stored (R-SUP-9). ``now``: aware UTC. Raises: Refused
    (message_empty, message_too_long, message_speaks_of_codes), KeyDestroyed after erasure.
    """
    said = text.strip()
    if not said and kind == "message":
        raise refuse("message_empty")
    if len(said) > TEXT_MAX:
        raise refuse("message_too_long", most=TEXT_MAX)
    if author.kind == "agent" and audience == "holder" and kind == "message" and SECRETS.search(said):
        raise refuse("message_speaks_of_codes")
    if audience not in READS or (author.kind == "holder" and audience != "holder"):
        raise ValueError(f"{author.kind} cannot speak to {audience}")
    subject = vaults.subject_of(venue, account_id)
    body = {"text": CODE.sub(HIDDEN, said), "values": values or {}}
    sealed = vaults.vault().seal(
        subject, CLASS, json.dumps(body, ensure_ascii=False).encode(), context=CONTEXT
    )
    with transaction.atomic():
        _in_turn(subject)
        row, made = CaseMessage.objects.get_or_create(
            venue=venue,
            account_id=account_id,
            key=key or secrets.token_hex(16),
            defaults={
                "case": case, "audience": audience, "kind": kind, "author_kind": author.kind,
                "author": author.ident, "sealed": sealed, "sent_at": now,
            },
        )  # fmt: skip
        if made:
            number = case.number if case is not None else subject
            details = {"audience": audience, "kind": kind, "id": row.pk}
            audit.append([audit.Line(number, "message:say", str(author), details)], now=now)
            if author.kind == "agent" and audience == "holder":
                _announce(account_id, case, venue=venue, now=now)
    return _opened([row], subject)[0]


def _announce(account_id: int, case: Case | None, *, venue: str, now: datetime) -> None:
    """Let the holder know by letter that somebody wrote, and nothing of what; letters hang on a case.

    An account that never applied has none: its answer waits in the portal.
    """
    about = case or queries.case_of(account_id, venue=venue)
    if about is None or limits.wait_for(f"answer:{venue}:{account_id}", count=1, per=QUIET, now=now):
        return
    journal.enqueue([(about.pk, Effect.NOTIFY, {"template": "answer"}, now)], lane=journal.AWAITED)


def read(
    account_id: int, *, venue: str, audience: str, after: int = 0, most: int = PAGE_MAX
) -> Sequence[Said]:
    """Return what ``audience`` may read of an account's thread after message ``after``, oldest first."""
    subject = vaults.subject_of(venue, account_id)
    rows = CaseMessage.objects.filter(
        venue=venue, account_id=account_id, audience__in=READS[audience], id__gt=after
    )
    return _opened(list(rows.order_by("id")[:most]), subject)


def last(account_id: int, *, venue: str, audience: str) -> int:
    """Return the id of the newest message that ``audience`` may read, 0 if there is none; opens nothing."""
    rows = CaseMessage.objects.filter(venue=venue, account_id=account_id, audience__in=READS[audience])
    found = rows.order_by("-id").values_list("id", flat=True).first()
    return found or 0


def _in_turn(subject: str) -> None:
    """Let those who write to one account commit one after the other, so that ids are in order of commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(hashtextextended('correspondence:' || %s, 0))", [subject]
        )


def _opened(rows: Sequence[CaseMessage], subject: str) -> list[Said]:
    own = policies.in_force().own_domains
    return [_said(row, subject, own) for row in rows]


def _said(row: CaseMessage, subject: str, own: Sequence[str]) -> Said:
    body: dict[str, Any] = {"text": "", "values": {}}
    erased = not row.sealed
    if not erased:
        try:
            body = json.loads(vaults.vault().open(subject, CLASS, bytes(row.sealed), context=CONTEXT))
        except KeyDestroyed:
            erased = True
    return Said(
        id=row.pk,
        audience=row.audience,
        kind=row.kind,
        author_kind=row.author_kind,
        author=row.author,
        text=str(body["text"]),
        sent_at=row.sent_at,
        foreign=tuple(links.foreign(str(body["text"]), own)),
        values=tuple(sorted(body["values"].items())),
        erased=erased,
    )


NEWS = """
select s.key, m.id
from unnest(%(keys)s::text[], %(venues)s::text[], %(accounts)s::bigint[], %(afters)s::bigint[])
    as s (key, venue, account_id, after)
join cases_casemessage as m on m.venue = s.venue and m.account_id = s.account_id and m.id > s.after
where m.audience = any(%(holder)s) and s.key like 'holder:%%'
    or m.audience = any(%(agents)s) and s.key like 'agents:%%' or s.key like 'compliance:%%'
order by m.id
"""


def key_of(account_id: int, *, venue: str, audience: str) -> str:
    """Return the name under which the thread of an account is followed by one audience."""
    return f"{audience}:{venue}:{account_id}"


def news(afters: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    """Return (key, id) of every message after the one named for each key of :func:`key_of`; opens nothing."""
    parts = [key.split(":") for key in afters]
    values: dict[str, Any] = {
        "keys": list(afters),
        "venues": [venue for _, venue, _ in parts],
        "accounts": [int(account) for _, _, account in parts],
        "afters": list(afters.values()),
        "holder": list(READS["holder"]),
        "agents": list(READS["agents"]),
    }
    with connection.cursor() as cursor:
        cursor.execute(NEWS, values)
        return list(cursor.fetchall())

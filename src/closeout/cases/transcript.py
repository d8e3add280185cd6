"""What was said and written to the holder, as records of their archive: the thread with support, and every letter.

The exchange has records of its own (``closeout.venues.base.RECORD_KINDS``); these two are ours (R-REC-1, R-SUP-4).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from closeout.cases import correspondence, messages, venues
from closeout.cases.models import Message
from closeout.records.vault import KeyDestroyed
from closeout.venues.base import RECORD_KINDS, Columnar

SUPPORT, LETTERS = "support", "letters"
KINDS = (*RECORD_KINDS, SUPPORT, LETTERS)
LINK = re.compile(r"https?://\S+/stop/\S+")
CODES = "code"  # template of letters that only carry a code: good for minutes, and for nobody's file


def records(venue: str, account_id: int, *, until: datetime) -> Callable[[str], Iterator[Any]]:
    """Return what streams one of :data:`KINDS`, oldest first; of ours nothing later than ``until`` (aware UTC).

    A venue that can do so streams columns instead of rows. What it returns raises: Unreachable.
    """
    ours = {SUPPORT: _support, LETTERS: _letters}

    def stream(kind: str) -> Iterator[Any]:
        if kind in ours:
            return ours[kind](venue, account_id, until)
        asked = venues.venue(venue)
        if isinstance(asked, Columnar):
            return asked.columns(account_id, kind)
        return iter(asked.records(account_id, kind))

    return stream


def _support(venue: str, account_id: int, until: datetime) -> Iterator[Mapping[str, Any]]:
    read = functools.partial(correspondence.read, account_id, venue=venue, audience="holder")
    after = 0
    while said := read(after=after):
        for one in said:
            after = one.id
            if one.sent_at <= until and not one.erased:
                yield {
                    "account_id": account_id,
                    "message_id": one.id,
                    "sent_at": one.sent_at.replace(tzinfo=None),
                    "from": one.author or one.author_kind,
                    "kind": one.kind,
                    "text": one.text,
                }


def _letters(venue: str, account_id: int, until: datetime) -> Iterator[Mapping[str, Any]]:
    """Yield the holder's letters without the link that takes an application back: a file is not where it belongs.

    What was written to those who sign for the account is not the holder's: it names them, and it opens their page.
    """
    found = Message.objects.filter(case__venue=venue, case__account_id=account_id, created_at__lte=until)
    for message in found.exclude(template=CODES).select_related("case").order_by("id").iterator():
        try:
            text = messages.opened(message.case, message)
        except KeyDestroyed:
            continue
        if text.get("signer"):
            continue
        yield {
            "account_id": account_id,
            "letter_id": message.pk,
            "written_at": message.created_at.replace(tzinfo=None),
            "channel": message.channel,
            "to": str(text["to"]),
            "subject": str(text["subject"]),
            "body": LINK.sub("…", str(text["body"])),
        }

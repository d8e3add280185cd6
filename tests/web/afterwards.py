"""What the process behind the site does for a closed account: its certificate, and the code that opens its page."""

from __future__ import annotations

import email
import email.policy
import re
import threading
from pathlib import Path

from closeout.cases import documents, senders, venues, worker
from closeout.cases.models import ClaimRound, Document


def certified(account: int, paper: str) -> dict[str, str]:
    """Wait for the certificate of a closed account; write it to ``paper``, return who its holder was."""
    holder = venues.sandbox().holder(account)
    assert holder is not None
    found = Document.objects.filter(case__account_id=account, kind=documents.JSON)
    for _ in range(400):
        worker.turn(now=venues.now())
        if found.exists():
            break
        threading.Event().wait(0.05)
    Path(paper).write_bytes(documents.read(found.get()))
    return {"name": holder.name, "email": holder.email or "", "number": found.get().case.number}


def claim_code() -> str:
    """Return the newest code that opens the page of a closed account."""
    for _ in range(400):
        worker.turn(now=venues.now())
        if not ClaimRound.objects.exclude(sealed=b"").exists():
            break
        threading.Event().wait(0.05)
    letters = sorted(senders.outbox().glob("claim-*.eml"), key=lambda path: path.stat().st_mtime_ns)
    message = email.message_from_bytes(letters[-1].read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(r"(?<!\d)\d{8}(?!\d)", body.get_content())
    assert found is not None
    return found.group()

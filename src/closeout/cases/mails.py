"""A letter as a mail, with a text and an HTML form; and what can never be sent."""

from __future__ import annotations

import os
from email.message import EmailMessage
from email.policy import SMTP

from closeout.cases import letters
from closeout.cases.letters import Written


class Undeliverable(Exception):
    """This message can never be sent; trying again would not help. ``reason`` is a short code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def mail(key: str, address: str, letter: Written) -> EmailMessage:
    """Return ``letter`` as a mail with a text and an HTML form. Raises: Undeliverable (bad_address)."""
    message = EmailMessage(policy=SMTP)
    sender = os.environ.get("CLOSEOUT_MAIL_FROM", "closeout@closeout.example")
    if "@" not in address:
        raise Undeliverable("bad_address")
    try:
        message["To"] = address
        message["From"] = sender if "<" in sender else f"{letters.brand()} <{sender}>"
    except (ValueError, IndexError) as wrong:
        raise Undeliverable("bad_address") from wrong
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{key}@{_domain(sender)}>"  # the same at every attempt: a copy is known as one
    message["Auto-Submitted"] = "auto-generated"
    if letter.parts:
        message["Content-Language"] = letter.parts["language"]
    message.set_content(letter.body)
    if letter.parts:
        message.add_alternative(letters.html(letter), subtype="html")
    return message


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2].strip("<> ") or "closeout"

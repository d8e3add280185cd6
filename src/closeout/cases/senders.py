"""Where messages leave: an SMTP server, a webhook for SMS, or, for a demonstration, files."""

from __future__ import annotations

import os
import re
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol

from closeout import cluster
from closeout.cases.letters import Written


class Sender(Protocol):
    """Sends one message. Sending the same key twice must reach the person once, as far as the way allows."""

    def send(self, *, key: str, channel: str, address: str, letter: Written) -> None:
        """Send ``letter``. Raises: OSError when the way is closed; it is tried again."""


class FileSender:
    """Writes each message to a file of its own: the mailbox of a demonstration. Same key, same file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def send(self, *, key: str, channel: str, address: str, letter: Written) -> None:
        """Write ``<key>.eml`` or ``<key>.txt``. Raises: OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9_-]", "-", key)
        if channel == "sms":
            content, ending = f"To: {address}\n\n{letter.body}\n".encode(), "txt"
        else:
            content, ending = _mail(key, address, letter), "eml"
        aside = self._directory / f".{name}.part"
        aside.write_bytes(content)
        aside.replace(self._directory / f"{name}.{ending}")


def _mail(key: str, address: str, letter: Written) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = os.environ.get("CLOSEOUT_MAIL_FROM", "closeout@closeout.example")
    message["To"] = address
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{key}@closeout>"
    message.set_content(letter.body)
    return message.as_bytes()


def outbox() -> Path:
    """Return the directory of the file sender: ``CLOSEOUT_OUTBOX``, else ``outbox`` in the data directory."""
    return Path(os.environ.get("CLOSEOUT_OUTBOX") or cluster.data_dir() / "outbox")


def sender() -> Sender:
    """Return the way of this installation: files, until another one is configured."""
    return FileSender(outbox())

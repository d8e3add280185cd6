"""Where messages leave: SMTP for mails, a signed webhook for SMS, or, for a demonstration, files."""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Protocol

from closeout import cluster
from closeout.cases.letters import Written
from closeout.cases.mails import Undeliverable, mail
from closeout.cases.sms import SmsSender
from closeout.cases.smtp import SmtpSender

__all__ = ["FileSender", "Sender", "Undeliverable", "Ways", "forget", "outbox", "secret", "sender"]


class Sender(Protocol):
    """Sends one message. Sending the same key twice must reach the person once, as far as the way allows."""

    def send(self, *, key: str, channel: str, address: str, letter: Written) -> None:
        """Send ``letter``. Raises: OSError when the way is closed (it is tried again), Undeliverable."""


class FileSender:
    """Writes each message to a file of its own: the mailbox of a demonstration. Same key, same file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def send(self, *, key: str, channel: str, address: str, letter: Written) -> None:
        """Write ``<key>.eml`` or ``<key>.txt``. Raises: OSError, Undeliverable."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9_-]", "-", key)
        if channel == "sms":
            content, ending = f"To: {address}\n\n{letter.body}\n".encode(), "txt"
        else:
            content, ending = mail(key, address, letter).as_bytes(), "eml"
        aside = self._directory / f".{name}.part"
        aside.write_bytes(content)
        aside.replace(self._directory / f"{name}.{ending}")


class Ways:
    """Each channel its own way."""

    def __init__(self, *, email: Sender, sms: Sender) -> None:
        self._ways = {"email": email, "sms": sms}

    def send(self, *, key: str, channel: str, address: str, letter: Written) -> None:
        """Send by the way of ``channel``. Raises: OSError, Undeliverable."""
        self._ways[channel].send(key=key, channel=channel, address=address, letter=letter)


def secret(name: str) -> str:
    """Return the secret in ``NAME_FILE`` or ``NAME`` of the environment; empty if there is none. Raises: OSError."""
    path = os.environ.get(f"{name}_FILE")
    return Path(path).read_text(encoding="utf-8").strip() if path else os.environ.get(name, "")


def outbox() -> Path:
    """Return the directory of the file sender: ``CLOSEOUT_OUTBOX``, else ``outbox`` in the data directory."""
    return Path(os.environ.get("CLOSEOUT_OUTBOX") or cluster.data_dir() / "outbox")


def sender() -> Sender:
    """Return the ways of this installation: ``CLOSEOUT_MAIL_URL`` and ``CLOSEOUT_SMS_URL``, files where unset.

    Raises: ValueError for an address that is not allowed.
    """
    files = FileSender(outbox())
    by_mail, by_sms = os.environ.get("CLOSEOUT_MAIL_URL", ""), os.environ.get("CLOSEOUT_SMS_URL", "")
    return Ways(email=_smtp(by_mail) if by_mail else files, sms=_webhook(by_sms) if by_sms else files)


def forget() -> None:
    """Close connections, so that a process can end or fork."""
    if _smtp.cache_info().currsize:
        _smtp(os.environ.get("CLOSEOUT_MAIL_URL", "")).close()
        _smtp.cache_clear()


@functools.lru_cache(maxsize=1)
def _smtp(url: str) -> SmtpSender:
    return SmtpSender(
        url, password=secret("CLOSEOUT_MAIL_PASSWORD"), trusted=os.environ.get("CLOSEOUT_MAIL_CA")
    )


@functools.lru_cache(maxsize=1)
def _webhook(url: str) -> Sender:
    return SmsSender(url, secret=secret("CLOSEOUT_SMS_SECRET"), trusted=os.environ.get("CLOSEOUT_SMS_CA"))

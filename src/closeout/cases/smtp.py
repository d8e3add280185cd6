"""Mails over SMTP: always encrypted, one connection for many mails, and a clear line between later and never."""

from __future__ import annotations

import contextlib
import ipaddress
import smtplib
import ssl
import threading
from urllib.parse import unquote, urlsplit

from closeout.cases import mails
from closeout.cases.letters import Written

SECONDS = 10
PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}


class SmtpSender:
    """Sends mails to one server: ``smtps://user@host:465``, ``smtp+starttls://…``; ``smtp://`` on this machine only."""

    def __init__(self, url: str, *, password: str = "", trusted: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or parts.password is not None:
            raise ValueError(
                "CLOSEOUT_MAIL_URL must be smtps:// or smtp+starttls:// with a host and no password"
            )
        if parts.scheme == "smtp" and not _this_machine(parts.hostname):
            raise ValueError("CLOSEOUT_MAIL_URL must be encrypted: smtps:// or smtp+starttls://")
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), password
        self._tls = ssl.create_default_context(cafile=trusted)
        self._opened: smtplib.SMTP | None = None
        self._lock = threading.Lock()

    def send(self, *, key: str, channel: str, address: str, letter: Written) -> None:
        """Send one mail. Raises: OSError (later), Undeliverable (never)."""
        if channel != "email":
            raise ValueError(f"{channel} does not go by mail")
        message = mails.mail(key, address, letter)
        with self._lock:
            server = self._connected()
            try:
                server.send_message(message)
            except (smtplib.SMTPNotSupportedError, UnicodeError) as wrong:
                self._leave()
                raise mails.Undeliverable("bad_address") from wrong
            except smtplib.SMTPException as wrong:
                self._leave()
                if (code := _final(wrong)) is not None:
                    raise mails.Undeliverable(f"smtp_{code}") from wrong
                raise
            except OSError:
                self._leave()
                raise

    def _connected(self) -> smtplib.SMTP:
        """Return the connection in hand if the server still answers on it, else a new one. Raises: OSError."""
        if self._opened is not None:
            try:
                if self._opened.noop()[0] == 250:
                    return self._opened
            except OSError:
                pass  # the server hung up meanwhile; the next connection is tried below
            self._leave()
        if self._scheme == "smtps":
            opened: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=SECONDS, context=self._tls
            )
        else:
            opened = smtplib.SMTP(self._host, self._port, timeout=SECONDS)
        try:
            if self._scheme == "smtp+starttls":
                opened.starttls(context=self._tls)
            if self._user:
                opened.login(self._user, self._password)
        except OSError:
            opened.close()
            raise
        self._opened = opened
        return opened

    def close(self) -> None:
        """Take leave and hang up; the next mail opens a connection again."""
        with self._lock:
            if self._opened is not None:
                with contextlib.suppress(OSError):
                    self._opened.quit()
            self._leave()

    def _leave(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _final(wrong: smtplib.SMTPException) -> int | None:
    """Return the reply code if the server refused this mail for good (5xx), None if it may be tried again."""
    codes = []
    if isinstance(wrong, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in wrong.recipients.values()]
    elif isinstance(wrong, smtplib.SMTPResponseException) and not isinstance(
        wrong, smtplib.SMTPAuthenticationError
    ):
        codes = [wrong.smtp_code]
    return codes[0] if codes and all(500 <= code < 600 for code in codes) else None

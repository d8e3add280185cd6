"""SMS through a webhook of the operator: a signed request with an idempotency key (Standard Webhooks)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import ssl
from urllib.parse import urlsplit

from closeout.cases import egress, mails
from closeout.cases.clearing_journal import present
from closeout.cases.letters import Written

LATER = frozenset({408, 425, 429})
PREFIX = "whsec_"


class SmsSender:
    """Posts each SMS to one address. The same key is the same ``webhook-id``: the gateway sends it once.

    Source: Standard Webhooks 1.0.0: headers webhook-id, webhook-timestamp, webhook-signature over "id.time.body".
    """

    def __init__(self, url: str, *, secret: str, trusted: str | None = None) -> None:
        self._host = urlsplit(url).hostname or ""
        egress.demand_allowed(url, [self._host])
        self._url, self._secret = url, _secret(secret)
        self._tls = ssl.create_default_context(cafile=trusted)

    def send(self, *, key: str, channel: str, address: str, letter: Written) -> None:
        """Post one SMS. Raises: OSError (later), Undeliverable (never)."""
        if channel != "sms":
            raise ValueError(f"{channel} does not go by SMS")
        body = json.dumps({"id": key, "to": address, "text": letter.body}, ensure_ascii=False).encode()
        at = str(int(present().timestamp()))
        headers = {
            "content-type": "application/json; charset=utf-8",
            "idempotency-key": key,
            "webhook-id": key,
            "webhook-timestamp": at,
            "webhook-signature": signature(self._secret, key, at, body),
        }
        said = egress.post(self._url, body, headers, allowed=[self._host], tls=self._tls)
        if 200 <= said.status < 300:
            return
        if said.status >= 500 or said.status < 400 or said.status in LATER:
            raise ConnectionError(f"the gateway answered {said.status}")
        raise mails.Undeliverable(f"http_{said.status}")


def signature(secret: bytes, key: str, at: str, body: bytes) -> str:
    """Return the value of ``webhook-signature``: version and HMAC-SHA256 over id, time and body."""
    mac = hmac.digest(secret, f"{key}.{at}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(mac).decode()}"


def _secret(said: str) -> bytes:
    """Read a secret of the form ``whsec_`` and base64. Raises: ValueError."""
    try:
        found = base64.b64decode(said.removeprefix(PREFIX), validate=True)
    except binascii.Error as wrong:
        raise ValueError("CLOSEOUT_SMS_SECRET must be whsec_ and base64") from wrong
    if not said.startswith(PREFIX) or len(found) < 24:
        raise ValueError("CLOSEOUT_SMS_SECRET must be whsec_ and at least 24 bytes in base64")
    return found

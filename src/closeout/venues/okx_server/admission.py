"""Who may ask what, how often: signature over the raw request, permission, address, mode, documented limits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from closeout.venues.okx.endpoints import Endpoint
from closeout.venues.okx_server.keys import Key
from closeout.venues.okx_server.speaking import Refusal

WINDOW = timedelta(seconds=30)


@dataclass(frozen=True)
class Request:
    """One request as it came: the target is raw, because the signature is over it."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    address: str

    @property
    def path(self) -> str:
        """Return the path below ``/api/v5/``; the whole path if it is elsewhere."""
        return urlsplit(self.target).path.removeprefix("/api/v5/")

    @property
    def params(self) -> dict[str, str]:
        """Return the query as a mapping."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


def admit(request: Request, endpoint: Endpoint, find: Callable[[str], Key | None], *, now: datetime) -> Key:
    """Return the key that may do this. Raises: Refusal with the code that OKX documents for each reason."""
    headers = request.headers
    for header, code in (
        ("ok-access-key", "50103"),
        ("ok-access-passphrase", "50104"),
        ("ok-access-sign", "50106"),
        ("ok-access-timestamp", "50107"),
    ):
        if not headers.get(header):
            raise Refusal(code)
    _timely(headers["ok-access-timestamp"], now)
    key = find(headers["ok-access-key"])
    if key is None or key.revoked:
        raise Refusal("50119" if key else "50111")
    if key.simulated != (headers.get("x-simulated-trading") == "1"):
        raise Refusal("50101")
    if not hmac.compare_digest(key.passphrase.encode(), headers["ok-access-passphrase"].encode()):
        raise Refusal("50105")
    signed = f"{headers['ok-access-timestamp']}{request.method}{request.target}".encode() + request.body
    expected = base64.b64encode(hmac.new(key.secret.encode(), signed, hashlib.sha256).digest())
    if not hmac.compare_digest(expected, headers["ok-access-sign"].encode()):
        raise Refusal("50113")
    if key.addresses and request.address not in key.addresses:
        raise Refusal("50110", request.address)
    if not key.may(endpoint.permission):
        raise Refusal("50120")
    return key


def _timely(said: str, now: datetime) -> None:
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise Refusal("50112") from None
    at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    if abs(now - at) > WINDOW:
        raise Refusal("50102")


class Limits:
    """The documented limit of each operation, per user (or address, for public ones)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def count(self, who: str, endpoint: Endpoint) -> None:
        """Count one call. Raises: Refusal("50011") beyond the limit."""
        with self._lock:
            now = self._clock()
            calls = self._calls.setdefault((who, endpoint.name), deque())
            while calls and calls[0] <= now - endpoint.seconds:
                calls.popleft()
            if len(calls) >= endpoint.calls:
                raise Refusal("50011")
            calls.append(now)

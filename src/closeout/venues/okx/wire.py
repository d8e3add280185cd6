"""The line to OKX: ccxt signs and sends, closeout spaces, retries, corrects the clock and reads."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from closeout.venues.okx import client
from closeout.venues.okx.client import Answered, Heard
from closeout.venues.okx.endpoints import Endpoint, get
from closeout.venues.okx.errors import Failure, Kind, failure
from closeout.venues.okx.keys import Credentials
from closeout.venues.okx.pacing import Pace

Row = Mapping[str, Any]
HOSTS = (
    "https://www.okx.com",
    "https://eea.okx.com",
    "https://us.okx.com",
    "https://my.okx.com",
    "https://app.okx.com",
)
GLOBAL = HOSTS[0]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TIMEOUT_SECONDS = 15
TRIES = 4
AGAIN_SECONDS = 0.5  # before the second try; each further one waits twice as long
PAGE = 100
PAGES_MAX = 2000
CLOCK_CODES = frozenset({"50102", "50112"})
WRONG_REGION = frozenset({"50119", "50111"})


class Wire(Protocol):
    """Anything that answers documented operations with the rows of their ``data``."""

    def call(self, endpoint: Endpoint, params: Mapping[str, Any] | Sequence[Row] | None = None) -> list[Row]:
        """Call one operation once it is allowed. Raises: Failure."""


class CcxtWire:
    """The real line. One instance may be used by several threads."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str | None = None,
        demo: bool = False,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = credentials
        self._pace = pace or Pace()
        self._sleep = sleep
        self._lock = threading.Lock()
        self._fixed = base_url is not None
        self.host = checked((base_url or GLOBAL).rstrip("/"))
        self.clock_off_ms = 0
        self.calls = 0
        self._exchange = _exchange(credentials, demo=demo)
        self._use(self.host)

    def now(self) -> datetime:
        """Return OKX's time as far as it was measured, naive UTC."""
        return datetime.now(UTC).replace(tzinfo=None) - timedelta(milliseconds=self.clock_off_ms)

    def close(self) -> None:
        """Close the connections."""
        self._exchange.session.close()

    def _use(self, host: str) -> None:
        self.host = host
        self._exchange.urls["api"] = {"rest": host}

    def call(self, endpoint: Endpoint, params: Mapping[str, Any] | Sequence[Row] | None = None) -> list[Row]:
        """Call one operation; a read is repeated when that cannot do harm, a write never blindly.

        Raises: Failure. For a write, ``Kind.OUTCOME_UNKNOWN`` means that it may have been done.
        """
        for left in reversed(range(TRIES)):
            try:
                return self._once(endpoint, params)
            except Failure as failed:
                if failed.code in CLOCK_CODES and left:
                    self.correct_clock()
                elif failed.kind is Kind.RETRY and left:
                    self._pace.back_off(endpoint)
                elif failed.kind is Kind.NETWORK and endpoint.method == "GET" and left:
                    self._sleep(AGAIN_SECONDS * 2 ** (TRIES - 1 - left))
                elif failed.kind in (Kind.NETWORK, Kind.SHAPE) and endpoint.method == "POST":
                    raise Failure(Kind.OUTCOME_UNKNOWN, "50004", failed.detail) from None
                else:
                    raise
        raise AssertionError("the last try returns or raises")

    def _once(self, endpoint: Endpoint, params: Mapping[str, Any] | Sequence[Row] | None) -> list[Row]:
        self._pace.wait(endpoint)
        with self._lock:
            self.calls += 1
        heard = self._send(endpoint, params)
        try:
            return read(heard)
        except Failure as failed:
            raise Failure(failed.kind, failed.code, self._credentials.redact(failed.detail)) from None

    def _send(self, endpoint: Endpoint, params: Mapping[str, Any] | Sequence[Row] | None) -> Heard:
        side = ["public" if endpoint.public else "private"]
        sent: Any = dict(params) if isinstance(params, Mapping) else list(params) if params else {}
        try:
            self._exchange.request(endpoint.path, side, endpoint.method, sent)
        except Answered as answered:
            return answered.heard
        except client.error_class() as wrong:
            raise Failure(Kind.NETWORK, "", type(wrong).__name__) from None
        raise Failure(Kind.NETWORK, "", "no answer")

    def correct_clock(self) -> int:
        """Measure how many milliseconds this computer is ahead of OKX and sign accordingly from now on."""
        before = _milliseconds()
        said = self._once(get("public/time"), None)
        after = _milliseconds()
        try:
            server = int(str(said[0]["ts"]))
        except (IndexError, KeyError, ValueError):
            raise Failure(Kind.SHAPE, "", "public/time") from None
        self.clock_off_ms = (before + after) // 2 - server
        self._exchange.options["timeDifference"] = self.clock_off_ms
        return self.clock_off_ms

    def find_host(self) -> str:
        """Find the region to which the key belongs and use it from now on.

        Only a host that does not know the key makes the next one be asked. Raises: Failure of the first host.
        """
        first: Failure | None = None
        for host in (self.host,) if self._fixed else HOSTS:
            self._use(host)
            try:
                self.call(get("account/config"))
            except Failure as failed:
                first = first or failed
                if failed.code not in WRONG_REGION:
                    raise
            else:
                return host
        self._use(HOSTS[0] if not self._fixed else self.host)
        assert first is not None
        raise first


def checked(host: str) -> str:
    """Return ``host`` if the passphrase may travel there. Raises: ValueError for http elsewhere."""
    parts = urlsplit(host)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return host
    raise ValueError(f"{host}: use https, because the passphrase travels with each request")


def read(heard: Heard) -> list[Row]:
    """Take the rows out of an answer; numbers stay exactly as they were written.

    Raises: Failure for HTML, an empty or cut body, an unknown shape, and every code that is not success.
    """
    try:
        answer = json.loads(heard.body, parse_float=str, parse_int=str)
    except ValueError:
        if heard.status == 429:
            raise failure("429", "") from None
        if heard.status >= 500:
            raise Failure(Kind.NETWORK, "", f"HTTP {heard.status}") from None
        what = "an empty body" if not heard.body.strip() else "not JSON"
        raise Failure(Kind.SHAPE, "", f"HTTP {heard.status}, {what}") from None
    if not isinstance(answer, dict) or "code" not in answer:
        raise Failure(Kind.SHAPE, "", f"HTTP {heard.status}, no code")
    code, message = str(answer["code"]), str(answer.get("msg", ""))[:200]
    rows = answer.get("data")
    if code in ("1", "2") and isinstance(rows, list) and rows:
        return _rows(rows)  # each item says for itself whether it was done
    if code != "0":
        raise failure(code, message)
    if heard.status >= 400:
        raise Failure(Kind.SHAPE, "", f"HTTP {heard.status} with code 0")
    return _rows([rows] if isinstance(rows, dict) else rows)


def _rows(rows: object) -> list[Row]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Failure(Kind.SHAPE, "", "data is not a list of objects")
    return rows


def pages(wire: Wire, endpoint: Endpoint, params: Mapping[str, str] | None = None) -> list[Row]:
    """Read every page of a list, newest first, each row once.

    A list that is paged by time is asked again from one millisecond later, so that rows of the same
    millisecond on both sides of a page's edge are not lost. Raises: Failure.
    """
    asked = dict(params or {})
    if endpoint.cursor_field is None:
        return wire.call(endpoint, asked)
    found: dict[str, Row] = {}
    by_time = endpoint.cursor_field.lower().endswith(("ts", "time"))
    for _ in range(PAGES_MAX):
        page = wire.call(endpoint, {**asked, "limit": str(PAGE)})
        known = len(found)
        for row in page:
            found.setdefault(json.dumps(row, sort_keys=True, default=str), row)
        if len(page) < PAGE:
            return list(found.values())
        cursor = str(page[-1].get(endpoint.cursor_field, ""))
        if not cursor.isdigit():
            raise Failure(Kind.SHAPE, "", f"{endpoint.path}: no {endpoint.cursor_field} to page by")
        if by_time:
            cursor = str(int(cursor) + 1) if len(found) > known else cursor
        elif len(found) == known:
            raise Failure(Kind.SHAPE, "", f"{endpoint.path}: the same page twice")
        asked[endpoint.cursor_parameter] = cursor
    raise Failure(Kind.SHAPE, "", f"{endpoint.path}: more than {PAGES_MAX} pages")


def _exchange(credentials: Credentials, *, demo: bool) -> Any:
    settings = {
        "apiKey": credentials.key, "secret": credentials.secret, "password": credentials.passphrase,
        "timeout": TIMEOUT_SECONDS * 1000, "headers": {"x-simulated-trading": "1"} if demo else {},
    }  # fmt: skip
    return client.raw_exchange("okx", settings)


def _milliseconds() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)

"""The line to Binance: ccxt signs and sends; closeout spends weights as documented, retries, pages and reads."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from closeout.venues.binance.endpoints import MINUTE, Operation, budget, operation
from closeout.venues.binance.errors import BinanceFailure, failure
from closeout.venues.okx import client
from closeout.venues.okx.client import Answered, Heard
from closeout.venues.okx.endpoints import Endpoint
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.keys import Credentials
from closeout.venues.okx.wire import AGAIN_SECONDS, TIMEOUT_SECONDS, TRIES, Row, checked

PAGES_MAX = 2000
CLOCK = "-1021"
SUCCESS = frozenset({"000000", "0", "200"})


class Weights:
    """Lets a call pass when the budget of its minute has room for its weight; safe between threads."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._spent: dict[str, deque[tuple[float, int]]] = {}

    def wait(self, one: Operation) -> None:
        """Block until the weight of ``one`` may be spent, and spend it."""
        while True:
            with self._lock:
                now = self._clock()
                spent = self._spent.setdefault(one.pool, deque())
                while spent and spent[0][0] <= now - MINUTE:
                    spent.popleft()
                if not spent or sum(weight for _, weight in spent) + one.weight <= budget(one):
                    spent.append((now, one.weight))
                    return
                pause = spent[0][0] + MINUTE - now
            self._sleep(max(pause, 0.001))


class BinanceWire:
    """The real line, for reading only. One instance may be used by several threads."""

    def __init__(
        self, credentials: Credentials, *, base_url: str | None = None, weights: Weights | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._credentials = credentials
        self._weights = weights or Weights()
        self._sleep = sleep
        self.clock_off_ms = 0
        self.calls = 0
        self._exchange = _exchange(credentials)
        if base_url is not None:
            _redirect(self._exchange.urls["api"], checked(base_url.rstrip("/")))

    def now(self) -> datetime:
        """Return Binance's time as far as it was measured, naive UTC."""
        return datetime.now(UTC).replace(tzinfo=None) - timedelta(milliseconds=self.clock_off_ms)

    def close(self) -> None:
        """Close the connections."""
        self._exchange.session.close()

    def call(self, endpoint: Endpoint, params: Mapping[str, Any] | Sequence[Row] | None = None) -> list[Row]:
        """Read one operation, every page of it. Raises: Failure."""
        assert isinstance(endpoint, Operation)
        assert params is None or isinstance(params, Mapping)
        asked = dict(params or {})
        if endpoint.page is None:
            return unwrapped(endpoint, self._again(endpoint, asked))
        page, size, most = endpoint.page
        found: list[Row] = []
        for number in range(1, PAGES_MAX):
            rows = unwrapped(endpoint, self._again(endpoint, {**asked, page: number, size: most}))
            found += rows
            if len(rows) < most:
                return found
        raise BinanceFailure(Kind.SHAPE, "", f"{endpoint.path}: more than {PAGES_MAX} pages")

    def _again(self, one: Operation, params: Mapping[str, Any]) -> Any:
        for left in reversed(range(TRIES)):
            try:
                return self._once(one, params)
            except Failure as failed:
                if failed.code == CLOCK and left:
                    self.correct_clock()
                elif failed.kind in (Kind.RETRY, Kind.NETWORK) and failed.code != "418" and left:
                    self._sleep(AGAIN_SECONDS * 2 ** (TRIES - 1 - left))
                else:
                    raise
        raise AssertionError("the last try returns or raises")

    def _once(self, one: Operation, params: Mapping[str, Any]) -> Any:
        self._weights.wait(one)
        self.calls += 1
        try:
            return read(self._send(one, params))
        except Failure as failed:
            raise BinanceFailure(failed.kind, failed.code, self._credentials.redact(failed.detail)) from None

    def _send(self, one: Operation, params: Mapping[str, Any]) -> Heard:
        try:
            self._exchange.request(one.path, [one.section], one.method, dict(params))
        except Answered as answered:
            return answered.heard
        except client.error_class() as wrong:
            raise BinanceFailure(Kind.NETWORK, "", type(wrong).__name__) from None
        raise BinanceFailure(Kind.NETWORK, "", "no answer")

    def correct_clock(self) -> int:
        """Measure how many milliseconds this computer is ahead of Binance and sign accordingly from now on."""
        before = time.time_ns() // 1_000_000
        said = self._once(operation("public", "time"), {})
        after = time.time_ns() // 1_000_000
        try:
            server = int(str(said["serverTime"]))
        except (KeyError, TypeError, ValueError):
            raise BinanceFailure(Kind.SHAPE, "", "time") from None
        self.clock_off_ms = (before + after) // 2 - server
        self._exchange.options["timeDifference"] = self.clock_off_ms
        return self.clock_off_ms


def read(heard: Heard) -> Any:
    """Return what an answer holds; numbers stay exactly as they were written.

    Raises: Failure for HTML, an empty or cut body, an error status, and every code that is not success.
    """
    try:
        answer = json.loads(heard.body, parse_float=str, parse_int=str)
    except ValueError:
        if heard.status in (403, 404, 418, 429, 451):
            raise failure(str(heard.status), "") from None
        if heard.status >= 500:
            raise BinanceFailure(Kind.NETWORK, "", f"HTTP {heard.status}") from None
        what = "an empty body" if not heard.body.strip() else "not JSON"
        raise BinanceFailure(Kind.SHAPE, "", f"HTTP {heard.status}, {what}") from None
    code = str(answer.get("code", "")) if isinstance(answer, dict) else ""
    if code and code not in SUCCESS:
        raise failure(code, str(answer.get("msg") or answer.get("message") or "")[:200])
    if heard.status >= 400:
        raise failure(str(heard.status), "")
    return answer


def unwrapped(one: Operation, answer: Any) -> list[Row]:
    """Return the rows of an answer: a list as it is, one object as one row. Raises: Failure."""
    rows = answer
    if one.rows and isinstance(answer, dict):
        rows = answer.get(one.rows)
    elif isinstance(answer, dict):
        rows = [answer]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BinanceFailure(Kind.SHAPE, "", f"{one.path}: no list of objects")
    return rows


def _redirect(urls: Any, base: str) -> None:
    """Let every address of the client lead to ``base``; the paths stay."""
    for name, url in urls.items():
        if isinstance(url, str):
            urls[name] = base + urlsplit(url).path


def _exchange(credentials: Credentials) -> Any:
    settings = {"apiKey": credentials.key, "secret": credentials.secret, "timeout": TIMEOUT_SECONDS * 1000}
    return client.raw_exchange("binance", settings)

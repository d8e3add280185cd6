"""A local server that speaks like Binance: signatures over the very query, recorded answers, errors on demand."""

import hashlib
import hmac
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.venues.binance import recorded

from closeout.venues.binance.endpoints import Operation
from closeout.venues.binance.wire import BinanceWire, Weights, read, unwrapped
from closeout.venues.okx.client import Heard
from closeout.venues.okx.keys import Credentials

KEY = Credentials("binance-key-0c1d", "binance-secret-77AA", "")
MANDATORY = {  # parameters without which the documents promise an error
    "GET /sapi/v1/lending/auto-invest/plan/list": frozenset({"planType"}),
    "GET /sapi/v1/fiat/orders": frozenset({"transactionType"}),
    "GET /sapi/v1/fiat/payments": frozenset({"transactionType"}),
    "GET /sapi/v2/sub-account/futures/account": frozenset({"email", "futuresType"}),
    "GET /sapi/v4/sub-account/assets": frozenset({"email"}),
    "GET /sapi/v1/sub-account/margin/account": frozenset({"email"}),
    "GET /api/v3/myTrades": frozenset({"symbol"}),
}
WINDOW_MS = 10_000


@dataclass
class Exchange:
    """What the server knows; tests change it. ``ahead_ms``: how far its clock is ahead of this computer's."""

    answers: dict[str, Any]
    bad: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    ahead_ms: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    url: str = ""

    def answer(self, method: str, target: str, body: str, key: str) -> tuple[int, bytes]:
        """Answer one request as Binance would."""
        parts = urlsplit(target)
        name = f"{method} {parts.path}"
        self.asked[name] += 1
        if name in self.bad:
            return self.bad[name]
        said = body or parts.query
        now = time.time_ns() // 1_000_000 + self.ahead_ms
        if name == "GET /api/v3/time":
            return 200, json.dumps({"serverTime": now}).encode()
        if "timestamp=" in said:
            signed, _, signature = said.rpartition("&signature=")
            if key != KEY.key:
                return 401, b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'
            if hmac.new(KEY.secret.encode(), signed.encode(), hashlib.sha256).hexdigest() != signature:
                return 400, b'{"code":-1022,"msg":"Signature for this request is not valid."}'
            if abs(int(parse_qs(signed)["timestamp"][0]) - now) > WINDOW_MS:
                return 400, b'{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'
            if missing := MANDATORY.get(name, frozenset()) - parse_qs(signed).keys():
                said_so = {"code": -1102, "msg": f"Mandatory parameter '{min(missing)}' was not sent."}
                return 400, json.dumps(said_so).encode()
        symbol = parse_qs(parts.query).get("symbol")
        found = self.answers.get(f"{name}?symbol={symbol[0]}" if symbol else name, [])
        status, answer = found if isinstance(found, tuple) else (200, found)
        return status, json.dumps(answer).encode()


@pytest.fixture(scope="session")
def _served() -> Iterator[Exchange]:
    """One server for all: making a client of Binance takes longer than most tests."""
    place = Exchange({})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            status, said = place.answer(self.command, self.path, body, self.headers.get("x-mbx-apikey", ""))
            self.send_response(status)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    place.url = f"http://127.0.0.1:{server.server_port}"
    yield place
    server.shutdown()
    server.server_close()


@pytest.fixture
def exchange(_served: Exchange) -> Exchange:
    _served.answers, _served.bad, _served.ahead_ms = recorded.busy(), {}, 0
    _served.asked.clear()
    return _served


PLACES = {"private": "/api/v3", "public": "/api/v3", "fapiPrivateV3": "/fapi/v3"}


def path_of(one: Operation) -> str:
    """Return the path of an operation on the server."""
    section = one.section
    if section.startswith("sapi"):
        return f"/sapi/{section[4:].lower() or 'v1'}/{one.path}"
    return f"{PLACES.get(section) or f'/{section[:4]}/v1'}/{one.path}"


class Direct:
    """The line without the network: the same answers, read and unwrapped by the same code."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def now(self) -> datetime:
        """Return this computer's time."""
        return datetime.now(UTC).replace(tzinfo=None)

    def call(self, endpoint: Any, _: Any = None) -> list[Any]:
        """Answer as the server would. Raises: Failure."""
        status, body = self._exchange.answer(endpoint.method, path_of(endpoint), "", KEY.key)
        return unwrapped(endpoint, read(Heard(status, body.decode())))


@pytest.fixture
def direct(exchange: Exchange) -> Direct:
    return Direct(exchange)


class NoWeights(Weights):
    """Lets every call pass."""

    def wait(self, one: Operation) -> None:
        """Do not wait."""


@pytest.fixture(scope="session")
def wire(_served: Exchange) -> Iterator[BinanceWire]:
    opened = BinanceWire(KEY, base_url=_served.url, weights=NoWeights(), sleep=lambda _: None)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fresh(exchange: Exchange) -> None:
    """Let every test begin with the recorded answers."""

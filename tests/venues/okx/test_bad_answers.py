"""R-OPS-6, R-CHK-17, issue "Bad input": a real HTTP server answers badly; the terminal says what to do.

Each case: a sentence in both languages, the exit code, the rest of the report, and no part of the key anywhere.
"""

import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner
from tests.venues.okx.recorded import empty, name_of

from closeout import cli
from closeout.venues.okx import declared
from closeout.venues.okx.endpoints import ENDPOINTS, Endpoint
from closeout.venues.okx.pacing import Pace

GOOD = [f"--answer={question.code}={question.good}" for question in declared.QUESTIONS]
KEY = {"KEY": "key-0c1d2e", "SECRET": "secret-77AABB", "PASSPHRASE": "passphrase-Xy9"}
Said = tuple[int, bytes]
Bad = Callable[
    [str, Mapping[str, str]], Said | None
]  # path and headers in lower case → an answer, or the good one


def envelope(rows: Any, code: Any = "0") -> bytes:
    return json.dumps({"code": code, "msg": "", "data": rows}).encode()


def refusal(status: int, code: str, message: str) -> Bad:
    """Answer everything but the time with an error that has no ``data``, as OKX does for keys."""
    body = json.dumps({"msg": message, "code": code}).encode()
    return lambda path, _: None if path == "public/time" else (status, body)


def at(path: str, status: int, body: bytes) -> Bad:
    return lambda asked, _: (status, body) if asked == path else None


class Quick(Pace):
    """Waits for nothing."""

    def __init__(self, **_: Any) -> None:
        super().__init__(sleep=lambda _: None, clock=iter(range(0, 10**9, 100)).__next__)


@pytest.fixture
def okx() -> Iterator[Callable[[Bad], str]]:
    """Start a server with the recorded answers of an empty account, except for what is bad."""
    open_ones: list[ThreadingHTTPServer] = []
    answers = empty()

    def start(bad: Bad) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                path = parts.path.removeprefix("/api/v5/")
                said = bad(path, {name.lower(): value for name, value in self.headers.items()})
                if said is None:
                    endpoint = ENDPOINTS.get(f"GET {path}", Endpoint("GET", path, "R", 1, 1))
                    said = 200, envelope(answers.get(name_of(endpoint, dict(parse_qsl(parts.query))), []))
                self.send_response(said[0])
                self.send_header("content-length", str(len(said[1])))
                self.end_headers()
                self.wfile.write(said[1])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        open_ones.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in open_ones:
        server.shutdown()
        server.server_close()


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Callable[..., Any]:
    """Run ``closeout --debug check --venue okx``; nothing that comes out, logs included, holds a part of the key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("closeout.venues.okx.keys.from_keyring", lambda _: None)
    monkeypatch.setattr("closeout.venues.okx.wire.Pace", Quick)
    monkeypatch.setattr("closeout.venues.okx.wire.AGAIN_SECONDS", 0.0)
    for name, part in KEY.items():
        monkeypatch.setenv(f"CLOSEOUT_OKX_{name}", part)
    caplog.set_level(logging.DEBUG)

    def run(url: str, language: str = "en") -> Any:
        words = ["--debug", "check", "--venue", "okx", "--json", "--base-url", url, "--lang", language, *GOOD]
        found = CliRunner().invoke(cli.main, words)
        trace = traceback.format_exception(found.exception) if found.exception else []
        said = found.output + "".join(trace) + caplog.text + repr(vars(found))
        assert not any(part in said for part in KEY.values()), "a part of the key came out"
        assert "Traceback" not in found.output
        return found

    return run


KEYS: list[tuple[str, Bad, str, str]] = [
    ("wrong passphrase", refusal(401, "50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.'),
     "The passphrase is wrong", "口令"),
    ("expired key", refusal(401, "50119", "API key doesn't exist"), "does not know this key", "不认识"),
    ("IP not listed", refusal(401, "50110", "Your IP 198.51.100.7 is not included in your API key's IP whitelist."),
     "IP address is not on the list", "白名单"),
    ("wrong region", refusal(401, "50119", "API key doesn't exist"), "region belong together", "地区"),
    ("401 without data", refusal(401, "50111", "Invalid OK-ACCESS-KEY"), "does not know this key", "不认识"),
    ("wrong secret", refusal(401, "50113", "Invalid Sign"), "secret key is wrong", "Secret"),
    ("demo key without --demo", refusal(401, "50101", "APIKey does not match current environment."),
     "--demo", "--demo"),
]  # fmt: skip


@pytest.mark.parametrize("case", KEYS, ids=[case[0] for case in KEYS])
def test_what_is_wrong_with_a_key(okx: Any, terminal: Any, case: tuple[str, Bad, str, str]) -> None:
    """Nothing can be read: one sentence, exit code 3."""
    _, bad, en, zh = case
    url = okx(bad)
    for language, words in (("en", en), ("zh", zh)):
        found = terminal(url, language)
        assert found.exit_code == 3, found.output
        assert words in found.stderr
        assert found.stdout == ""


CHAIN = "finance/staking-defi/orders-active"
CUT = b'{"code":"0","msg":"","data":[{"ccy":"USDT","bal":"1'
UNKNOWN_STATE = envelope([{"ordId": "1", "ccy": "SOL", "state": "77", "term": "0", "investData": []}])
PARTS: list[tuple[str, str, int, bytes, str]] = [
    ("404 with a numeric code", "asset/balances", 404, b'{"code":404,"data":{},"msg":"Not Found"}', "not have this"),
    ("429", "asset/balances", 429, b'{"msg":"Too Many Requests","code":"50011"}', "too many requests"),
    ("HTML instead of JSON", "asset/balances", 200, b"<!doctype html><h1>Maintenance</h1>", "does not know"),
    ("HTML with 502", "asset/balances", 502, b"<html>bad gateway</html>", "could not be reached"),
    ("an empty body", "asset/balances", 200, b"", "does not know"),
    ("a truncated page", "asset/balances", 200, CUT, "does not know"),
    ("a new unknown enum value", CHAIN, 200, UNKNOWN_STATE, "does not know"),
    ("a number that is none", "asset/balances", 200, envelope([{"ccy": "A", "bal": "1,5", "availBal": "0"}]),
     "does not know"),
    ("a field that is gone", "asset/balances", 200, envelope([{"ccy": "A"}]), "does not know"),
    ("a code that nobody documents", "asset/balances", 200, envelope([], "59999"), "59999"),
    ("an account that is blocked", "asset/balances", 200, envelope([], "50007"), "restricted this account"),
]  # fmt: skip


@pytest.mark.parametrize("case", PARTS, ids=[case[0] for case in PARTS])
def test_one_bad_answer_leaves_the_rest_of_the_report(
    okx: Any, terminal: Any, case: tuple[str, str, int, bytes, str]
) -> None:
    """Exit code 5: what needs that answer is unknown, everything else is judged, the sentence says what to do."""
    _, path, status, body, words = case
    found = terminal(okx(at(path, status, body)))
    assert found.exit_code == 5, found.output
    said = json.loads(found.stdout)
    failed = said["okx"]["failures"]
    assert failed.keys() == {path}
    assert words in failed[path]["en"]
    assert not failed[path]["zh"].isascii()
    results = {one["code"]: one["result"] for one in said["conditions"]}
    fed = "earn_redeemable" if path == CHAIN else "balances_zero"
    assert results[fed] == "unknown"
    assert results["no_open_orders"] == results["no_positions"] == results["no_p2p_orders"] == "clear"
    if body.find(b"50007") >= 0:
        assert results["no_holds"] == "blocked"


def test_numbers_where_strings_were_promised_are_read_exactly(okx: Any, terminal: Any) -> None:
    body = b'{"code":0,"data":[{"ccy":"BTC","bal":0.100000000000000001,"availBal":0.100000000000000001,"frozenBal":0}]}'
    found = terminal(okx(at("asset/balances", 200, body)))
    assert found.exit_code == 1, found.output
    (balance,) = [one for one in json.loads(found.stdout)["conditions"] if one["code"] == "balances_zero"]
    assert [one["amount"] for one in balance["blockers"]] == ["0.100000000000000001"]


def test_a_product_that_is_not_offered_is_empty_and_closes_nothing(okx: Any, terminal: Any) -> None:
    """404 for a product that may never have been switched on is "nothing there", and only there."""
    found = terminal(okx(at(CHAIN, 404, b'{"code":404,"data":{},"msg":"Not Found"}')))
    assert (found.exit_code, json.loads(found.stdout)["okx"]["failures"]) == (0, {})


def test_a_clock_ninety_seconds_off_is_measured_and_said(okx: Any, terminal: Any) -> None:
    """The server's clock is 90 seconds ahead of this computer's; the report is whole, the difference is said."""

    def ahead(path: str, headers: Mapping[str, str]) -> Said | None:
        now = datetime.now(UTC) + timedelta(seconds=90)
        if path == "public/time":
            return 200, envelope([{"ts": str(int(now.timestamp() * 1000))}])
        signed = (
            datetime.fromisoformat(headers["ok-access-timestamp"]) if "ok-access-sign" in headers else now
        )
        if abs(now - signed) > timedelta(seconds=30):
            return 401, b'{"msg":"Timestamp request expired","code":"50102"}'
        return None

    found = terminal(okx(ahead))
    assert found.exit_code == 0, found.output
    assert "clock: -90.0 s, corrected" in found.stderr


def test_a_server_that_is_not_there(terminal: Any) -> None:
    found = terminal("http://127.0.0.1:9")
    assert found.exit_code == 4
    assert "could not be reached" in found.stderr

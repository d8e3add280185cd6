"""Bad answers, one by one: each is a sentence that says what to do, and nothing is taken for "nothing there"."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from closeout.venues.okx import keys, wire
from closeout.venues.okx.client import Heard
from closeout.venues.okx.endpoints import ENDPOINTS, get, post
from closeout.venues.okx.errors import MEANINGS, Failure, Kind, failure
from closeout.venues.okx.keys import Credentials, KeysMissing
from closeout.venues.okx.pacing import Pace
from closeout.venues.okx.wire import CcxtWire, read

KEY = Credentials("the-key", "the-secret", "the-passphrase")
SAYS = Callable[[str], tuple[int, bytes, dict[str, str]]]


class Quick(Pace):
    """Waits for nothing."""

    def __init__(self) -> None:
        super().__init__(sleep=lambda _: None, clock=iter(range(0, 10**9, 100)).__next__)


@pytest.fixture
def stub() -> Iterator[Callable[[SAYS], tuple[str, list[str]]]]:
    """Start a server that answers as told; returns its address and the paths that were asked."""
    closing: list[ThreadingHTTPServer] = []

    def start(says: SAYS) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append(self.path)
                status, body, headers = says(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        closing.append(server)
        return f"http://127.0.0.1:{server.server_port}", asked

    yield start
    for server in closing:
        server.shutdown()
        server.server_close()


def opened(url: str) -> CcxtWire:
    return CcxtWire(KEY, base_url=url, pace=Quick(), sleep=lambda _: None)


BAD: list[tuple[str, int, bytes, Kind]] = [
    ("HTML", 200, b"<html>maintenance</html>", Kind.SHAPE),
    ("an empty body", 200, b"", Kind.SHAPE),
    ("a cut page", 200, b'{"code":"0","data":[{"a":"1"', Kind.SHAPE),
    ("401 without data", 401, b'{"msg":"Invalid OK-ACCESS-KEY","code":"50111"}', Kind.KEY),
    ("404 with a number", 404, b'{"code":404,"data":{},"msg":"Not Found"}', Kind.ABSENT),
    ("429 that is not JSON", 429, b"slow down", Kind.RETRY),
    ("502 HTML", 502, b"<html>bad gateway</html>", Kind.NETWORK),
    ("no code", 200, b'{"data":[]}', Kind.SHAPE),
    ("data is text", 200, b'{"code":"0","data":"x"}', Kind.SHAPE),
    ("data holds numbers", 200, b'{"code":"0","data":[1]}', Kind.SHAPE),
    ("a list", 200, b"[]", Kind.SHAPE),
    ("an unknown code", 200, b'{"code":"99999","data":[],"msg":"new"}', Kind.OTHER),
    ("success with status 500", 500, b'{"code":"0","data":[]}', Kind.SHAPE),
]


@pytest.mark.parametrize(("what", "status", "body", "kind"), BAD, ids=[case[0] for case in BAD])
def test_every_bad_answer_is_a_sentence(what: str, status: int, body: bytes, kind: Kind) -> None:
    with pytest.raises(Failure) as caught:
        read(Heard(status, body.decode()))
    assert caught.value.kind is kind
    for language in ("en", "zh"):
        assert len(caught.value.sentence(language)) > 8
    assert caught.value.exit_code in (1, 3, 4)


def test_numbers_where_strings_were_promised_stay_exact() -> None:
    rows = read(Heard(200, '{"code":0,"data":[{"bal":0.100000000000000000001,"ts":1769990400000}],"msg":""}'))
    assert rows == [{"bal": "0.100000000000000000001", "ts": "1769990400000"}]


def test_items_that_failed_are_handed_out() -> None:
    body = {"code": "2", "data": [{"sCode": "0"}, {"sCode": "51400", "sMsg": "gone"}], "msg": ""}
    assert len(read(Heard(200, json.dumps(body)))) == 2


DOCUMENTED: dict[tuple[Kind, int], str] = {  # kind and exit code → the codes of OKX that mean it
    (Kind.RETRY, 4): "50001 50011 50013 50026 50040 50061 58102 429",
    (Kind.OUTCOME_UNKNOWN, 4): "50004",
    (Kind.KEY, 3): "50101 50103 50104 50105 50106 50107 50108 50109 50110 50111 50113 50114 50116 50117 50118 50119 "
                   "50120 50030 50035 58227",
    (Kind.CLOCK, 3): "50102 50112 50036",
    (Kind.REGION, 3): "51155 51732 51734 59113 58131 58132 50051 50052 50121 4088",
    (Kind.STATE, 1): "50007 50009 50012 50027 50100 58004 58101 58204 58104 58105 59508 59519 58203 58207 58228",
    (Kind.ABSENT, 4): "404 51010 51620 58002 59260 59262",
    (Kind.OTHER, 4): "50060 50122",
}  # fmt: skip


def test_each_documented_code_has_its_kind_and_its_exit_code() -> None:
    """Issue: each documented error code is mapped to a sentence and an exit code; none is mapped by accident."""
    listed = {code: told for told, codes in DOCUMENTED.items() for code in codes.split()}
    assert listed.keys() == MEANINGS.keys()
    for code, (kind, exit_code) in listed.items():
        failed = failure(code, "detail")
        assert (failed.kind, failed.exit_code) == (kind, exit_code), code
        assert all("{" not in failed.sentence(language) for language in ("en", "zh"))


@pytest.mark.parametrize("code", sorted(MEANINGS))
def test_each_documented_code_has_a_sentence_in_both_languages(code: str) -> None:
    meaning = MEANINGS[code]
    assert meaning.en.isascii()
    assert not meaning.zh.isascii()


def test_a_read_is_tried_again_and_a_write_is_not(stub: Any) -> None:
    """50001 and 429 pass; a write whose answer is lost is unknown, never repeated."""
    answers = iter([(503, b"busy", {}), (429, b'{"msg":"Too Many Requests","code":"50011"}', {})])
    url, asked = stub(lambda _: next(answers, (200, b'{"code":"0","data":[{"x":"1"}],"msg":""}', {})))
    line = opened(url)
    assert line.call(get("account/config")) == [{"x": "1"}]
    assert len(asked) == 3
    line.close()
    url, asked = stub(lambda _: (502, b"<html>", {}))
    line = opened(url)
    with pytest.raises(Failure) as caught:
        line.call(post("asset/transfer"), {"ccy": "USDT"})
    assert (caught.value.kind, len(asked)) == (Kind.OUTCOME_UNKNOWN, 1)
    line.close()


def test_a_redirect_does_not_carry_the_key_away(stub: Any) -> None:
    elsewhere, asked = stub(lambda _: (200, b'{"code":"0","data":[],"msg":""}', {}))
    url, _ = stub(lambda _: (302, b"", {"location": elsewhere + "/api/v5/account/config"}))
    line = opened(url)
    with pytest.raises(Failure):
        line.call(get("account/config"))
    assert asked == []
    line.close()


def test_nothing_secret_in_a_failure(stub: Any) -> None:
    said = {"code": "51000", "data": [], "msg": "bad the-passphrase and the-secret of the-key"}
    url, _ = stub(lambda _: (200, json.dumps(said).encode(), {}))
    line = opened(url)
    with pytest.raises(Failure) as caught:
        line.call(get("account/config"))
    assert not any(part in str(caught.value) for part in ("the-key", "the-secret", "the-passphrase"))
    assert "the-" not in repr(KEY)
    line.close()


def test_the_region_is_found_when_the_key_is_unknown(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """50119 asks the next host; the host that knows the key is used from then on."""
    unknown, _ = stub(lambda _: (401, b'{"msg":"API key doesn\'t exist","code":"50119"}', {}))
    right, _ = stub(lambda _: (200, b'{"code":"0","data":[{"uid":"1"}],"msg":""}', {}))
    monkeypatch.setattr(wire, "HOSTS", (unknown, right))
    line = opened(unknown)
    line._fixed = False
    assert line.find_host() == right == line.host
    line._use(unknown)
    monkeypatch.setattr(wire, "HOSTS", (unknown, unknown))
    with pytest.raises(Failure) as caught:
        line.find_host()
    assert "region" in caught.value.sentence("en")
    line.close()


def test_a_passphrase_travels_only_over_https() -> None:
    with pytest.raises(ValueError, match="https"):
        CcxtWire(KEY, base_url="http://www.okx.com")


def test_keys_come_from_environment_ring_or_prompt_never_elsewhere() -> None:
    found = keys.load({"CLOSEOUT_OKX_KEY": " a "}, ring={"secret": "b"}.get, ask=lambda part: part[0])
    assert (found.key, found.secret, found.passphrase) == ("a", "b", "p")
    with pytest.raises(KeysMissing) as caught:
        keys.load({"CLOSEOUT_OKX_KEY": "a"})
    assert caught.value.missing == ["CLOSEOUT_OKX_SECRET", "CLOSEOUT_OKX_PASSPHRASE"]


def test_calls_are_spaced_as_documented() -> None:
    """Property: no window of any operation ever holds more calls than the documents allow."""
    time = [0.0]
    calls: list[float] = []
    pace = Pace(clock=lambda: time[0], sleep=lambda span: time.__setitem__(0, time[0] + span))
    endpoint = get("account/config")
    for _ in range(23):
        pace.wait(endpoint)
        calls.append(time[0])
    for first in calls:
        assert sum(first <= at < first + endpoint.seconds for at in calls) <= endpoint.calls
    assert calls[-1] < 23 / endpoint.calls * endpoint.seconds * 1.05


def test_the_table_of_operations_is_whole() -> None:
    assert len(ENDPOINTS) > 90
    assert {one.permission for one in ENDPOINTS.values()} == {"-", "R", "T", "W"}

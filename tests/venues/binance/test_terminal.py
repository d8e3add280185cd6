"""R-OPS-6, R-REC-1: ``closeout check|export --venue binance`` from the terminal; no part of the key comes out."""

import json
import traceback
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.venues.binance import recorded
from tests.venues.binance.conftest import KEY, Exchange, NoWeights

from closeout import cli
from closeout.records import export
from closeout.records.tax import events
from closeout.venues.binance.declared import QUESTIONS
from closeout.venues.binance.endpoints import OPERATIONS, budget, operation
from closeout.venues.binance.errors import MEANINGS
from closeout.venues.binance.wire import BinanceWire, Weights

GOOD = [f"--answer={question.code}={question.good}" for question in QUESTIONS]
Terminal = Callable[..., Result]


@pytest.fixture
def terminal(exchange: Exchange, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("CLOSEOUT_LANG", "en")
    monkeypatch.setenv("CLOSEOUT_OKX_URL", "http://127.0.0.1:9")  # must not matter here
    monkeypatch.setattr("closeout.venues.okx.keys.from_keyring", lambda _, **__: None)
    monkeypatch.setattr("closeout.venues.binance.wire.Weights", NoWeights)
    monkeypatch.setattr("closeout.venues.binance.wire.AGAIN_SECONDS", 0.0)
    monkeypatch.setenv("CLOSEOUT_BINANCE_KEY", KEY.key)
    monkeypatch.setenv("CLOSEOUT_BINANCE_SECRET", KEY.secret)

    def run(*words: str, secret: str = KEY.secret) -> Result:
        monkeypatch.setenv("CLOSEOUT_BINANCE_SECRET", secret)
        found = CliRunner().invoke(
            cli.main, ["--debug", *words, "--venue", "binance", "--base-url", exchange.url]
        )
        said = found.output + "".join(traceback.format_exception(found.exception) if found.exception else ())
        assert not any(part in said for part in (KEY.key, KEY.secret))
        assert "Traceback" not in found.output
        return found

    return run


def test_check_as_json_and_as_text(terminal: Terminal) -> None:
    found = terminal("check", "--json", *GOOD)
    assert found.exit_code == 5, found.output  # the wallet of trading bots is not explained
    said = json.loads(found.stdout)
    assert {one["code"]: one["result"] for one in said["conditions"]}["no_positions"] == "blocked"
    assert said["binance"]["schema"] == "closeout.binance/1"
    assert said["binance"]["key"]["permissions"] == ["read_only"]
    text = terminal("check", *GOOD).stdout
    assert "Declared by you, not read from Binance" in text
    assert "OKX" not in text


def test_a_clear_account_ends_with_zero(terminal: Terminal, exchange: Exchange) -> None:
    exchange.answers = recorded.empty() | {"GET /eapi/v1/position": [], "GET /eapi/v1/openOrders": []}
    found = terminal("check", *GOOD)
    assert found.exit_code == 0, found.output
    assert "delete it last" in found.stdout
    assert terminal("check", "--no-input").exit_code == 5


def test_a_key_that_may_trade_is_named(terminal: Terminal, exchange: Exchange) -> None:
    exchange.answers["GET /sapi/v1/account/apiRestrictions"]["enableWithdrawals"] = True
    assert "API Management" in terminal("check", *GOOD).stderr


BAD: list[tuple[int, bytes, int, str]] = [
    (
        401,
        b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}',
        3,
        "refuses this key here",
    ),
    (400, b'{"code":-2014,"msg":"API-key format invalid."}', 3, "does not know this key"),
    (429, b'{"code":-1003,"msg":"Too many requests."}', 4, "too many requests"),
    (418, b"<html>", 4, "too many requests"),
    (451, b"<html>", 3, "does not serve this place"),
    (503, b"<html>", 4, "could not be reached"),
    (200, b"", 4, "does not know"),
    (200, b'{"uid":1', 4, "does not know"),
    (200, b'{"no":"uid"}', 4, "does not know"),
    (400, b'{"code":-9999,"msg":"new"}', 4, "-9999"),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case[0]} {case[3]}")
def test_bad_answers_are_sentences(
    terminal: Terminal, exchange: Exchange, case: tuple[int, bytes, int, str]
) -> None:
    status, body, code, words = case
    exchange.bad["GET /api/v3/account"] = (status, body)
    found = terminal("check", *GOOD)
    assert found.exit_code == code, found.output
    assert words in found.stderr


def test_every_code_has_a_sentence_in_both_languages(terminal: Terminal, exchange: Exchange) -> None:
    assert all(meaning.en.isascii() and not meaning.zh.isascii() for meaning in MEANINGS.values())
    exchange.bad["GET /api/v3/account"] = (
        401,
        b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions."}',
    )
    assert "币安拒绝了此密钥" in terminal("check", "--lang", "zh", *GOOD).stderr


def test_a_wrong_secret_and_a_clock_that_is_off(terminal: Terminal, exchange: Exchange) -> None:
    wrong = terminal("check", *GOOD, secret="another")
    assert (wrong.exit_code, "secret key is wrong" in wrong.stderr) == (3, True)
    exchange.answers = recorded.empty()
    exchange.ahead_ms = 90_000
    found = terminal("check", *GOOD)
    assert "clock: -90.0 s, corrected" in found.stderr


def test_export_sums_or_says_by_how_much_not(terminal: Terminal, tmp_path: Path) -> None:
    target = tmp_path / "binance.zip"
    found = terminal("export", "--to", str(target), "--since", "2026")
    assert found.exit_code == 0, found.output
    assert "Not explained by these records" in found.stdout
    said = export.verify(target)
    assert said["account"] == f"binance:{recorded.UID}"
    with zipfile.ZipFile(target) as archive:
        archive.extract("parquet/ledger.parquet", tmp_path)
        assert "tax/koinly.csv" in archive.namelist()
    told = list(events.from_legs(events.legs(tmp_path / "parquet" / "ledger.parquet", None)))
    sums = {asset: Decimal(total) for asset, total in said["ledger_sums"].items()}
    assert {a: v for a, v in events.balances(told).items() if v} == {a: v for a, v in sums.items() if v}
    kinds = {one.kind for one in told}
    assert {
        events.Kind.TRADE,
        events.Kind.DEPOSIT,
        events.Kind.AIRDROP,
        events.Kind.LOSS,
        events.Kind.FEE,
    } <= kinds
    assert events.Kind.REVIEW_IN not in kinds
    assert sums["ETH"] == Decimal("-0.1")  # sold for BTC, found although only BTC was traded against USDT


def test_weights_are_spent_as_documented() -> None:
    """Property: no minute of any pool ever holds more weight than its budget."""
    time = [0.0]
    spent: list[tuple[float, int]] = []
    weights = Weights(clock=lambda: time[0], sleep=lambda span: time.__setitem__(0, time[0] + span))
    heavy, light = operation("private", "openOrders"), operation("private", "account")
    for number in range(200):
        one = light if number % 3 else heavy
        weights.wait(one)
        spent.append((time[0], one.weight))
    for first, _ in spent:
        assert sum(weight for at, weight in spent if first <= at < first + 60) <= budget(heavy)
    assert time[0] < 240
    assert all(one.weight <= budget(one) for one in OPERATIONS.values())


def test_http_leaves_this_computer_only_encrypted() -> None:
    with pytest.raises(ValueError, match="https"):
        BinanceWire(KEY, base_url="http://api.binance.com")

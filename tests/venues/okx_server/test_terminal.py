"""R-OPS-6: the commands of the terminal against the v5 server; and no part of a key in anything they say."""

import json
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.venues.okx_server.conftest import NoPace, Place

from closeout import cli
from closeout.venues.okx import declared
from closeout.venues.okx_server.keys import Key

GOOD = [f"--answer={question.code}={question.good}" for question in declared.QUESTIONS]


@pytest.fixture
def terminal(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command with a key of a seeded person; fails if its output holds a part of the key."""

    def run(key: Key | None, *args: str) -> Result:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("CLOSEOUT_LANG", "en")
        parts = (key.api_key, key.secret, key.passphrase) if key else ("", "", "")
        for name, part in zip(("KEY", "SECRET", "PASSPHRASE"), parts, strict=True):
            monkeypatch.setenv(f"CLOSEOUT_OKX_{name}", part)
        monkeypatch.setattr("closeout.venues.okx.keys.from_keyring", lambda _: None)
        monkeypatch.setattr("closeout.venues.okx.wire.Pace", NoPace)  # the server here does not count
        found = CliRunner().invoke(cli.main, [*args, "--base-url", place.url])
        said = found.output + "".join(traceback.format_exception(found.exception) if found.exception else ())
        for part in filter(None, parts):
            assert part not in said
        for left in tmp_path.rglob("*"):
            if left.is_file():
                assert not any(part.encode() in left.read_bytes() for part in filter(None, parts)), left
        return found

    return run


def test_check_as_json(place: Place, terminal: Callable[..., Result]) -> None:
    found = terminal(place.key("messy"), "check", "--venue", "okx", "--json", *GOOD)
    assert found.exit_code == 1, found.output
    said = json.loads(found.stdout)
    states = {one["code"]: one["result"] for one in said["conditions"]}
    assert states["no_open_orders"] == "blocked"
    assert said["okx"]["sources"]["balance"] == "complete"
    assert said["okx"]["key"]["permissions"] == ["read_only", "trade", "withdraw"]
    assert "can trade" in found.stderr


def test_unanswered_is_incomplete(place: Place, terminal: Callable[..., Result]) -> None:
    found = terminal(place.key("clean", permissions="read_only"), "okx", "check", "--no-input")
    assert found.exit_code == 5, found.output
    assert "not answered yet" in found.output
    assert "our systems" not in found.output  # with one's own key nothing unread is the operator's fault
    assert found.stdout.count("P2P orders: not answered, or not read in full") == 1
    found = terminal(place.key("clean", permissions="read_only"), "okx", "check", "--lang", "zh", *GOOD)
    assert found.exit_code == 0, found.output
    assert "只剩本次使用的密钥" in found.output


def test_answers_are_remembered(place: Place, terminal: Callable[..., Result], tmp_path: Path) -> None:
    key = place.key("clean", permissions="read_only")
    assert terminal(key, "okx", "check", "--remember", *GOOD).exit_code == 0
    kept = next((tmp_path / "state").rglob("answers-*.json"))
    assert kept.stat().st_mode & 0o077 == 0
    assert "not answered yet" not in terminal(key, "okx", "check", "--no-input").output


def test_clear_shows_first_and_confirms_each_address(place: Place, terminal: Callable[..., Result]) -> None:
    key = place.key("messy")
    way = next(one for one in place.venue.destinations(place.people["messy"]) if one.asset == "SOL")
    to = f"--to=SOL:{way.network}:{way.address}"
    shown = terminal(key, "clear", "--venue", "okx", "--json", "--no-input", to, *GOOD)
    assert shown.exit_code == 0, shown.output
    kinds = {one["kind"] for one in json.loads(shown.stdout)["commands"]}
    assert {"cancel_orders", "gather", "withdraw", "revoke_key"} <= kinds
    only = terminal(
        key, "clear", "--venue", "okx", "--dry-run", "--only", "cancel_orders:100002:700005", *GOOD
    )
    assert only.exit_code == 0, only.output
    assert "Cancel 1 open order" in only.output
    assert "Redeem" not in only.output.partition("What stays")[0]
    for words in (("--dry-run", "--yes"), ("--give", "forfeit:ADA:2")):
        assert terminal(key, "clear", "--venue", "okx", *words, *GOOD).exit_code == 2
    refused = terminal(key, "clear", "--venue", "okx", "--yes", "--no-input", to, *GOOD)
    assert refused.exit_code == 2
    assert "confirm the address" in refused.output
    done = terminal(
        key,
        "clear",
        "--venue",
        "okx",
        "--yes",
        "--no-input",
        to,
        f"--confirm-address={way.address[-6:]}",
        *GOOD,
    )
    assert done.exit_code in (0, 1), done.output
    gone = place.connection.execute(
        "select count(*) from sandbox.movement where account_id = %s and kind = 'withdrawal'",
        (place.people["messy"],),
    ).fetchone()
    assert gone == (1,)


def test_the_contract_is_tried_only_after_a_yes(place: Place, terminal: Callable[..., Result]) -> None:
    """R-OPS-5: the contract runs behind a key; an account that is not empty needs a clear yes, and then all is kept."""
    key = place.key("messy")
    entries = "select count(*) from sandbox.entry where account_id = %s"
    before = place.connection.execute(entries, (place.people["messy"],)).fetchone()
    refused = terminal(key, "venue", "check", "--venue", "okx", "--no-input", "--lang", "zh")
    assert refused.exit_code == 1
    assert "不是空账户（余额" in refused.output
    assert place.connection.execute(entries, (place.people["messy"],)).fetchone() == before
    tried = terminal(key, "venue", "check", "--venue", "okx", "--yes", "--no-input", "--json")
    said = json.loads(tried.stdout)
    states = {one["check"]: one["state"] for one in said["checks"]}
    assert len(tried.stderr.splitlines()) >= len(states)
    assert "broken" not in states.values(), tried.output
    absent = {name for name, state in states.items() if state == "absent"}
    assert absent == {
        "what_is_given_up_is_there",
        "a_full_account_does_not_close",
        "freezing_is_once_and_can_be_undone",
    }


def test_export_goes_on_where_it_stopped(
    place: Place, terminal: Callable[..., Result], tmp_path: Path
) -> None:
    from closeout.records import export

    target = tmp_path / "records.zip"
    first = terminal(place.key("messy"), "okx", "export", f"--to={target}", "--since=2021", *GOOD)
    assert first.exit_code == 5, first.output  # more than twelve quarters: tomorrow
    assert "quarterly files" in first.output
    assert len(list((tmp_path / "state").rglob("20*Q*.csv"))) == 12
    second = terminal(place.key("messy"), "okx", "export", f"--to={target}", "--no-files", *GOOD)
    assert second.exit_code == 0, second.output
    assert "The ledger sums to what is still in the account" in second.output
    assert export.verify(target)["account"] == f"okx:{place.people['messy']}"


@pytest.mark.parametrize(("link", "code"), [
    ("https://www.okx.com/account", 0), ("my.okx.com", 0), ("https://okx.com.login-secure.io", 1),
    ("https://оkx.com", 1), ("https://xn--kx-jlc.com", 1), ("https://www.okx.com@evil.io", 1), ("http://okx.com", 1),
    ("https://0kx.com", 1), ("https://okxx.com", 1), ("https://192.0.2.7/okx.com", 1), ("okx.com.", 1), ("", 1),
])  # fmt: skip
def test_domains(link: str, code: int) -> None:
    found = CliRunner().invoke(cli.main, ["okx", "domains", link, "--json"])
    assert found.exit_code == code, found.output
    said = json.loads(found.stdout)
    assert said["official"] == (code == 0)
    assert all(set(reason) == {"en", "zh"} for reason in said["reasons"])
    assert all(one["source"].startswith("https://") for one in said["domains"])


def test_no_key_names_what_is_missing(terminal: Callable[..., Result]) -> None:
    found = terminal(None, "okx", "check", "--no-input")
    assert found.exit_code == 3
    assert "CLOSEOUT_OKX_PASSPHRASE" in found.output


def test_debug_logs_hold_no_key(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """The client's own debug log would print the request headers."""
    from closeout.venues.okx.endpoints import get

    key: Any = place.key("clean")
    with caplog.at_level(logging.DEBUG):
        place.wire(key).call(get("account/config"))
    assert not any(part in caplog.text for part in (key.api_key, key.secret, key.passphrase))
    assert key.secret not in repr(place.wire(key)._credentials)


def test_steps_and_questions_in_both_languages() -> None:
    for name in ("steps", "questions"):
        for language in ("en", "zh"):
            found = CliRunner().invoke(cli.main, ["okx", name, "--lang", language])
            assert found.exit_code == 0
            assert found.output.isascii() == (language == "en")


def test_steps_carry_the_day_on_which_each_can_be_done() -> None:
    """R-CHK-19: twelve quarterly files a day, products that are paid later, 30 and 90 days after a security change."""
    later = (datetime.now(UTC) + timedelta(days=200)).date()
    changed = later - timedelta(days=90)
    found = CliRunner().invoke(cli.main, ["okx", "steps", "--since", "2021", "--lang", "en",
                                          "--locked-until", f"{later - timedelta(days=5)}",
                                          "--factor-changed", f"{changed}"])  # fmt: skip
    lines = found.output.splitlines()
    assert f"[{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}] Download your records" in lines[0]
    assert any(f"[{later - timedelta(days=5)}] Convert small balances" in line for line in lines)
    assert any(f"[{later}] Close in the app" in line for line in lines)

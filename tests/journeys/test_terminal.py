"""The terminal from self-check to withdrawal, and what it says to mistakes: one sentence, the right exit code."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from closeout.cluster import databases

CLOSEOUT = [sys.executable, "-m", "closeout.cli"]
BLOCKER_KEYS = {"subject", "asset", "amount", "clears_at", "remedy", "who", "reason"}
NOWHERE = "postgresql://a@127.0.0.1:1/b"


@pytest.fixture(scope="module")
def env(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A machine with databases of its own and the seeded people in them."""
    place = tmp_path_factory.mktemp("machine")
    url = databases.with_name(cluster_url, f"terminal{os.getpid()}")
    found = {
        **os.environ, "CLOSEOUT_DATABASE_URL": url, "CLOSEOUT_DATA_DIR": str(place), "CLOSEOUT_LANG": "en",
        "CLOSEOUT_OUTBOX": str(place / "outbox"), "NO_COLOR": "1",
    }  # fmt: skip
    found.pop("CLOSEOUT_KEYRING_URL", None)
    assert run("people", "--json", env=found).returncode == 0
    yield found
    for kind in ("", "_keyring"):  # by name: CLOSEOUT_KEYRING_URL may be that of the tests around this one
        databases.drop(databases.with_name(url, f"terminal{os.getpid()}{kind}"))


def run(*words: str, env: Mapping[str, str], said: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own; no answer may hold a traceback."""
    answer = subprocess.run(
        [*CLOSEOUT, *words], env=dict(env), input=said, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in answer.stderr, answer.stderr
    return answer


def test_at_least_twelve_people_are_seeded_and_told(env: Mapping[str, str]) -> None:
    found = json.loads(run("people", "--json", env=env).stdout)
    assert found["schema"] == "closeout.people/1"
    handles = {person["handle"] for person in found["people"]}
    assert len(handles) >= 12
    assert {"clean", "messy", "waiting", "frozen"} <= handles


def test_check_answers_with_its_contract_and_exit_codes(env: Mapping[str, str]) -> None:
    """R-CHK-17, R-CHK-18, R-CHK-19: the JSON that other work relies on."""
    blocked = run("check", "--account", "messy", "--json", env=env)
    assert blocked.returncode == 1
    found = json.loads(blocked.stdout)
    assert found["schema"] == "closeout.check/1"
    assert found["result"] == "blocked"
    assert found["earliest_closing_at"].endswith("Z")
    for condition in found["conditions"]:
        assert set(condition["title"]) == {"en", "zh"}
        assert condition["result"] in {"clear", "blocked", "unknown"}
        for blocker in condition["blockers"]:
            assert blocker.keys() >= BLOCKER_KEYS
            assert blocker["amount"] is None or re.fullmatch(r"-?\d+(\.\d+)?", blocker["amount"])
    clean = run("check", "--account", "clean", "--json", env=env)
    assert clean.returncode == 0
    assert json.loads(clean.stdout)["result"] == "clear"


def test_a_frozen_person_reads_a_neutral_text(env: Mapping[str, str]) -> None:
    """R-SUP-8, hard case 39: the word of the authority does not reach the holder."""
    answer = run("check", "--account", "frozen", env=env)
    assert answer.returncode == 1
    assert not re.search(r"judicial|court|suspicio|司法|可疑", answer.stdout, re.IGNORECASE)


def test_the_journey_of_a_clean_account_in_the_terminal(env: Mapping[str, str]) -> None:
    """Guide 2, steps 1 to 4 and the change of mind: apply with three codes, status, withdraw."""
    with subprocess.Popen(
        [*CLOSEOUT, "close", "--account", "clean", "--accept-risks", "--records", "decline"],
        env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as applying:  # fmt: skip
        assert applying.stderr is not None
        assert applying.stdin is not None
        for line in applying.stderr:
            if line.startswith("Codes were sent"):
                break
        outbox = Path(env["CLOSEOUT_OUTBOX"])
        mail, sms = (_code(next(outbox.glob(f"code-*.{ending}"))) for ending in ("eml", "txt"))
        totp = run("people", "--authenticator", "clean", env=env).stdout.strip()
        applying.stdin.write(f"{mail}\n{sms}\n{totp}\n")
        applying.stdin.close()
        assert applying.wait() == 0, applying.stderr.read()
    status = json.loads(run("close", "status", "--account", "clean", "--json", env=env).stdout)
    assert status["state"] == "cooling_off"
    again = run("close", "--account", "clean", "--accept-risks", "--records", "decline", env=env)
    assert again.returncode == 1
    assert status["number"] in again.stderr
    withdrawn = run("close", "withdraw", "--account", "clean", "--json", env=env)
    assert json.loads(withdrawn.stdout)["state"] == "withdrawal"
    twice = run("close", "withdraw", "--account", "clean", env=env)
    assert twice.returncode == 1
    assert "already ended" in twice.stderr


def _code(path: Path) -> str:
    found = re.search(r"(?<!\d)\d{8}(?!\d)", path.read_text())
    assert found is not None
    return found.group()


def test_a_blocked_account_is_refused_before_any_code_is_sent(env: Mapping[str, str]) -> None:
    before = len(list(Path(env["CLOSEOUT_OUTBOX"]).glob("*")))
    answer = run("close", "--account", "messy", "--accept-risks", "--records", "decline", env=env)
    assert answer.returncode == 1
    assert "conditions are not met" in answer.stderr
    assert len(list(Path(env["CLOSEOUT_OUTBOX"]).glob("*"))) == before


@pytest.mark.parametrize(
    ("words", "variables", "code", "sentence"),
    [
        (["check", "--account", "nobody"], {}, 1, "There is no such account here"),
        (["check", "--account", "999999999999"], {}, 1, "There is no such account here"),
        (["close", "status", "--account", "dust"], {}, 1, "no open application"),
        (["check", "--account", "clean"], {"CLOSEOUT_DATABASE_URL": NOWHERE}, 4, "cannot be reached"),
        (["check", "--account", "clean"], {"CLOSEOUT_POLICY": "{policy}"}, 2, "unknown key 'cooling_of_days'"),
        (["check"], {}, 2, "--account"),
        (["serve", "--port", "{port}"], {}, 4, "choose another with --port"),
        (["clsoe"], {}, 2, "No such command"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_its_exit_code(  # noqa: PLR0917 - parameters of the table
    env: Mapping[str, str],
    tmp_path: Path,
    words: list[str],
    variables: dict[str, str],
    code: int,
    sentence: str,
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("cooling_of_days = 3\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        names = {"policy": str(policy), "port": str(taken.getsockname()[1])}
        answer = run(
            *(word.format(**names) for word in words),
            env={**env, **{name: value.format(**names) for name, value in variables.items()}},
        )
    assert answer.returncode == code, answer.stderr
    assert sentence in answer.stderr


def test_every_record_in_one_archive_that_anybody_can_check(env: Mapping[str, str], tmp_path: Path) -> None:
    """R-REC-1: from the terminal; a byte that was changed is found."""
    target = tmp_path / "records.zip"
    made = run("export", "--account", "messy", "--to", str(target), env=env)
    assert made.returncode == 0, made.stderr
    checked = run("export", "--verify", str(target), env=env)
    assert (checked.returncode, "genuine and whole" in checked.stdout) == (0, True)
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    assert run("export", "--verify", str(target), env=env).returncode == 1
    assert run("export", "--account", "messy", env=env).returncode == 2


def test_a_clearing_refuses_bad_input_row_by_row_and_moves_nothing(env: Mapping[str, str]) -> None:
    """Issue 4, R-CLR-3, R-CLR-7: each mistake has its code, a sentence in both languages, and no effect."""
    shown = json.loads(run("clear", "--account", "messy", "--dry-run", "--json", env=env).stdout)
    steep = json.loads(run("clear", "--account", "slippage", "--dry-run", "--json", env=env).stdout)
    way = next(one for one in shown["choices"]["destinations"] if one["network"] == "TRC20")
    thing = steep["asking"][0]["things"][0]
    mistakes: list[tuple[str, str, list[str]]] = [
        ("unknown_item", "messy", ["--yes", "--leave-out", "redeem:1:nothing"]),
        ("wrong_network", "messy", ["--yes", "--to", f"USDT:ERC20:{way['address']}"]),
        ("too_precise", "messy", ["--yes", "--give", "forfeit:GHOST:0.1234567890123456789"]),
        ("plan_unknown", "messy", ["--confirm", "0" * 64]),
        ("plan_foreign", "clean", ["--confirm", shown["digest"]]),
        ("beyond_slippage", "slippage", ["--yes", "--only", thing]),
        ("plan_expired", "messy", ["--confirm", shown["digest"]]),
    ]
    moved = "select (select count(*) from sandbox.entry), (select count(*) from sandbox.receipt)"
    with psycopg.connect(env["CLOSEOUT_DATABASE_URL"], autocommit=True) as connection:
        before = connection.execute(moved).fetchone()
        for code, account, words in mistakes:
            if code == "plan_expired":
                connection.execute("update sandbox.clock set instant = instant + interval '31 minutes'")
            answer = run("clear", "--account", account, "--json", *words, env=env)
            assert answer.returncode == 1, (code, answer.stderr)
            said = json.loads(answer.stdout)
            assert said["kind"] == "refused"
            assert [one["code"] for one in said["reasons"]] == [code]
            assert re.search(r"[\u4e00-\u9fff]", said["reasons"][0]["zh"])
            assert f"{said['reasons'][0]['en']} [{code}]" in answer.stderr
            assert connection.execute(moved).fetchone() == before, code

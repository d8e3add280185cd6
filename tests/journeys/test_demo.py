"""The main job as a stranger runs it: ``closeout demo``, killed once in the middle, then run to its end."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closeout.cluster import binaries, databases, places, server, supervisor
from closeout.venues.sandbox import seed

CLOSEOUT = [sys.executable, "-m", "closeout.cli"]
DEMO, KEPT, ALTERED = "closeout_demo", "closeout_proof", "closeout_altered"
STEPS = [
    "ledger_before", "self_check", "one_click", "waiting", "application", "frozen", "change_of_mind", "application",
    "value_arrives", "closed", "proof", "late_value", "erased", "ledger_after",
]  # fmt: skip


def run(*words: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run([*CLOSEOUT, *words], env=dict(env), capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """A server of its own: an open transaction of any other test would delay the sealing of the log."""
    wanted = Path(os.environ["CLOSEOUT_TEST_SCRATCH"]) / "demo"
    cluster = supervisor.Cluster(wanted, durable=False)
    yield cluster.hold()
    cluster.stop(force=True)
    shutil.rmtree(places.settle(wanted).path, ignore_errors=True)


@pytest.fixture(scope="module")
def env(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a machine of one's own: a server, a place for data."""
    place = tmp_path_factory.mktemp("machine")
    return {**os.environ, "CLOSEOUT_DATABASE_URL": cluster_url, "CLOSEOUT_DATA_DIR": str(place)}


def copy(url: str, source: str, target: str) -> None:
    """Copy a database of the server at ``url``; an earlier copy is replaced."""
    with databases.connect(url, autocommit=True) as connection:
        old, new = sql.Identifier(source), sql.Identifier(target)
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(new))
        connection.execute(sql.SQL("create database {} template {}").format(new, old))


@pytest.fixture(scope="module")
def told(env: Mapping[str, str], cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a demonstration that comes after one that was killed with kill -9 while it cleared."""
    out = tmp_path_factory.mktemp("demo") / "demo-output"
    words = ["demo", "--lang", "zh", "--out", str(out)]
    with subprocess.Popen([*CLOSEOUT, *words], env=dict(env), stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        for line in first.stderr:
            if "一键清理" in line:
                break
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    second = run(*words, env=env)
    assert second.returncode == 0, second.stderr
    with zipfile.ZipFile(out / "archive.zip") as archive:
        archive.extractall(out / "archive")
    for ending in ("", "_keyring"):
        copy(cluster_url, DEMO + ending, KEPT + ending)
    return out


def test_the_story_reaches_its_end(told: Path) -> None:
    """R-CHK, R-CLR, R-CLO, R-REC from end to end, after a kill -9."""
    story = json.loads((told / "story.json").read_text())
    assert story["schema"] == "closeout.story/1"
    assert [step["step"] for step in story["steps"]] == STEPS


def test_the_ledger_sums_to_zero_before_and_after(told: Path) -> None:
    steps = {step["step"]: step for step in json.loads((told / "story.json").read_text())["steps"]}
    for name in ("ledger_before", "ledger_after"):
        sums = steps[name]["after"]
        assert len(sums) > 5
        assert set(sums.values()) == {"0"}


def test_the_messy_account_was_blocked_by_nearly_everything(told: Path) -> None:
    """Guide rows R-CHK-1 … R-CHK-16 as one person meets them."""
    steps = {step["step"]: step for step in json.loads((told / "story.json").read_text())["steps"]}
    assert len(steps["self_check"]["after"]["unmet"]) >= 14
    assert steps["waiting"]["after"] == {"result": "clear", "unmet": [], "holdings": {}}


@pytest.mark.parametrize("name", ["certificate.pdf", "certificate.json"])
def test_a_certificate_verifies_offline_and_a_changed_byte_is_found(
    told: Path, env: Mapping[str, str], tmp_path: Path, name: str
) -> None:
    """R-CLO-14: no database, another machine; exit 0, then 1."""
    elsewhere = {
        **env, "CLOSEOUT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "CLOSEOUT_DATA_DIR": str(tmp_path / "empty"),
    }  # fmt: skip
    keys = ["--keys", str(told / "public-keys.json")]
    valid = run("certificate", "verify", str(told / name), *keys, env=elsewhere)
    assert valid.returncode == 0, valid.stderr
    content = bytearray((told / name).read_bytes())
    content[len(content) // 3] ^= 1
    (tmp_path / name).write_bytes(content)
    changed = run("certificate", "verify", str(tmp_path / name), *keys, env=elsewhere)
    assert changed.returncode == 1
    assert "Traceback" not in changed.stderr


def test_poppler_takes_the_signature_for_valid(told: Path) -> None:
    """An independent verifier: pdfsig of poppler-utils."""
    pdfsig = shutil.which("pdfsig")
    if pdfsig is None:
        pytest.skip(
            "LOUD: pdfsig (Debian: poppler-utils) is not installed; the PDF is checked by pyHanko only"
        )
    said = subprocess.run(
        [pdfsig, str(told / "certificate.pdf")], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    assert "Signature is Valid" in said
    assert "Total document signed" in said


def test_nothing_in_the_proof_names_the_person(told: Path) -> None:
    """R-REC-3: the certificate masks the account and holds no name, address or number of the holder."""
    letters = [path.read_text() for path in (told / "outbox").glob("*.eml")]
    addresses = {
        line.split(": ")[1] for text in letters for line in text.splitlines() if line.startswith("To: ")
    }
    assert addresses
    certificate = (told / "certificate.json").read_text()
    assert not [address for address in addresses if address in certificate]


def test_an_unknown_person_is_one_sentence(env: Mapping[str, str], tmp_path: Path) -> None:
    answer = run(
        "demo", "--person", "nobody", "--out", str(tmp_path / "out"), env={**env, "CLOSEOUT_LANG": "en"}
    )
    assert answer.returncode == 1
    assert "There is no such account here" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_folder_with_other_files_is_not_emptied(env: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    answer = run("demo", "--out", str(tmp_path), env=env)
    assert answer.returncode == 2
    assert (tmp_path / "thesis.txt").exists()


def program(name: str) -> str:
    """Return a program of the PostgreSQL that serves the tests."""
    return str(binaries.find() / name)


def test_sha256sum_agrees_with_every_file(told: Path) -> None:
    """R-REC-1: ``sha256sum -c SHA256SUMS`` in the unpacked archive, and no file is left out of it."""
    checker = [shutil.which("sha256sum") or "shasum"]
    options = [] if checker[0].endswith("sha256sum") else ["-a", "256"]
    said = subprocess.run(
        [*checker, *options, "-c", "SHA256SUMS"], cwd=told / "archive", capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    listed = {line.rpartition(": ")[0] for line in said.stdout.splitlines()}
    files = {
        path.relative_to(told / "archive").as_posix()
        for path in (told / "archive").rglob("*")
        if path.is_file()
    }
    assert listed == files - {"SHA256SUMS"}
    assert {"statement.pdf", "csv/ledger.csv", "parquet/trades.parquet", "json/logins.json"} <= listed


def test_the_certificate_names_the_hashes_of_the_archive(told: Path) -> None:
    """R-CLO-14, R-REC-1: what was handed over is what the certificate says, each file and its size."""
    statement = json.loads((told / "certificate.json").read_text())["statement"]
    said = {one["name"]: (one["bytes"], one["sha256"]) for one in statement["files"]}
    found = {
        path.relative_to(told / "archive").as_posix(): (
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in (told / "archive").rglob("*")
        if path.is_file()
    }
    assert said == found
    assert set(dict(statement["ledger_sums"]).values()) <= {"0"}


def test_an_entry_altered_by_the_superuser_is_named(
    told: Path, cluster_url: str, env: Mapping[str, str]
) -> None:
    """R-REC-6: triggers switched off, one row changed with psql; ``audit verify`` names that row."""
    copy(cluster_url, KEPT, ALTERED)
    owner = make_conninfo(databases.with_name(cluster_url, ALTERED), user=server.SUPERUSER)
    words = ["audit", "verify", "--database", ALTERED, "--keys", str(told / "public-keys.json")]
    whole = run(*words, env=env)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    change = (
        "set session_replication_role = replica; "
        "update audit.entry set rec = convert_to(replace(convert_from(rec, 'UTF8'), 'confirm_closed', 'reopen'),"
        " 'UTF8') where event = 'case:confirm_closed' returning number"
    )
    psql = subprocess.run(
        [program("psql"), owner, "-X", "-q", "-t", "-A", "-c", change],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    number = int(psql.stdout.split()[0])
    said = run(*words, env=env)
    assert said.returncode == 1
    assert f"changed {number}:" in said.stdout
    assert "NOT whole" in said.stdout


def test_a_dump_holds_nothing_of_the_erased_person(told: Path, cluster_url: str) -> None:
    """R-REC-3: ``pg_dump | grep`` for name, e-mail, phone, document of the erased person, as text and as bytes."""
    dumps = "".join(
        subprocess.run(
            [program("pg_dump"), databases.with_name(cluster_url, name)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in (KEPT, f"{KEPT}_keyring")
    )
    gone = seed.private_of("messy", "en", 1, datetime(2026, 1, 5))
    assert "confirm_erased" in dumps
    written = "\n".join(path.read_text() for path in (told / "outbox").iterdir())
    assert gone.email in written
    for word in (gone.name, gone.email, gone.phone, gone.phone.replace(" ", ""), gone.document, gone.phrase):
        assert word not in dumps, "something personal is left"
        assert word.encode().hex() not in dumps, "something personal is left in bytes"


def test_every_column_that_looks_personal_has_a_rule(told: Path, env: Mapping[str, str]) -> None:
    """The scan over the demonstration's database, names and contents: nothing without an end."""
    assert told
    said = run("erasure", "suggest", "--database", KEPT, env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "sandbox.login.place: delete" in said.stdout


def test_the_archive_proves_what_the_log_says_of_the_case(told: Path, env: Mapping[str, str]) -> None:
    """R-REC-6: the holder's receipt, checked offline; one changed byte proves nothing."""
    receipt = told / "archive" / "audit-receipt.json"
    keys = ["--keys", str(told / "public-keys.json")]
    said = run(
        "audit",
        "receipt",
        str(receipt),
        *keys,
        env={**env, "CLOSEOUT_DATABASE_URL": "postgresql://127.0.0.1:1/x"},
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "case:submit" in said.stdout
    assert "case:close " in said.stdout
    changed = told / "changed.json"
    changed.write_text(receipt.read_text().replace('"index": ', '"index": 1', 1))
    assert run("audit", "receipt", str(changed), *keys, env=env).returncode == 1

"""What a holder types years later: ``closeout certificate verify FILE``. R-CLO-14, R-REC-6."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from tests.quiet import neighbours_finished

from closeout.commands import records
from closeout.records import audit, certificate, merkle, notes, signing, witness
from closeout.records.statement import Statement

NOW = datetime(2026, 3, 1, 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate in both forms and, in ``keys``, what verifies it."""
    place = tmp_path_factory.mktemp("handed over")
    keys = signing.KeyStore(place / "keys").prepare(NOW)
    said = Statement(
        number="CO-1", venue="Sandbox", account="m····", applied_at=NOW, closed_at=NOW, issued_at=NOW,
        policy_version="1", consent_sha256="ab" * 32,
    )  # fmt: skip
    issued = certificate.issue(said, keys)
    (place / "certificate.pdf").write_bytes(issued.pdf)
    (place / "certificate.json").write_bytes(issued.json)
    return place


def run(*words: object, group: Any = records.certificate) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words])


@pytest.mark.parametrize("name", ["certificate.pdf", "certificate.json"])
def test_a_valid_certificate_exits_0_and_a_changed_one_1(folder: Path, name: str, tmp_path: Path) -> None:
    found = run("verify", folder / name, "--keys", folder / "keys", "--lang", "en")
    assert found.exit_code == 0, found.output
    assert "Valid: certificate CO-1" in found.output
    document = (folder / name).read_bytes()
    place = len(document) // 2
    changed = tmp_path / name
    changed.write_bytes(document[:place] + bytes([document[place] ^ 1]) + document[place + 1 :])
    found = run("verify", changed, "--keys", folder / "keys", "--lang", "zh")
    assert found.exit_code == 1, found.output
    assert "无效" in found.output


def test_json_says_why(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("not a certificate")
    found = run("verify", tmp_path / "x.json", "--keys", folder / "keys", "--json")
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    assert (said["schema"], said["valid"], said["reason"]) == ("closeout.verification/1", False, "malformed")


def test_keys_beside_the_file_are_found(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "certificate.pdf", tmp_path)
    shutil.copy(folder / "keys" / "public" / "public-keys.json", tmp_path)
    assert run("verify", tmp_path / "certificate.pdf").exit_code == 0


def test_the_answer_says_which_keys_it_rests_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forger can put keys beside a file: keys that were named or pinned come first, and others are warned of."""
    forged = signing.KeyStore(tmp_path / "forger").prepare(NOW)
    said = Statement(
        number="CO-1", venue="Sandbox", account="m····", applied_at=NOW, closed_at=NOW, issued_at=NOW,
        policy_version="1", consent_sha256="ab" * 32,
    )  # fmt: skip
    (tmp_path / "certificate.json").write_bytes(certificate.issue(said, forged).json)
    (tmp_path / "public-keys.json").write_text(forged.public().dumps())
    beside = run("verify", tmp_path / "certificate.json", "--lang", "en")
    assert beside.exit_code == 0
    assert "may come from whoever made it" in beside.stderr
    assert forged.public().fingerprint() in beside.stderr
    named = run("verify", tmp_path / "certificate.json", "--keys", folder / "keys", "--lang", "en")
    assert named.exit_code == 1
    assert "(as named), fingerprint" in named.stdout
    monkeypatch.setenv("CLOSEOUT_PUBLIC_KEYS", str(folder / "keys"))
    pinned = run("verify", tmp_path / "certificate.json", "--json")
    assert pinned.exit_code == 1
    told = json.loads(pinned.stdout)["keys"]
    assert (told["source"], told["sha256"]) == (
        "pinned",
        signing.read_public(folder / "keys").fingerprint(),
    )


def test_what_cannot_be_read_is_a_usage_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEOUT_KEYS", str(tmp_path / "none"))  # an installation without keys of its own
    for words in [
        (tmp_path / "missing.pdf", "--keys", folder / "keys"),
        (tmp_path, "--keys", folder / "keys"),
        (folder / "certificate.pdf", "--keys", tmp_path / "nowhere"),
        (folder / "certificate.pdf", "--keys", folder / "certificate.pdf"),
        (folder / "certificate.pdf",),
    ]:
        found = run("verify", *words)
        assert found.exit_code == 2, (words, found.output)
        assert "Error: " in found.output


def test_it_needs_neither_database_nor_network_nor_django(folder: Path) -> None:
    """In a process of its own, with a database address that leads nowhere."""
    code = (
        "import sys; from closeout.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('django', 'psycopg')]\n"
        "sys.exit(code)"
    )
    words = ["certificate", "verify", str(folder / "certificate.pdf"), "--keys", str(folder / "keys")]
    said = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "CLOSEOUT_DATABASE_URL": "postgresql://127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


def test_audit_verify_names_the_row_that_was_altered(
    database: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEOUT_DATABASE_URL", database)
    name, key = signing.KeyStore(folder / "keys").log_key()
    opened = audit.Entry(subject="case:1", event="case:opened", actor="holder", at=NOW)
    with psycopg.connect(database) as connection:
        with connection.transaction(), connection.cursor() as cursor:
            numbers = audit.append(cursor, [opened, opened])
        neighbours_finished(database)
        with connection.transaction(), connection.cursor() as cursor:
            audit.seal(cursor, name=name, key=key, at=NOW)
        found = run("verify", "--keys", folder / "keys", group=records.audit)
        assert found.exit_code == 0, found.output
        connection.execute("alter table audit.entry disable trigger user")
        connection.execute("update audit.entry set rec = rec || ' ' where number = %s", [numbers[1]])
        connection.commit()
    found = run("verify", "--keys", folder / "keys", "--json", group=records.audit)
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    assert [(problem["kind"], problem["number"]) for problem in said["problems"]] == [("changed", numbers[1])]


def test_audit_verify_checks_one_case_by_its_proofs(
    database: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEOUT_DATABASE_URL", database)
    name, key = signing.KeyStore(folder / "keys").log_key()
    with psycopg.connect(database) as connection:
        with connection.transaction(), connection.cursor() as cursor:
            numbers = audit.append(
                cursor,
                [
                    audit.Entry(subject=f"case:{n % 3}", event="case:opened", actor="x", at=NOW)
                    for n in range(9)
                ],
            )
        neighbours_finished(database)
        with connection.transaction(), connection.cursor() as cursor:
            audit.seal(cursor, name=name, key=key, at=NOW)
        connection.execute("alter table audit.entry disable trigger user")
        connection.execute("update audit.entry set rec = rec || ' ' where number = %s", [numbers[4]])
        connection.commit()
    words = ("verify", "--keys", folder / "keys", "--json", "--case")
    found = run(*words, "case:0", group=records.audit)
    assert (found.exit_code, json.loads(found.stdout)["entries"]) == (0, 3)
    found = run(*words, "case:1", group=records.audit)
    assert found.exit_code == 1
    assert [problem["number"] for problem in json.loads(found.stdout)["problems"]] == [numbers[4]]


def test_a_witness_signs_what_continues_and_refuses_the_rest(folder: Path, tmp_path: Path) -> None:
    name, key = signing.KeyStore(folder / "keys").log_key()
    verifier = notes.public_text(name, key.public_key().public_bytes_raw())
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(5)]
    for size in (3, 5):
        head = notes.Checkpoint(name, size, merkle.root(leaves[:size]))
        (tmp_path / f"{size}").write_text(notes.sign(head.text(), name, key))
    words = ("--log", verifier, "--memory", tmp_path / "memory")
    first = run(tmp_path / "3", *words, group=records.witness)
    assert first.exit_code == 0, first.output
    line = first.stdout
    public = first.stderr.strip().rpartition(" ")[2]
    assert witness.check((tmp_path / "3").read_text() + line, public)
    path = merkle.consistency_path(merkle.nodes_over(leaves), 3, 5)
    proof = [part for one in path for part in ("--proof", base64.b64encode(one).decode())]
    assert run(tmp_path / "5", *words, "--old", 3, group=records.witness).exit_code == 1
    assert run(tmp_path / "5", *words, "--old", 3, *proof, group=records.witness).exit_code == 0
    assert run(tmp_path / "5", "--log", "x", "--memory", tmp_path, group=records.witness).exit_code == 2


def test_scan_finds_words_that_no_shell_keeps(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEOUT_DATABASE_URL", database)
    with psycopg.connect(database) as connection:
        connection.execute("create table escaped as select 'mail to Wilhelmina Trace' as body")
    for words, code, said in [
        ("Wilhelmina Trace\n", 1, "public.escaped.body: 1"),
        ("Nobody At All\n", 0, "Nothing"),
    ]:
        found = CliRunner().invoke(records.erasure, ["scan", "-"], input=words)
        assert (found.exit_code, said in found.output) == (code, True), found.output
    assert CliRunner().invoke(records.erasure, ["scan", "-"], input="ab\n").exit_code == 2

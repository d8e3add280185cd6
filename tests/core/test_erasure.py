"""Erasure: across systems, after a restore, and nothing left of the person anywhere. R-REC-3, R-REC-5."""

from __future__ import annotations

import hmac
import json
import os
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeout.cluster import places
from closeout.records import erasure, keys, traces, vault
from closeout.records.erasure import Answer, Receipt, Step

NOW = datetime(2026, 3, 1, 12)
SUBJECT = "sandbox:7"


class Fake:
    """A system that fails as told, then erases; it counts what it did per key."""

    def __init__(self, name: str, *failures: Exception) -> None:
        self.name = name
        self._failures = list(failures)
        self.erased: dict[str, int] = {}

    def erase(self, subject: str, key: str, at: datetime) -> Receipt:
        """Fail while failures are left, then erase."""
        if self._failures:
            raise self._failures.pop(0)
        self.erased[key] = self.erased.get(key, 0) + 1
        return Receipt(self.name, subject, key, at, "d")


def run(steps: list[Step], systems: list[Fake], now: datetime) -> list[Step]:
    return erasure.advance(SUBJECT, steps, {system.name: system for system in systems}, now)


def test_one_stuck_system_never_blocks_the_others() -> None:
    systems = [
        Fake("crm", erasure.Stuck("unknown subject")),
        Fake("mail"),
        Fake("warehouse", erasure.NotYet("timeout")),
    ]
    steps = run([Step(system.name) for system in systems], systems, NOW)
    assert [(step.system, step.receipt is not None, step.stuck) for step in steps] == [
        ("crm", False, True), ("mail", True, False), ("warehouse", False, False),
    ]  # fmt: skip
    assert not erasure.done(steps)
    assert run(steps, systems, NOW) == steps, "nothing is due"
    later = run(steps, systems, NOW + timedelta(minutes=1))
    assert later[2].receipt is not None
    assert later[1].receipt == steps[1].receipt
    assert systems[1].erased == {erasure.key_of(SUBJECT, "mail"): 1}, "a receipt is never asked for again"


@given(st.integers(1, 10_000))
def test_waits_double_up_to_six_hours(tries: int) -> None:
    assert timedelta(minutes=1) <= erasure.wait_after(tries) <= timedelta(hours=6)
    assert erasure.wait_after(tries) <= erasure.wait_after(tries + 1)
    assert erasure.wait_after(1) == timedelta(minutes=1)
    assert erasure.wait_after(4) == timedelta(minutes=8)


def http(*answers: Answer) -> tuple[erasure.HttpSystem, list[tuple[str, Mapping[str, str], bytes]]]:
    asked: list[tuple[str, Mapping[str, str], bytes]] = []
    waiting = list(answers)

    def post(address: str, headers: Mapping[str, str], body: bytes) -> Answer:
        asked.append((address, headers, body))
        return waiting.pop(0)

    return erasure.HttpSystem("crm", "https://crm.example/erase", b"secret", post), asked


def receipt_body(key: str, subject: str = SUBJECT) -> bytes:
    return json.dumps({"subject": subject, "key": key, "erased_at": "2026-03-01T12:00:00Z"}).encode()


def test_an_http_system_is_asked_with_signature_and_key_and_polled_with_the_same() -> None:
    key = erasure.key_of(SUBJECT, "crm")
    system, asked = http(Answer(202, b""), Answer(200, receipt_body(key)))
    with pytest.raises(erasure.NotYet):
        system.erase(SUBJECT, key, NOW)
    receipt = system.erase(SUBJECT, key, NOW)
    assert (receipt.system, receipt.key, receipt.at) == ("crm", key, NOW)
    assert asked[0] == asked[1]
    _, headers, body = asked[0]
    said = f"{key}.{headers['webhook-timestamp']}.".encode() + body
    mark = b64encode(hmac.digest(b"secret", said, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{mark}"
    assert headers["idempotency-key"] == key


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_system_is_asked_again(status: int) -> None:
    system, _ = http(Answer(status, b""))
    with pytest.raises(erasure.NotYet):
        system.erase(SUBJECT, "k", NOW)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, b""), Answer(404, b""), Answer(200, b""), Answer(200, b"[]"), Answer(200, b'{"subject": 1}'),
        Answer(200, receipt_body("other")), Answer(200, receipt_body("k", "somebody:else")),
        Answer(200, receipt_body("k").replace(b"2026", b"soon")),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_receipt_needs_a_person(answer: Answer) -> None:
    system, _ = http(answer)
    with pytest.raises(erasure.Stuck):
        system.erase(SUBJECT, "k", NOW)


@pytest.fixture
def both(
    database: str, keyring_database: str, tmp_path: Path
) -> Iterator[tuple[psycopg.Connection[Any], vault.Vault]]:
    with (
        psycopg.connect(database, autocommit=True) as main,
        psycopg.connect(keyring_database, autocommit=True) as ring,
    ):
        main.execute("create table note (subject text, words text)")
        yield main, vault.Vault.over(ring, keys.FileKeys(tmp_path / "kek"))


def forget(cursor: psycopg.Cursor[Any], subjects: Any) -> None:
    cursor.execute("delete from note where subject = any(%s)", (list(subjects),))


def test_a_restored_backup_refuses_to_serve_until_it_has_forgotten_again(
    both: tuple[psycopg.Connection[Any], vault.Vault],
) -> None:
    """Hard case: the backup of yesterday still knows the person who was erased today."""
    main, mine = both
    people = [f"p:{number}" for number in range(5)]
    main.cursor().executemany("insert into note values (%s, 'x')", [(person,) for person in people])
    yesterday = mine.destroy_all(people[:1], "operational", NOW)
    with main.transaction(), main.cursor() as cursor:
        forget(cursor, people[:1])
        erasure.mark_applied(cursor, yesterday, NOW)
    erasure.guard(main, mine)
    backup = main.execute("select subject from note").fetchall()
    mine.destroy_all(people[1:3], "operational", NOW)
    assert len(backup) == 4, "the restored data still hold two erased people"
    with pytest.raises(erasure.Behind, match="erasure reapply") as refused:
        erasure.guard(main, mine)
    assert refused.value.count == 2
    assert [one.subject for one in erasure.reapply(main, mine, forget, NOW)] == people[1:3]
    erasure.guard(main, mine)
    assert main.execute("select array_agg(subject order by subject) from note").fetchone() == (people[3:],)
    assert erasure.reapply(main, mine, forget, NOW) == []


CANARIES = ["Zebulon Quixotequist", "zebulon.quixote@canary.example", "+15550100777"]


def test_no_copy_of_a_sealed_person_is_readable_anywhere(
    both: tuple[psycopg.Connection[Any], vault.Vault], database: str, tmp_path: Path
) -> None:
    """The search finds a plain canary in data files and log segments; of the sealed person it finds nothing."""
    main, mine = both
    main.execute("create table person (subject text, name bytea, email bytea, phone bytea, found_by bytea)")
    sealed = [mine.seal(SUBJECT, "operational", one.encode(), context="person") for one in CANARIES]
    index = mine.tombstone(CANARIES[1], field="email")
    main.execute("insert into person values (%s, %s, %s, %s, %s)", [SUBJECT, *sealed, index])
    main.execute("insert into note values (%s, 'plain Hieronymus Canarybird')", [SUBJECT])
    mine.destroy(SUBJECT, "operational", NOW)
    forget(main.cursor(), [SUBJECT])
    main.execute("vacuum note")
    pgdata = places.settle(Path(os.environ["CLOSEOUT_TEST_SCRATCH"]) / "pg").pgdata
    assert traces.in_files([pgdata], ["Hieronymus Canarybird"]), (
        "a plain DELETE leaves copies: the search works"
    )
    assert traces.in_files([pgdata, tmp_path], CANARIES) == []
    assert traces.in_tables(main, CANARIES) == []
    dump = (
        subprocess.run(["pg_dump", database], capture_output=True, check=False).stdout
        if _has("pg_dump")
        else b""
    )
    assert not any(one.encode() in dump for one in CANARIES)


def _has(program: str) -> bool:
    return any((Path(folder) / program).exists() for folder in os.environ["PATH"].split(os.pathsep))


PLAIN = ["Ottoline Vandersloot", "ottoline@plain.example", "+15550100888"]


def test_the_sweep_finds_a_person_in_any_kind_of_column(
    both: tuple[psycopg.Connection[Any], vault.Vault],
) -> None:
    main, _ = both
    main.execute("create table forgotten (a jsonb, b bytea, c text[], d varchar)")
    main.execute(
        "insert into forgotten values (%s, %s, %s, %s)",
        [json.dumps({"to": [PLAIN[1]]}), f"x{PLAIN[0]}".encode(), [PLAIN[2]], f"<{PLAIN[1]}>"],
    )
    found = {trace.place for trace in traces.in_tables(main, PLAIN)}
    assert found == {f"public.forgotten.{column}" for column in "abcd"}


def test_a_word_at_the_border_of_two_pieces_is_found(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"." * (traces.CHUNK - 3) + b"canary" + b".")
    assert [trace.count for trace in traces.in_files([tmp_path], ["canary"])] == [1]


def test_a_folder_that_vanishes_is_skipped_and_one_that_cannot_be_read_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other databases of a server come and go while it is searched."""
    for name in ("0", "gone/1", "kept/2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("canary")
    real = traces._pieces

    def pieces(path: Path, overlap: int) -> Iterator[bytes]:
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        return real(path, overlap)

    monkeypatch.setattr(traces, "_pieces", pieces)
    found = [Path(trace.place).name for trace in traces.in_files([tmp_path], ["canary"])]
    assert found == ["0", "2"]
    with pytest.raises(PermissionError):
        traces._unless_vanished(PermissionError("closed"))


def test_a_word_that_says_nothing_is_refused(both: tuple[psycopg.Connection[Any], vault.Vault]) -> None:
    with pytest.raises(ValueError, match="at least"):
        traces.in_tables(both[0], ["Li"])


def test_columns_that_look_personal_are_suggested(both: tuple[psycopg.Connection[Any], vault.Vault]) -> None:
    main, _ = both
    main.execute(
        "create table looks (id int, last_name text, email_address text, email_sealed bytea, total text)"
    )
    found = [place for place in traces.suggestions(main) if place.startswith("public.looks")]
    assert found == ["public.looks.last_name", "public.looks.email_address"]

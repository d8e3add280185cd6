"""Real archives of a real case: asked for, sealed, read, kept by law, and gone when their dates come.

R-REC-1, R-REC-3, R-REC-4, R-CLO-8; hard case 42.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import connection
from tests.cases.exchange import Exchange
from tests.cases.people import seeded
from tests.cases.test_holds import signed_in

from closeout.cases import documents, erasures, keeping, retained, start, upkeep, vaults, worker
from closeout.cases.models import Case, Document, EffectRow
from closeout.commands.retention import retention as retention_command
from closeout.reasons import Refused
from closeout.records import retention
from closeout.records.vault import KeyDestroyed


def closed(exchange: Exchange) -> Case:
    (case,) = exchange.cooling(exchange.accounts[0])
    for _ in range(4):
        exchange.work(days=2)
    case = exchange.again(case)
    assert case.state == "observation"
    return case


def items(case: Case) -> dict[str, retention.Item]:
    connection.ensure_connection()
    assert connection.connection is not None
    return retention.find(connection.connection, vaults.subject_of(case.venue, case.account_id))


def files() -> list[str]:
    return sorted(path.name for path in vaults.archives().iterdir())


def test_what_the_law_keeps_outlives_what_is_erased(real: Exchange) -> None:
    """After the observation the archive is gone, its file too; identity and transactions end at their own date."""
    case = closed(real)
    archive = documents.of(case, documents.ARCHIVE)
    content = documents.read(archive)
    assert hashlib.sha256(content).hexdigest() == archive.sha256
    assert set(items(case)) == {"identity", "transactions"}
    real.work(days=181)
    assert real.again(case).state == "erased"
    assert documents.of(case, documents.ARCHIVE).path == ""
    with pytest.raises(KeyDestroyed):
        vaults.vault().seal(vaults.subject_of(case.venue, case.account_id), "operational", b"again")
    statements = b"".join(retained.statements(case, now=real.now))
    with zipfile.ZipFile(io.BytesIO(statements)) as kept:
        names = set(kept.namelist())
    assert {"statement.pdf", "csv/ledger.csv", "csv/trades.csv", "manifest.json"} <= names
    assert not {name for name in names if "logins" in name or "messages" in name or "identity" in name}
    until = items(case)["transactions"].until
    assert until == case.closed_at.replace(tzinfo=None, year=case.closed_at.year + 5)


def test_statements_are_readable_for_two_tax_seasons(real: Exchange) -> None:
    case = closed(real)
    assert case.closed_at is not None
    end = datetime(case.closed_at.year + 3, 1, 1, tzinfo=case.closed_at.tzinfo)
    assert b"".join(retained.statements(case, now=end - timedelta(seconds=1)))
    with pytest.raises(Refused) as no:
        retained.statements(case, now=end)
    assert no.value.reasons[0].code == "no_document"


def test_what_is_kept_ends_by_itself_and_a_hold_stops_that(real: Exchange) -> None:
    """R-SUP-8: under a hold nothing is erased; released, the date has passed and it is."""
    case = closed(real)
    real.work(days=181)
    hold = real.hold(case.account_id)
    later = real.now + timedelta(days=5 * 366)
    assert retained.end_due(now=later) == 0
    real.release(hold)
    real.later(days=5 * 366)
    assert retained.end_due(now=real.now) == 2
    assert retained.end_due(now=real.now) == 0
    assert {item.erased_at is None for item in items(case).values()} == {False}
    assert not [name for name in files() if name.endswith(".kept")]
    erasures.demand_seen()
    with pytest.raises(Refused):
        retained.statements(case, now=case.closed_at or later)


def test_an_end_that_a_worker_died_in_is_no_backup(real: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    case = closed(real)
    real.work(days=181)
    real.later(days=5 * 366)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(retained.erasure, "mark_applied", dies)
        with pytest.raises(KeyboardInterrupt):
            retained.end_due(now=real.now)
    erasures.demand_seen()
    assert retained.end_due(now=real.now) == 2
    assert items(case)["identity"].erased_at is not None


def test_two_people_put_the_date_of_one_case_off(real: Exchange) -> None:
    case = closed(real)
    real.work(days=181)
    until = items(case)["identity"].until.replace(tzinfo=real.now.tzinfo) + timedelta(days=365)
    number = retained.ask_extension(
        case, "identity", until=until, reason="court_order", by="agent:1", now=real.now
    )
    with pytest.raises(retention.NotExtended, match="one_person"):
        retained.agree_extension(number, by="agent:1", now=real.now)
    retained.agree_extension(number, by="agent:2", now=real.now)
    real.later(days=5 * 366)
    assert retained.end_due(now=real.now) == 1
    assert items(case)["identity"].erased_at is None


def test_an_archive_is_built_by_the_worker_and_its_progress_shows(
    real: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = real.open(real.accounts[1])
    documents.ask_archive(case, now=real.now)
    documents.ask_archive(case, now=real.now)
    assert EffectRow.objects.filter(case=case, kind="records.build").count() == 1
    assert documents.preparing(case) == {"kinds": 0, "of": 17, "rows": 0}
    seen = []
    note = documents.note_progress

    def noting(effect: int, **done: int) -> None:
        note(effect, **done)
        seen.append(documents.preparing(case))

    monkeypatch.setattr(documents, "note_progress", noting)
    worker.run_until_idle(now=real.now)
    assert [one["kinds"] for one in seen if one] == list(range(1, 18))
    assert documents.preparing(case) is None
    assert documents.read(documents.of(case, documents.ARCHIVE))
    assert [name for name in files() if name.startswith(".")] == []


def test_a_full_disk_leaves_the_earlier_archive(real: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad input: a disk that fills up while the archive is sealed; nothing half written, nothing lost, tried again."""
    case = real.open(real.accounts[1])
    earlier = documents.build_archive(case, now=real.now)
    before = documents.read(earlier)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    real.later(days=1)
    with monkeypatch.context() as broken:
        broken.setattr(documents.sealed_files, "_write", full)
        documents.ask_archive(case, now=real.now)
        worker.run_until_idle(now=real.now)
        effect = EffectRow.objects.get(case=case, kind="records.build")
        assert (effect.state, effect.fault) == ("ready", "disk")
    assert documents.read(documents.of(case, documents.ARCHIVE)) == before
    assert files() == [earlier.path]
    real.work(minutes=20)
    assert documents.of(case, documents.ARCHIVE).created_at > earlier.created_at


def test_files_that_nothing_names_are_swept(real: Exchange) -> None:
    case = real.open(real.accounts[1])
    document = documents.build_archive(case, now=real.now)
    folder = vaults.archives()
    day = 2 * documents.DAY_SECONDS
    for name in ("old.sealed", "young.sealed", document.path):
        (folder / name).touch()
        if name != "young.sealed":
            stamp = (folder / name).stat().st_mtime - day
            os.utime(folder / name, (stamp, stamp))
    scraps = folder / ".CL-1.work"
    scraps.mkdir()
    (scraps / "logins.csv").write_text("device")
    os.utime(scraps, (stamp, stamp))
    duties = {"files": upkeep.DUTIES["files"]}
    upkeep.turn(now=real.now, present=real.now, duties=duties)
    assert files() == sorted([document.path, "young.sealed"])


def test_a_download_is_written_down_first(real: Exchange) -> None:
    case = real.open(real.accounts[1])
    document = documents.build_archive(case, now=real.now)
    documents.note_download(document, actor="holder", way="portal", now=real.now)
    with connection.cursor() as cursor:
        cursor.execute("select convert_from(rec, 'UTF8') from audit.entry where event = 'archive:download'")
        (entry,) = cursor.fetchone()
    assert document.sha256 in entry
    assert Document.objects.filter(case=case).count() == 1


def test_a_folder_of_archives_is_made(real: Exchange, tmp_path: Path) -> None:
    assert not vaults.archives().exists()
    case = real.open(real.accounts[1])
    documents.build_archive(case, now=real.now)
    assert vaults.archives().stat().st_mode & 0o077 == 0


def test_compliance_keeps_longer_in_the_console_with_two_people(real: Exchange) -> None:
    """R-REC-4: one asks, another agrees; nobody else may, nobody twice, not the past, not beyond five years."""
    case = closed(real)
    real.work(days=181)
    people = seeded()

    first, second = signed_in(people, "compliance-1"), signed_in(people, "compliance-2")
    until = items(case)["identity"].until
    said = {
        "category": "identity",
        "reason": "court_order",
        "until": f"{until + timedelta(days=365):%Y-%m-%d}",
    }
    address = f"/console/cases/{case.number}"
    for changed in (
        {"until": f"{until:%Y-%m-%d}"},
        {"reason": "because"},
        {"until": ""},
        {"category": "archive"},
    ):
        assert first.post(f"{address}/extensions", said | changed).status_code == 409
    assert signed_in(people, "support-1").post(f"{address}/extensions", said).status_code in (403, 409)
    assert first.post(f"{address}/extensions", said).status_code == 302
    (asked,) = retained.asked(case)
    assert 'name="extension"' not in first.get(address).content.decode()
    assert 'name="extension"' in second.get(address).content.decode()
    for who in (first, signed_in(people, "support-1"), signed_in(people, "auditor-1")):
        assert who.post(f"{address}/extended", {"extension": asked.number}).status_code in (403, 409)
    assert items(case)["identity"].until == until
    assert second.post(f"{address}/extended", {"extension": asked.number}).status_code == 302
    assert f"{items(case)['identity'].until:%Y-%m-%d}" == said["until"]
    assert second.post(f"{address}/extended", {"extension": asked.number}).status_code == 409
    far = keeping.ask(
        people.by_name["compliance-1"], case, "transactions", until=(until + timedelta(days=6 * 366)).date(),
        reason="court_order", now=real.now,
    )  # fmt: skip
    with pytest.raises(Refused) as no:
        keeping.agree(people.by_name["compliance-2"], case, far, now=real.now)
    assert no.value.reasons[0].code == "extension_too_long"


def test_the_terminal_keeps_longer_with_two_people(real: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    case = closed(real)
    seeded()
    monkeypatch.setattr(start, "begin", lambda: "")

    def run(*words: str) -> str:
        said = CliRunner().invoke(retention_command, [*words, "--lang", "en"])
        return said.output if said.exit_code == 0 else str(said.exception)

    day = f"{items(case)['identity'].until + timedelta(days=30):%Y-%m-%d}"
    asking = ["ask", case.number, "identity", "--until", day, "--reason", "open_dispute", "--by"]
    assert "no_right" in run(*asking, "support-1")
    assert "agree" in run(*asking, "compliance-1")
    (asked,) = retained.asked(case)
    assert f"request {asked.number}: until {day}, open_dispute" in run("show", case.number)
    assert "four_eyes" in run("agree", str(asked.number), "--by", "compliance-1")
    assert run("agree", str(asked.number), "--by", "compliance-2") == f"identity is kept until {day}.\n"

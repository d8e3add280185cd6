"""The archive: every record, exact and harmless in a spreadsheet, whole or not there. R-REC-1."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeout.cluster.columns import copied
from closeout.records import export, signing, tables

NOW = datetime(2026, 3, 1, 12)
D = Decimal
ROWS: dict[str, list[dict[str, Any]]] = {
    "trades": [
        {"at": NOW, "pair": "BTC", "amount": Decimal("0.000000000000000001"), "note": "=cmd|' /C calc'!A0"},
        {"at": NOW, "pair": "BTC", "amount": Decimal("-12.5"), "note": '买入\n第二行, "引号"'},
    ],
    "ledger": [
        {"asset": "BTC", "amount": Decimal("0.1")},
        {"asset": "BTC", "amount": Decimal("-0.1")},
        {"asset": "USDT", "amount": Decimal("100.000000000000000001")},
        {"asset": "USDT", "amount": Decimal("-100.000000000000000001")},
    ],
    "logins": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> signing.KeyStore:
    return signing.KeyStore(tmp_path_factory.mktemp("keys") / "signing").prepare(NOW)


def build(target: Path, keys: signing.KeyStore, **words: Any) -> export.Archive:
    records = words.pop("records", ROWS.__getitem__)
    return export.build(records, tuple(ROWS), target, account="m····", made_at=NOW, keys=keys, **words)


@pytest.fixture
def archive(tmp_path: Path, keys: signing.KeyStore) -> export.Archive:
    return build(tmp_path / "archive.zip", keys)


def test_it_holds_each_kind_in_three_forms(archive: export.Archive) -> None:
    names = {file.name for file in archive.files}
    for kind in ROWS:
        assert {f"csv/{kind}.csv", f"json/{kind}.json", f"parquet/{kind}.parquet"} <= names
    assert {"manifest.json", "manifest.sig.json", "public-keys.json", "SHA256SUMS"} <= names
    assert archive.rows == {"trades": 2, "ledger": 4, "logins": 0}


def test_sha256sum_agrees(archive: export.Archive, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(archive.path) as opened:
        opened.extractall(folder)
    said = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout
    listed = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert listed == {file.name for file in archive.files} - {"SHA256SUMS"}
    assert hashlib.sha256(archive.path.read_bytes()).hexdigest() == archive.sha256


def test_the_ledger_sums_to_zero_and_says_so(archive: export.Archive, keys: signing.KeyStore) -> None:
    assert archive.ledger_sums == (("BTC", "0"), ("USDT", "0"))
    manifest = export.verify(archive.path, keys.public())
    assert manifest["ledger_sums"] == {"BTC": "0", "USDT": "0"}
    assert {entry["name"]: entry.get("rows") for entry in manifest["files"]}["csv/trades.csv"] == 2


def test_no_formula_reaches_a_spreadsheet(archive: export.Archive, tmp_path: Path) -> None:
    """OWASP: a cell that begins with = + - @ or a control character can be run."""
    with zipfile.ZipFile(archive.path) as opened:
        text = opened.read("csv/trades.csv").decode()
    assert "'=cmd" in text
    assert "-12.5" in text
    assert "'-12.5" not in text, "a number is no formula and stays a number"
    file = tmp_path / "trades.csv"
    file.write_text(text, newline="")
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    assert pyarrow.csv.read_csv(file, parse_options=options).num_rows == 2, (
        "another reader agrees on the rows"
    )


def test_the_same_records_give_the_same_bytes(tmp_path: Path, keys: signing.KeyStore) -> None:
    one, two = build(tmp_path / "a.zip", keys), build(tmp_path / "b.zip", keys)
    assert one.sha256 == two.sha256


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_killed_build_leaves_nothing_and_goes_on(tmp_path: Path, keys: signing.KeyStore) -> None:
    """Hard case: killed in the middle of a kind, and between kinds; the result is the same to the byte."""
    whole = build(tmp_path / "whole.zip", keys)
    target, asked = tmp_path / "archive.zip", list[str]()

    def dies(kind: str) -> Iterator[Mapping[str, Any]]:
        asked.append(kind)
        if kind == "ledger":
            yield ROWS["ledger"][0]
            raise Killed
        yield from ROWS[kind]

    with pytest.raises(Killed):
        build(target, keys, records=dies)
    assert not target.exists()
    before = list(asked)
    resumed = build(target, keys, records=lambda kind: asked.append(kind) or ROWS[kind])
    assert before == ["trades", "ledger"]
    assert asked[2:] == ["ledger", "logins"], "what was finished is not read again"
    assert resumed.sha256 == whole.sha256
    assert [path.name for path in tmp_path.iterdir() if "archive" in path.name] == ["archive.zip"]


CHILD = """
import os, signal, sys
from pathlib import Path
from tests.core import test_export as t

def tell(kind, rows):
    if kind == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

t.build(Path(sys.argv[1]), t.signing.KeyStore(Path(sys.argv[2])).prepare(t.NOW), progress=tell)
"""


@pytest.mark.parametrize("point", ["trades", "logins"])
def test_a_build_that_was_killed_with_kill_9_gives_the_same_bytes(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, point: str
) -> None:
    """The issue: kill -9 at each step of an export; another process goes on, and the bytes are the same."""
    place = tmp_path_factory.mktemp("signing")
    mine = signing.KeyStore(place).prepare(NOW)
    whole = build(tmp_path / "whole.zip", mine)
    target = tmp_path / "archive.zip"
    words = [sys.executable, "-c", CHILD, str(target), str(place), point]
    died = subprocess.run(words, capture_output=True, check=False, cwd=Path(__file__).parents[2])
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert not target.exists()
    resumed = build(target, mine)
    assert resumed.sha256 == whole.sha256
    assert [path.name for path in tmp_path.iterdir() if "archive" in path.name] == ["archive.zip"]


def test_parts_of_another_build_are_not_mixed_in(tmp_path: Path, keys: signing.KeyStore) -> None:
    target = tmp_path / "archive.zip"

    def dies(kind: str) -> list[dict[str, Any]]:
        if kind == "ledger":
            raise Killed
        return [{"stale": True}]

    with pytest.raises(Killed):
        export.build(dies, tuple(ROWS), target, account="other", made_at=NOW, keys=keys)
    assert build(target, keys).rows["trades"] == 2


def test_a_full_disk_leaves_no_archive(
    tmp_path: Path, keys: signing.KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "copyfileobj", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        build(tmp_path / "archive.zip", keys)
    assert not (tmp_path / "archive.zip").exists()


def test_an_altered_archive_is_named(archive: export.Archive, keys: signing.KeyStore, tmp_path: Path) -> None:
    def rewritten(change: dict[str, bytes | None]) -> Path:
        target = tmp_path / "altered.zip"
        with zipfile.ZipFile(archive.path) as old, zipfile.ZipFile(target, "w") as new:
            for name in old.namelist():
                content = change.get(name, old.read(name))
                if content is not None:
                    new.writestr(name, content)
            for name in change.keys() - set(old.namelist()):
                new.writestr(name, change[name] or b"")
        return target

    with zipfile.ZipFile(archive.path) as opened:
        manifest = opened.read("manifest.json")
    for change, named in [
        ({"csv/trades.csv": b"at\n"}, r"csv/trades\.csv is not what was signed"),
        ({"json/ledger.json": None}, r"json/ledger\.json is missing"),
        ({"more.csv": b""}, r"more\.csv is not in the manifest"),
        ({"manifest.json": manifest.replace(b'"0"', b'"1"')}, r"manifest\.json is not what was signed"),
        ({"manifest.sig.json": b"{}"}, r"manifest\.json: not a signed document"),
    ]:
        with pytest.raises(export.BadArchive, match=named):
            export.verify(rewritten(change), keys.public())


def test_a_truncated_archive_is_named(archive: export.Archive) -> None:
    content = archive.path.read_bytes()
    for cut in (0, 10, len(content) // 2, len(content) - 1):
        archive.path.write_bytes(content[:cut])
        with pytest.raises(export.BadArchive, match="truncated or damaged"):
            export.verify(archive.path)


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(["=1+1", "+1", "-1", "@x", "'", "''=", "", "\r", "\n", "\t=", '"', ",", "\r\n", "＝1"])
AMOUNTS = st.decimals(min_value=-(10**17), max_value=10**17, places=18)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1))
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(-(2**63), 2**63 - 1), "amount": AMOUNTS, "note": TEXTS},
        optional={"at": MOMENTS, "more": st.none() | TEXTS, "flag": st.booleans()},
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(RECORDS)
def test_any_history_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    """18 decimals, any Unicode, newlines and formula signs, in all three forms."""
    folder = tmp_path_factory.mktemp("x")
    parquet, as_csv, as_json = folder / "x.parquet", folder / "x.csv", folder / "x.json"
    assert tables.write_parquet(lambda: rows, parquet) == len(rows)
    with tables.engine() as using:
        tables.derive(using, parquet, csv_to=as_csv, json_to=as_json)
    names = list(dict.fromkeys(name for row in rows for name in row))
    full = [{name: row.get(name) for name in names} for row in rows]
    assert list(tables.read_parquet(parquet)) == full

    def exact(value: object) -> object:
        if isinstance(value, Decimal):
            return export.decimal_text(value)
        return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value

    assert list(tables.read_json(as_json)) == [{name: exact(row[name]) for name in names} for row in full]
    texts = [
        {name: None if row[name] is None else tables.text_of(exact(row[name])) for name in names}
        for row in full
    ]
    assert list(tables.read_csv(as_csv)) == texts


@given(TEXTS)
def test_neutral_text_is_harmless_and_reversible(text: str) -> None:
    safe = tables.neutral(text)
    assert tables.plain(safe) == text
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_columns_widen_when_a_later_row_needs_it(tmp_path: Path) -> None:
    """The first ten thousand rows have neither the column nor the type of the last one."""
    rows: list[dict[str, Any]] = [{"id": number, "x": None} for number in range(10_000)]
    rows += [{"id": "A-1", "x": Decimal("1e-30"), "new": True}]
    assert tables.write_parquet(lambda: rows, tmp_path / "x.parquet") == 10_001
    read = list(tables.read_parquet(tmp_path / "x.parquet"))
    assert read[0] == {"id": "0", "x": None, "new": None}
    assert read[-1] == {"id": "A-1", "x": f"{Decimal('1e-30'):f}", "new": True}


def test_columns_are_written_as_they_come_and_not_gathered(tmp_path: Path) -> None:
    """R-REC-1: five million rows in bounded memory. Each batch is in the file before the next is asked for."""
    target, sizes = tmp_path / "trades.parquet", []

    def batches() -> Iterator[pyarrow.RecordBatch]:
        for number in range(5):
            sizes.append(target.stat().st_size if target.exists() else 0)
            yield pyarrow.record_batch({"trade_id": list(range(number * 1000, number * 1000 + 1000))})

    assert tables.write_parquet(batches, target) == 5000
    assert [row["trade_id"] for row in tables.read_parquet(target)] == list(range(5000))
    assert sizes[0] == 0
    assert all(before < after for before, after in pairwise(sizes))


def test_json_is_one_array(archive: export.Archive) -> None:
    with zipfile.ZipFile(archive.path) as opened:
        assert json.loads(opened.read("json/logins.json")) == []
        assert len(json.loads(opened.read("json/trades.json"))) == 2


def test_the_fast_way_out_of_postgresql_says_the_same(connection: Any, tmp_path: Path) -> None:
    """COPY into columns, and row by row: equal tables, also for texts with quotes and newlines, null and empty."""
    query = (
        "select n::bigint as id, (n::numeric / 7)::numeric(36, 18) as amount, n / 7::numeric as ratio,"
        " (array['=1', '', null, e'a\\n\"b\"', '买'])[1 + mod(n, 5)] as note, n > 3 as flag,"
        " timestamp '2026-01-01' + n * interval '1 second' as at from generate_series(0, 20) as n order by n"
    )

    def columns() -> Iterator[Any]:
        with connection.cursor() as cursor:
            yield from copied(cursor, query)

    def rows() -> Iterator[dict[str, Any]]:
        with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            yield from cursor.execute(query)

    for name, source in (("columns", columns), ("rows", rows)):
        assert tables.write_parquet(source, tmp_path / name) == 21
    by_columns, by_rows = (list(tables.read_parquet(tmp_path / name)) for name in ("columns", "rows"))
    for one, other in zip(by_columns, by_rows, strict=True):
        assert {**one, "ratio": D(one["ratio"])} == {**other, "ratio": D(other["ratio"])}

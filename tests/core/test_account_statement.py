"""The statement of account, and the whole archive of people of the sandbox exchange. R-REC-1, R-REC-2."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from closeout.records import account_statement, export, keys, signing, tables, vault
from closeout.venues.base import RECORD_KINDS
from closeout.venues.sandbox import records as sandbox_records
from closeout.venues.sandbox import seed

NOW = datetime(2026, 3, 1, 12)
D = Decimal
LEDGER = [
    {"entry_id": 1, "transfer_id": 1, "kind": "deposit", "asset": "BTC", "amount": D("1.5"), "posted_at": NOW},
    {
        "entry_id": 2, "transfer_id": 2, "kind": "withdraw", "asset": "BTC", "amount": D("-1.5"),
        "posted_at": NOW + timedelta(days=40),
    },
]  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    tables.write_parquet(lambda: LEDGER, tmp_path / "ledger.parquet")
    return tmp_path / "ledger.parquet"


def test_the_figures_are_those_of_the_ledger(ledger: Path) -> None:
    shown = account_statement.figures(ledger)
    assert (shown.lines, shown.first_at, shown.last_at) == (2, NOW, NOW + timedelta(days=40))
    assert shown.assets == [("BTC", D("1.5"), D("1.5"), D(0))]
    assert shown.kinds == [("deposit", "BTC", 1, D("1.5")), ("withdraw", "BTC", 1, D("-1.5"))]
    assert [row[:2] for row in shown.months] == [("2026-04", "BTC"), ("2026-03", "BTC")]
    assert [row[1] for row in shown.newest] == ["withdraw", "deposit"]


@pytest.mark.parametrize("languages", [("zh", "en"), ("en",), ("zh",)])
def test_the_page_is_the_same_for_the_same_records(
    ledger: Path, tmp_path: Path, languages: tuple[str, ...]
) -> None:
    for name in ("a.pdf", "b.pdf"):
        account_statement.write(
            ledger, tmp_path / name, account="****0001", venue="Sandbox", made_at=NOW, languages=languages
        )
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")


def test_no_ledger_is_a_statement_too(tmp_path: Path) -> None:
    tables.write_parquet(list, tmp_path / "ledger.parquet")
    account_statement.write(
        tmp_path / "ledger.parquet", tmp_path / "s.pdf", account="****0001", venue="Sandbox", made_at=NOW
    )
    assert account_statement.figures(tmp_path / "ledger.parquet").lines == 0


@pytest.fixture
def people(
    database: str, keyring_database: str, tmp_path: Path
) -> Iterator[tuple[psycopg.Connection[Any], dict[str, int]]]:
    with psycopg.connect(keyring_database) as keyring, psycopg.connect(database, autocommit=True) as opened:
        sealer = vault.Vault.over(keyring, keys.FileKeys(tmp_path / "kek"))
        yield opened, dict(seed.seed(opened, sealer, NOW))


@pytest.mark.parametrize("handle", ["messy", "earn"])
def test_the_archive_of_a_person_agrees_with_the_exchange(
    people: tuple[psycopg.Connection[Any], dict[str, int]], tmp_path: Path, handle: str
) -> None:
    """What Koinly would believe the balances to be is what the exchange's own books say, asset by asset."""
    connection, accounts = people
    account = accounts[handle]
    archive = export.build(
        lambda kind: sandbox_records.stream(connection, account, kind),
        RECORD_KINDS,
        tmp_path / "archive.zip",
        account="****0001",
        venue="sandbox",
        made_at=NOW,
        keys=signing.KeyStore(tmp_path / "keys").prepare(NOW),
    )
    books = connection.execute(
        "select asset, sum(balance) from sandbox.ledger inner join sandbox.account using (account_id)"
        " where %s in (account_id, parent_id) and owner in ('holder', 'suspense')"
        " group by 1 having sum(balance) <> 0",
        [account],
    ).fetchall()
    assert {asset: D(total) for asset, total in archive.ledger_sums if D(total)} == dict(books)
    with zipfile.ZipFile(archive.path) as opened:
        names = set(opened.namelist())
        koinly = opened.read("tax/koinly.csv").decode()
        assert opened.read("statement.pdf").startswith(b"%PDF-")
    assert {f"csv/{kind}.csv" for kind in RECORD_KINDS} <= names
    totals: dict[str, D] = defaultdict(D)
    rows = list(csv.reader(io.StringIO(koinly, newline="")))[1:]
    for row in rows:
        for sign, amount, asset in ((-1, 1, 2), (1, 3, 4), (-1, 5, 6)):
            if row[amount]:
                totals[row[asset]] += sign * D(row[amount])
    assert {asset: total for asset, total in totals.items() if total} == dict(books)
    assert not [row for row in rows if row[10].startswith("review")], "every kind of entry has a meaning"

"""What the house does at intervals by itself. R-REC-3, R-REC-6; issue 8: every hour the ledger is checked."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from tests.cases.exchange import Exchange, parallel
from tests.quiet import neighbours_finished

from closeout.cases import upkeep, vaults
from closeout.cases.upkeep import Duty
from closeout.records.keys import FileKeys, KeyGone
from closeout.records.vault import Vault

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def noted(name: str, done: list[str]) -> dict[str, Duty]:
    def work(now: datetime) -> str:
        done.append(name)
        return ""

    return {name: Duty(timedelta(hours=1), work)}


def found(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select found from audit.duty where name = %s", [name])
        return str(cursor.fetchone()[0])


def test_a_duty_is_done_once_in_its_interval(exchange: Exchange) -> None:
    done: list[str] = []
    duties = noted("seal", done)
    for minutes in (0, 59, 61, 62):
        upkeep.turn(now=NOW, present=NOW + timedelta(minutes=minutes), duties=duties)
    assert done == ["seal", "seal"]


def test_of_many_workers_one_does_it(exchange: Exchange) -> None:
    done: list[str] = []
    duties = noted("ledger", done)
    parallel(*[lambda: upkeep.turn(now=NOW, present=NOW, duties=duties)] * 6)
    assert done == ["ledger"]


def test_a_duty_that_breaks_stops_no_other(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def broken(now: datetime) -> str:
        raise KeyGone("away")

    duties = {"first": Duty(timedelta(hours=1), broken)} | noted("second", done)
    assert upkeep.turn(now=NOW, present=NOW, duties=duties) == ["first", "second"]
    assert done == ["second"]
    assert found("first") == "failed: KeyGone"
    assert "the duty first failed" in caplog.text


def test_a_broken_ledger_is_said_loudly(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    """Rule 2: a balance that is not the replay of its transfers is found within the hour, and named."""
    duties = {"ledger": upkeep.DUTIES["ledger"]}
    upkeep.turn(now=NOW, present=NOW, duties=duties)
    assert found("ledger") == ""
    exchange.deposit(exchange.accounts[0])
    with connection.cursor() as cursor:
        cursor.execute("alter table sandbox.ledger disable trigger user")
        cursor.execute(
            "update sandbox.ledger set balance = balance + 1 where account_id = %s and owner = 'holder'",
            [exchange.accounts[0]],
        )
    with caplog.at_level(logging.CRITICAL):
        upkeep.turn(now=NOW, present=NOW + timedelta(hours=1), duties=duties)
    assert "2 a balance is the replay of its transfers" in caplog.text
    assert found("ledger").startswith("1 debits")


def test_the_log_is_sealed_by_itself(exchange: Exchange) -> None:
    exchange.cooling(exchange.accounts[0])
    neighbours_finished(vaults.url())
    upkeep.turn(now=exchange.now, present=NOW, duties={"seal": upkeep.DUTIES["seal"]})
    with connection.cursor() as cursor:
        cursor.execute("select count(*), (select max(size) from audit.checkpoint) from audit.entry")
        entries, sealed = cursor.fetchone()
    assert entries == sealed > 0


@pytest.fixture
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileKeys:
    """Key-encryption keys of this test: those of the others must not die with it."""
    keys = FileKeys(tmp_path / "kek")
    monkeypatch.setattr(vaults, "keys", lambda: keys)
    return keys


def test_keys_are_renewed_every_week(keyring_database: str, own_keys: FileKeys) -> None:
    """R-REC-3: after a week and the next the key over an erased key is gone; the living are readable."""
    with psycopg.connect(keyring_database, autocommit=True) as keyring:
        vault = Vault.over(keyring, own_keys)
        sealed = vault.seal("sandbox:1", "operational", b"letter")
        vault.seal("sandbox:2", "operational", b"letter")
        stolen = keyring.execute("select wrapped from keyring.key where subject = 'sandbox:2'").fetchone()
        assert stolen is not None
        begin = NOW.replace(tzinfo=None)

        def rotate(after: timedelta) -> str:
            return upkeep.rotate(keyring, now=begin + after)

        assert rotate(timedelta(0)) == ""
        vault.destroy("sandbox:2", "operational", begin)
        assert rotate(timedelta(days=6)) == ""
        assert own_keys.names() == ["epoch-1"]
        assert rotate(timedelta(days=7)) == "destroyed epochs 1"
        assert own_keys.names() == ["epoch-2"]
        assert vault.open("sandbox:1", "operational", sealed) == b"letter"
        with pytest.raises(KeyGone):
            own_keys.unwrap("epoch-1", bytes(stolen[0]), context=b"")

"""What the law keeps, and its end. R-REC-4; hard case 42."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from closeout.records import retention
from closeout.records.keys import FileKeys
from closeout.records.vault import KeyDestroyed, Vault

CLOSED = datetime(2026, 3, 1, 12)
UNTIL = datetime(2031, 3, 1, 12)
SUBJECT = "sandbox:7"

Connection = psycopg.Connection[Any]


@pytest.fixture
def vault(keyring_database: str, tmp_path: Path) -> Iterator[Vault]:
    with psycopg.connect(keyring_database) as keyring:
        yield Vault.over(keyring, FileKeys(tmp_path / "kek"))


def kept(category: str = "identity", until: datetime = UNTIL) -> retention.Kept:
    return retention.Kept(
        subject=SUBJECT, category=category, case_number="CL-1", law="FATF R.11", kept_from=CLOSED, until=until,
        content=f"{category} of somebody".encode(),
    )  # fmt: skip


def test_an_item_is_kept_once_and_read(connection: Connection, vault: Vault) -> None:
    item = retention.keep(connection, vault, kept())
    assert retention.keep(connection, vault, kept()) == item
    assert retention.read(connection, vault, item) == b"identity of somebody"
    (sealed,) = connection.execute("select sealed from retention.item").fetchone() or (b"",)
    assert b"somebody" not in bytes(sealed)


def test_each_category_ends_at_its_own_date(connection: Connection, vault: Vault) -> None:
    """Eight years here and five there: the key of the one takes nothing of the other with it."""
    identity = retention.keep(connection, vault, kept("identity"))
    trades = retention.keep(connection, vault, kept("transactions", UNTIL + timedelta(days=1096)))
    assert retention.due(connection, UNTIL - timedelta(seconds=1), most=9) == []
    assert retention.due(connection, UNTIL, most=9) == [identity]
    (receipt,) = retention.end(connection, vault, [identity], UNTIL)
    assert (receipt.subject, receipt.cls) == ("sandbox:7/identity", "retention")
    assert retention.end(connection, vault, [identity], UNTIL + timedelta(days=1)) == [receipt]
    assert retention.due(connection, UNTIL, most=9) == []
    with pytest.raises(LookupError):
        retention.read(connection, vault, identity)
    with pytest.raises(KeyDestroyed):
        vault.seal(identity.key, "retention", b"again")
    assert retention.read(connection, vault, trades) == b"transactions of somebody"


def test_two_people_put_a_date_off(connection: Connection, vault: Vault) -> None:
    item = retention.keep(connection, vault, kept())
    later = UNTIL + timedelta(days=365)
    number = retention.ask(connection, item, until=later, reason="court_order", by="first", at=CLOSED)
    with pytest.raises(retention.NotExtended, match="one_person"):
        retention.agree(connection, number, by="first", at=CLOSED)
    assert retention.find(connection, SUBJECT)["identity"].until == UNTIL
    assert retention.agree(connection, number, by="second", at=CLOSED).until == later
    with pytest.raises(retention.NotExtended, match="unknown"):
        retention.agree(connection, number, by="third", at=CLOSED)


def test_no_date_is_put_off_by_more_than_five_years(connection: Connection, vault: Vault) -> None:
    item = retention.keep(connection, vault, kept())
    number = retention.ask(
        connection, item, until=UNTIL + timedelta(days=1828), reason="court_order", by="first", at=CLOSED
    )
    with pytest.raises(retention.NotExtended, match="too_long"):
        retention.agree(connection, number, by="second", at=CLOSED)
    assert retention.find(connection, SUBJECT)["identity"].until == UNTIL


@pytest.mark.parametrize(
    "attack",
    [
        "update retention.item set until = until + interval '1 day'",
        "update retention.item set until = until - interval '1 day'",
        "update retention.item set subject = 'sandbox:8'",
        "update retention.item set first_until = first_until + interval '1 day'",
        "delete from retention.item",
        "update retention.extension set asked_by = 'third'",
        "update retention.extension set agreed_by = asked_by, agreed_at = asked_at",
        "delete from retention.extension",
    ],
)
def test_the_database_holds_to_it(connection: Connection, vault: Vault, attack: str) -> None:
    """Not only the code: whoever writes SQL as the service meets the same rules."""
    item = retention.keep(connection, vault, kept())
    retention.ask(
        connection, item, until=UNTIL + timedelta(days=9), reason="court_order", by="first", at=CLOSED
    )
    with pytest.raises((errors.RestrictViolation, errors.CheckViolation)):
        connection.execute(attack.encode())

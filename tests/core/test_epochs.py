"""Key-encryption keys rotate, die, and can be recovered by three of five. R-REC-3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import psycopg
import pytest

from closeout.records import epochs, escrow, keys, vault

NOW = datetime(2026, 3, 1, 12)
PEOPLE = [f"person:{number}" for number in range(30)]


@pytest.fixture
def keyring(keyring_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(keyring_database) as opened:
        yield opened


@pytest.fixture
def port(tmp_path: Path) -> keys.FileKeys:
    return keys.FileKeys(tmp_path / "kek")


def rotate(keyring: psycopg.Connection[Any], port: keys.FileKeys, at: datetime) -> list[int]:
    epochs.open_next(keyring, port, at)
    while epochs.rewrap(keyring, port, limit=7):
        keyring.commit()
    return epochs.destroy_closed(keyring, port, at)


def test_after_a_rotation_the_living_open_and_the_old_key_is_gone(
    keyring: psycopg.Connection[Any], port: keys.FileKeys
) -> None:
    mine = vault.Vault.over(keyring, port)
    sealed = {person: mine.seal(person, "operational", person.encode()) for person in PEOPLE}
    stolen = keyring.execute("select subject, wrapped from keyring.key where subject = 'person:3'").fetchone()
    mine.destroy("person:3", "operational", NOW)
    assert rotate(keyring, port, NOW) == [1]
    assert port.names() == ["epoch-2"]
    for person in PEOPLE:
        if person != "person:3":
            assert mine.open(person, "operational", sealed[person]) == person.encode()
    assert stolen is not None
    with pytest.raises(keys.KeyGone):
        port.unwrap("epoch-1", bytes(stolen[1]), context=vault.wrapped_as("person:3", "operational", 1))
    assert mine.open("person:4", "operational", mine.seal("person:4", "operational", b"new")) == b"new"


def test_a_key_is_not_destroyed_while_it_wraps_a_living_one(
    keyring: psycopg.Connection[Any], port: keys.FileKeys
) -> None:
    """Killed in the middle of the pass: the rest opens with the old key until the next call."""
    mine = vault.Vault.over(keyring, port)
    sealed = {person: mine.seal(person, "operational", b"x") for person in PEOPLE}
    epochs.open_next(keyring, port, NOW)
    assert epochs.rewrap(keyring, port, limit=7) == 7
    assert epochs.destroy_closed(keyring, port, NOW) == []
    assert all(mine.open(person, "operational", one) == b"x" for person, one in sealed.items())
    while epochs.rewrap(keyring, port, limit=7):
        pass
    assert epochs.destroy_closed(keyring, port, NOW) == [1]
    assert epochs.destroy_closed(keyring, port, NOW) == []
    assert all(mine.open(person, "operational", one) == b"x" for person, one in sealed.items())


def test_a_rotation_is_due_every_week(keyring: psycopg.Connection[Any], port: keys.FileKeys) -> None:
    assert not epochs.due(keyring, NOW)
    vault.Vault.over(keyring, port).seal("person:1", "operational", b"x")
    assert epochs.due(keyring, NOW)
    epochs.open_next(keyring, port, NOW)
    assert not epochs.due(keyring, NOW + timedelta(days=6))
    assert epochs.due(keyring, NOW + timedelta(days=7))


def test_two_epochs_cannot_be_open(keyring: psycopg.Connection[Any], port: keys.FileKeys) -> None:
    epochs.open_next(keyring, port, NOW)
    with pytest.raises(psycopg.errors.UniqueViolation):
        keyring.execute("insert into keyring.epoch (number, kek_id) values (9, 'epoch-9')")


def test_three_of_five_recover_a_lost_key_and_two_do_not(
    keyring: psycopg.Connection[Any], tmp_path: Path
) -> None:
    """The drill: the file of the key is lost, its sealed copy and the shares are left."""
    recovery = escrow.make()
    port = keys.FileKeys(tmp_path / "kek", recovery=recovery.public)
    mine = vault.Vault.over(keyring, port)
    sealed = mine.seal("person:1", "operational", b"Ada")
    (tmp_path / "kek" / "epoch-1.kek").unlink()
    with pytest.raises(keys.KeyGone):
        mine.open("person:1", "operational", sealed)
    for two in combinations(recovery.shares, 2):
        with pytest.raises(escrow.NotRecovered):
            escrow.recover(two, "epoch-1", port.escrowed("epoch-1"))
    found = {
        escrow.recover(three, "epoch-1", port.escrowed("epoch-1"))
        for three in combinations(recovery.shares, 3)
    }
    assert len(found) == 1
    port.restore("epoch-1", found.pop())
    assert mine.open("person:1", "operational", sealed) == b"Ada"


def test_shares_of_another_key_do_not_help(tmp_path: Path) -> None:
    port = keys.FileKeys(tmp_path / "kek", recovery=escrow.make().public)
    port.create("epoch-1")
    with pytest.raises(escrow.NotRecovered):
        escrow.recover(escrow.make().shares[:3], "epoch-1", port.escrowed("epoch-1"))
    with pytest.raises(escrow.NotRecovered):
        escrow.recover(["no such words"], "epoch-1", port.escrowed("epoch-1"))


def test_a_sealed_copy_dies_with_its_key(tmp_path: Path) -> None:
    port = keys.FileKeys(tmp_path / "kek", recovery=escrow.make().public)
    port.create("epoch-1")
    port.destroy("epoch-1")
    with pytest.raises(keys.KeyGone):
        port.escrowed("epoch-1")
    assert not list((tmp_path / "kek").iterdir())

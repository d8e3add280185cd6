"""The vault: sealed per person and class, destroyed for good. R-REC-3, R-REC-4."""

from __future__ import annotations

import hashlib
import stat
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors

from closeout.records import keys, vault

NOW = datetime(2026, 3, 1, 12)


@pytest.fixture
def keyring(keyring_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(keyring_database) as opened:
        yield opened


@pytest.fixture
def sealed_by(keyring: psycopg.Connection[Any], tmp_path: Path) -> vault.Vault:
    return vault.Vault.over(keyring, keys.FileKeys(tmp_path / "kek"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plaintext=st.binary(max_size=2000), context=st.text(max_size=20), subject=st.text("abc:1", min_size=1))
def test_what_was_sealed_opens_again(
    sealed_by: vault.Vault, plaintext: bytes, context: str, subject: str
) -> None:
    sealed = sealed_by.seal(subject, "operational", plaintext, context=context)
    assert sealed_by.open(subject, "operational", sealed, context=context) == plaintext
    if len(plaintext) > 8:
        assert plaintext not in sealed


def test_a_sealed_value_opens_only_where_it_was_sealed(sealed_by: vault.Vault) -> None:
    sealed = sealed_by.seal("person:1", "operational", b"Ada", context="person.name")
    sealed_by.seal("person:2", "operational", b"x")
    sealed_by.seal("person:1", "retention", b"x")
    for subject, cls, context in [
        ("person:1", "operational", "person.email"),
        ("person:2", "operational", "person.name"),
        ("person:1", "retention", "person.name"),
        ("person:3", "operational", "person.name"),
    ]:
        with pytest.raises(vault.Unreadable):
            sealed_by.open(subject, cls, sealed, context=context)


def test_every_changed_byte_is_noticed(sealed_by: vault.Vault) -> None:
    sealed = sealed_by.seal("person:1", "operational", b"Ada")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(vault.Unreadable):
            sealed_by.open("person:1", "operational", changed)
    for cut in range(len(sealed)):
        with pytest.raises(vault.Unreadable):
            sealed_by.open("person:1", "operational", sealed[:cut])


def test_the_format_carries_version_and_key_version(sealed_by: vault.Vault) -> None:
    """The form is fixed: data sealed today must open in ten years."""
    sealed = sealed_by.seal("person:1", "operational", b"")
    assert sealed[:5].hex() == "0100000001"
    assert len(sealed) == 5 + 12 + 16


def test_destroyed_is_destroyed_for_one_class_and_nobody_else(sealed_by: vault.Vault) -> None:
    mine = sealed_by.seal("person:1", "operational", b"Ada")
    kept = sealed_by.seal("person:1", "retention", b"Ada, kept by law")
    other = sealed_by.seal("person:2", "operational", b"Bob")
    receipt = sealed_by.destroy("person:1", "operational", NOW)
    assert (receipt.subject, receipt.cls, receipt.keys, receipt.at) == ("person:1", "operational", 1, NOW)
    with pytest.raises(vault.KeyDestroyed, match="2026-03-01"):
        sealed_by.open("person:1", "operational", mine)
    with pytest.raises(vault.KeyDestroyed):
        sealed_by.seal("person:1", "operational", b"Ada again")
    assert sealed_by.open("person:1", "retention", kept) == b"Ada, kept by law"
    assert sealed_by.open("person:2", "operational", other) == b"Bob"


def test_destroying_twice_gives_the_first_receipt(sealed_by: vault.Vault) -> None:
    sealed_by.seal("person:1", "operational", b"Ada")
    first = sealed_by.destroy("person:1", "operational", NOW)
    assert sealed_by.destroy("person:1", "operational", datetime(2027, 1, 1)) == first
    assert sealed_by.destroyed("person:1", "operational") == first
    assert sealed_by.destroyed("person:2", "operational") is None


def test_many_are_destroyed_in_one_go_and_each_has_a_receipt(sealed_by: vault.Vault) -> None:
    """The digest can be computed again by anyone: SHA-256 over five lines."""
    people = [f"person:{number}" for number in range(50)]
    sealed_by.prepare(people, "operational")
    first = sealed_by.destroy("person:7", "operational", datetime(2026, 2, 1))
    receipts = sealed_by.destroy_all([*people, "person:3"], "operational", NOW)
    assert [receipt.subject for receipt in receipts] == [*people, "person:3"]
    assert receipts[7] == first
    assert receipts[3] == receipts[50]
    said = "closeout.destroyed\nperson:3\noperational\n1\n2026-03-01T12:00:00.000000Z"
    assert receipts[3].digest == hashlib.sha256(said.encode()).hexdigest()
    assert [receipt.subject for receipt in sealed_by.erasures(after=first.number)] == [
        person for person in people if person != "person:7"
    ]
    with pytest.raises(vault.KeyDestroyed):
        sealed_by.prepare(people, "operational")


def test_a_person_without_a_key_can_be_destroyed_too(sealed_by: vault.Vault) -> None:
    assert sealed_by.destroy("person:9", "operational", NOW).keys == 0
    with pytest.raises(vault.KeyDestroyed):
        sealed_by.seal("person:9", "operational", b"late")


def test_no_wrapped_key_is_left(sealed_by: vault.Vault, keyring: psycopg.Connection[Any]) -> None:
    sealed_by.seal("person:1", "operational", b"Ada")
    sealed_by.destroy("person:1", "operational", NOW)
    assert keyring.execute("select count(*) from keyring.key").fetchone() == (0,)


@pytest.mark.parametrize("statement", ["delete from", "update", "truncate"])
def test_the_list_of_erasures_is_append_only(
    sealed_by: vault.Vault, keyring: psycopg.Connection[Any], statement: str
) -> None:
    sealed_by.destroy("person:1", "operational", NOW)
    rest = " set keys = 7" if statement == "update" else ""
    with pytest.raises(errors.RestrictViolation, match="append-only"):
        keyring.execute(f"{statement} keyring.erasure{rest}")


def test_an_unknown_class_is_refused(sealed_by: vault.Vault) -> None:
    with pytest.raises(ValueError, match="retention"):
        sealed_by.seal("person:1", "marketing", b"x")


def test_many_at_once_make_one_key(keyring_database: str, tmp_path: Path) -> None:
    """Eight first seals of one person race; each must be readable afterwards."""
    port = keys.FileKeys(tmp_path / "kek")
    many = vault.Vault(lambda: psycopg.connect(keyring_database), port)
    barrier, sealed = threading.Barrier(8), list[bytes]()

    def seal() -> None:
        barrier.wait()
        sealed.append(many.seal("person:1", "operational", b"Ada"))

    threads = [threading.Thread(target=seal) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [many.open("person:1", "operational", one) for one in sealed] == [b"Ada"] * 8


def test_without_its_key_encryption_key_nothing_opens(
    keyring: psycopg.Connection[Any], tmp_path: Path
) -> None:
    port = keys.FileKeys(tmp_path / "kek")
    mine = vault.Vault.over(keyring, port)
    sealed = mine.seal("person:1", "operational", b"Ada")
    port.destroy("epoch-1")
    port.destroy("epoch-1")
    with pytest.raises(keys.KeyGone):
        mine.open("person:1", "operational", sealed)
    port.create("epoch-1")
    with pytest.raises(keys.KeyGone, match="not wrapped"):
        mine.open("person:1", "operational", sealed)


def test_tombstones_find_an_identifier_without_keeping_it(sealed_by: vault.Vault, tmp_path: Path) -> None:
    mine = sealed_by.tombstone("ada@example.org", field="email")
    assert mine == sealed_by.tombstone("ada@example.org", field="email")
    assert mine != sealed_by.tombstone("ada@example.org", field="phone")
    assert mine != sealed_by.tombstone("bob@example.org", field="email")
    assert len(mine) == 32
    elsewhere = keys.FileKeys(tmp_path / "other")
    assert elsewhere.mac("tombstone:email", b"ada@example.org") != mine


def test_keys_are_the_owners_alone(tmp_path: Path) -> None:
    port = keys.FileKeys(tmp_path / "kek")
    port.create("epoch-1")
    port.mac("x", b"y")
    assert stat.S_IMODE((tmp_path / "kek").stat().st_mode) == 0o700
    for file in (tmp_path / "kek").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert port.names() == ["epoch-1"]
    (tmp_path / "kek" / "epoch-1.kek").chmod(0o644)
    with pytest.raises(keys.KeyStoreUnsafe, match="chmod"):
        port.wrap("epoch-1", b"k", context=b"")


def test_a_key_name_is_not_a_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key name"):
        keys.FileKeys(tmp_path).create("../elsewhere")

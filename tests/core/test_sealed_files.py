"""Files sealed piece by piece: whole, in order, of this person, or not at all. R-REC-3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from closeout.records import sealed_files
from closeout.records.keys import FileKeys
from closeout.records.vault import KeyDestroyed, Unreadable, Vault

PIECE = sealed_files.PIECE + sealed_files.TAG


@pytest.fixture
def vault(keyring_database: str, tmp_path: Path) -> Iterator[Vault]:
    with psycopg.connect(keyring_database) as keyring:
        yield Vault.over(keyring, FileKeys(tmp_path / "kek"))


def sealed(vault: Vault, folder: Path, content: bytes) -> Path:
    (folder / "plain").write_bytes(content)
    target = folder / "sealed"
    sealed_files.seal(
        vault, "sandbox:1", "operational", source=folder / "plain", target=target, context="here"
    )
    return target


def read(vault: Vault, path: Path, *, subject: str = "sandbox:1", context: str = "here") -> bytes:
    return b"".join(sealed_files.opened(vault, subject, "operational", sealed=path, context=context))


@pytest.mark.parametrize("size", [0, 1, sealed_files.PIECE, sealed_files.PIECE + 1, 3 * sealed_files.PIECE])
def test_any_size_comes_back(vault: Vault, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = sealed(vault, tmp_path, content)
    assert read(vault, path) == content
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["plain", "sealed"]


def test_what_was_done_to_it_is_noticed(vault: Vault, tmp_path: Path) -> None:
    """A flipped bit, a cut end at a border of pieces, swapped and repeated pieces, another place, another person."""
    path = sealed(vault, tmp_path, os.urandom(2 * sealed_files.PIECE + 7))
    whole = path.read_bytes()
    begin = len(whole) - 2 * PIECE - 7 - sealed_files.TAG
    first, second, rest = (
        whole[begin : begin + PIECE],
        whole[begin + PIECE : begin + 2 * PIECE],
        whole[begin + 2 * PIECE :],
    )
    head = whole[:begin]
    for changed in (
        whole[:-1],
        whole[: begin + PIECE],
        head + second + first + rest,
        head + first + first + second + rest,
        head + first + second + rest + rest,
        whole[: begin + 5] + bytes([whole[begin + 5] ^ 1]) + whole[begin + 6 :],
        whole[:20] + bytes([whole[20] ^ 1]) + whole[21:],
        b"",
        whole[:17],
    ):
        path.write_bytes(changed)
        with pytest.raises(Unreadable):
            read(vault, path)
    path.write_bytes(whole)
    for words in ({"context": "there"}, {"subject": "sandbox:2"}):
        with pytest.raises(Unreadable):
            read(vault, path, **words)


def test_it_dies_with_the_key(vault: Vault, tmp_path: Path) -> None:
    path = sealed(vault, tmp_path, b"secret")
    vault.destroy("sandbox:1", "operational", datetime(2026, 3, 1))
    with pytest.raises(KeyDestroyed):
        read(vault, path)

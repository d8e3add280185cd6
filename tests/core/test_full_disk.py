"""A disk that fills up in the middle of an export: named, nothing half written, nothing lost. R-REC-1, issue 6.

The limit on the size of files is the disk of an ordinary user; with the right to mount, a real full file system.
"""

from __future__ import annotations

import errno
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from closeout.commands import door
from closeout.records import export, signing

NOW = datetime(2026, 3, 1, 12)
KINDS = ("logins", "messages")


def records(kind: str) -> list[dict[str, Any]]:
    """Return rows that Parquet keeps small and CSV does not, so that each form reaches the limit at its own time."""
    return [
        {"at": NOW + timedelta(seconds=number), "kind": kind, "text": "一个很长的句子。" * 12}
        for number in range(1500)
    ]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> signing.KeyStore:
    return signing.KeyStore(tmp_path_factory.mktemp("keys") / "signing").prepare(NOW)


def build(target: Path, keys: signing.KeyStore) -> export.Archive:
    return export.build(records, KINDS, target, account="m····", made_at=NOW, keys=keys)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [512, 5_000, 200_000, 440_000])
def test_each_writer_says_that_the_disk_is_full(tmp_path: Path, keys: signing.KeyStore, size: int) -> None:
    """Parquet, CSV and JSON of DuckDB: an OSError each time, no archive, and the next attempt completes it."""
    target = tmp_path / "archive.zip"
    with room_for(size), pytest.raises(OSError, match=r"(?i)large|space|write") as full:
        build(target, keys)
    assert full.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert not target.exists()
    halves = [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert all(path.stat().st_size < size for path in halves)
    made = build(target, keys)
    assert export.verify(target)["account"] == "m····"
    assert made.rows == dict.fromkeys(KINDS, 1500)
    assert made.sha256 == build(tmp_path / "beside.zip", keys).sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip", "beside.zip"]


def test_the_terminal_says_so() -> None:
    code, (sentence,) = door.explain(OSError(errno.ENOSPC, "No space left on device"))
    assert (code, "disk is full" in sentence) == (door.UNREACHABLE, True)


def test_a_real_file_system_that_is_full(tmp_path: Path, keys: signing.KeyStore) -> None:
    """A tmpfs of a few pages: the same answer, and what lay there before is whole."""
    place = tmp_path / "small"
    place.mkdir()
    tool = shutil.which("mount")
    made = tool and subprocess.run(
        [tool, "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("LOUD: no right to mount a tmpfs; the limit of an ordinary user was tested instead")
    try:
        (place / "earlier.zip").write_bytes(b"earlier" * 1000)
        with pytest.raises(OSError, match=r"(?i)space"):
            build(place / "archive.zip", keys)
        assert not (place / "archive.zip").exists()
        assert (place / "earlier.zip").read_bytes() == b"earlier" * 1000
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)

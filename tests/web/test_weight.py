"""What pages bring along: our own small files, and foreign ones that are byte for byte what their makers published."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path

import pytest

from closeout.web import portal

STATIC = Path(portal.__file__).parent / "static" / "portal"
VENDOR = STATIC / "vendor"
LOCK = json.loads((VENDOR / "lock.json").read_text(encoding="utf-8"))


def packed(pattern: str) -> int:
    """Return the bytes of our files of a kind, each compressed as it is sent."""
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in STATIC.glob(pattern))


def test_our_own_files_are_small() -> None:
    """Issue 5, bar: CSS at most 10 KB and scripts at most 6 KB, compressed."""
    assert 0 < packed("*.css") <= 10 * 1024
    assert 0 < packed("*.js") <= 6 * 1024


@pytest.mark.parametrize("name", sorted(LOCK["files"]))
def test_foreign_files_are_what_the_lock_says(name: str) -> None:
    """Threat 30: one changed byte of a vendored file fails the build."""
    digest = hashlib.sha512((VENDOR / name).read_bytes()).digest()
    assert LOCK["files"][name]["sha512"] == "sha512-" + base64.b64encode(digest).decode()


def test_there_is_no_foreign_file_beside_the_lock() -> None:
    there = {path.name for path in VENDOR.iterdir()} - {"lock.json"}
    assert there == set(LOCK["files"])

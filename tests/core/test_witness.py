"""A witness outside: it signs only what continues what it signed before. R-REC-6."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from closeout.records import merkle, notes, witness

NOW = datetime(2026, 3, 1, 12)
LOG = "log.closeout.example"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(40)]
VERIFIER = notes.public_text(LOG, KEY.public_key().public_bytes_raw())


def note(size: int, leaves: list[bytes] = LEAVES, key: Ed25519PrivateKey = KEY, name: str = LOG) -> str:
    return notes.sign(notes.Checkpoint(name, size, merkle.root(leaves[:size])).text(), name, key)


def proof(old: int, size: int, leaves: list[bytes] = LEAVES) -> list[bytes]:
    return merkle.consistency_path(merkle.nodes_over(leaves[:size]), old, size)


@pytest.fixture
def mine(tmp_path: Path) -> witness.Witness:
    return witness.Witness("witness.example", OTHER, tmp_path / "memory", logs=[VERIFIER])


def test_it_signs_what_continues_and_says_when(mine: witness.Witness) -> None:
    first = note(10)
    first += mine.cosign(first, old=0, proof=[], at=NOW)
    assert witness.check(first, mine.verifier()) == NOW
    assert notes.open_note(first, {LOG: KEY.public_key().public_bytes_raw()})[1] == [LOG]
    second = note(33)
    second += mine.cosign(second, old=10, proof=proof(10, 33), at=NOW)
    assert witness.check(second, mine.verifier()) == NOW
    assert mine.cosign(note(33), old=33, proof=[], at=NOW), "the same again is signed again"


def test_a_log_rewritten_and_signed_again_is_refused(mine: witness.Witness) -> None:
    """The operator has the log's own key; the past is changed; every local check would pass."""
    mine.cosign(note(10), old=0, proof=[], at=NOW)
    rewritten = [merkle.leaf_hash(b"never happened"), *LEAVES[1:]]
    with pytest.raises(witness.NotCosigned) as refused:
        mine.cosign(note(33, rewritten), old=10, proof=proof(10, 33, rewritten), at=NOW)
    assert refused.value.reason == "inconsistent"
    with pytest.raises(witness.NotCosigned):
        mine.cosign(note(10, rewritten), old=10, proof=[], at=NOW)


@pytest.mark.parametrize(
    ("said", "old", "reason"),
    [
        (note(5), 10, "stale"),
        (note(33), 0, "conflict"),
        (note(33, key=OTHER, name="stranger.example"), 10, "unknown_log"),
        (note(33, key=OTHER), 10, "unknown_log"),
        ("garbage", 10, "malformed"),
    ],
)
def test_it_refuses_by_name(mine: witness.Witness, said: str, old: int, reason: str) -> None:
    mine.cosign(note(10), old=0, proof=[], at=NOW)
    with pytest.raises(witness.NotCosigned) as refused:
        mine.cosign(said, old=old, proof=proof(10, 33), at=NOW)
    assert refused.value.reason == reason


def test_it_remembers_across_processes(mine: witness.Witness, tmp_path: Path) -> None:
    mine.cosign(note(10), old=0, proof=[], at=NOW)
    again = witness.Witness("witness.example", OTHER, tmp_path / "memory", logs=[VERIFIER])
    with pytest.raises(witness.NotCosigned, match="is 10, not 0"):
        again.cosign(note(20), old=0, proof=[], at=NOW)


def test_a_cosignature_is_bound_to_its_time_and_note(mine: witness.Witness) -> None:
    first = note(10)
    line = mine.cosign(first, old=0, proof=[], at=NOW)
    with pytest.raises(notes.BadNote, match="does not fit"):
        witness.check(note(11) + line, mine.verifier())
    with pytest.raises(notes.BadNote, match="did not sign"):
        witness.check(first, mine.verifier())

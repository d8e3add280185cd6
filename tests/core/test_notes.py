"""Signed notes and checkpoints, spelled as C2SP spells them. R-REC-6."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from closeout.records import notes

# The example of the signed-note documentation of the Go checksum database, key and all.
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6"
    "RyyBwJnAM=\n"
)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NAME = "log.closeout.example"
KEYS = {NAME: KEY.public_key().public_bytes_raw()}


def test_the_published_example_opens() -> None:
    name, public = notes.read_public(GO_VERIFIER)
    body, names = notes.open_note(GO_NOTE, {name: public})
    assert names == ["PeterNeumann"]
    assert body.startswith("If you think cryptography")
    assert notes.public_text(name, public) == GO_VERIFIER


def test_ed25519_is_the_one_of_rfc_8032() -> None:
    """RFC 8032 section 7.1, test 2."""
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert (
        key.public_key().public_bytes_raw().hex()
        == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    )
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_a_checkpoint_is_three_lines_and_a_signature() -> None:
    checkpoint = notes.Checkpoint(NAME, 42, b"\x01" * 32)
    note = notes.sign(checkpoint.text(), NAME, KEY)
    assert note.startswith(f"{NAME}\n42\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\n— {NAME} ")
    body, names = notes.open_note(note, KEYS)
    assert names == [NAME]
    assert notes.read_checkpoint(body) == checkpoint


def test_every_changed_character_voids_a_note() -> None:
    note = notes.sign(notes.Checkpoint(NAME, 42, b"\x01" * 32).text(), NAME, KEY)
    for place in range(len(note)):
        changed = note[:place] + ("x" if note[place] != "x" else "y") + note[place + 1 :]
        with pytest.raises(notes.BadNote):
            notes.open_note(changed, KEYS)


@pytest.mark.parametrize("size", ["042", "-1", "", "4x", "٤"])
def test_a_size_is_a_plain_number(size: str) -> None:
    with pytest.raises(notes.BadNote):
        notes.read_checkpoint(f"{NAME}\n{size}\n{'A' * 43}=\n")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(notes.BadNote):
        notes.open_note(text, KEYS)


def test_a_verifier_key_whose_id_is_wrong_is_refused() -> None:
    with pytest.raises(notes.BadNote):
        notes.read_public(GO_VERIFIER.replace("c74f20a3", "c74f20a4"))

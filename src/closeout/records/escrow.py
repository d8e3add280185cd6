"""Losing the key-encryption key is survivable by three of five people, and by nobody else.

Each key-encryption key is also sealed to a recovery key whose private half exists only as SLIP-39 shares on paper.
The sealed copy dies with its key: escrow never outlives an erasure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import shamir_mnemonic  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PUBLIC_BYTES = 32


class NotRecovered(Exception):
    """The shares are too few, damaged, or not those of this recovery key."""


@dataclass(frozen=True)
class Recovery:
    """A new recovery key: its public half to keep, its shares to hand out and then forget."""

    public: bytes
    shares: tuple[str, ...]


def make(*, threshold: int = 3, people: int = 5) -> Recovery:
    """Return a new recovery key as shares, any ``threshold`` of which recover it. Raises: ValueError."""
    if not 2 <= threshold <= people <= 16:
        raise ValueError("a recovery key has 2 to 16 shares, and needs at least 2 of them")
    private = X25519PrivateKey.generate()
    groups = shamir_mnemonic.generate_mnemonics(1, [(threshold, people)], private.private_bytes_raw())
    return Recovery(private.public_key().public_bytes_raw(), tuple(groups[0]))


def seal(public: bytes, name: str, key: bytes) -> bytes:
    """Seal the key-encryption key ``name`` to the recovery key: ephemeral public key, then AES-GCM."""
    ephemeral = X25519PrivateKey.generate()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    own = ephemeral.public_key().public_bytes_raw()
    return own + AESGCM(_derived(shared, own, public)).encrypt(bytes(12), key, name.encode())


def recover(shares: Sequence[str], name: str, sealed: bytes) -> bytes:
    """Return the key-encryption key ``name``. Raises: NotRecovered."""
    try:
        private = X25519PrivateKey.from_private_bytes(shamir_mnemonic.combine_mnemonics(shares))
        own, body = sealed[:PUBLIC_BYTES], sealed[PUBLIC_BYTES:]
        shared = private.exchange(X25519PublicKey.from_public_bytes(own))
        public = private.public_key().public_bytes_raw()
        return AESGCM(_derived(shared, own, public)).decrypt(bytes(12), body, name.encode())
    except (shamir_mnemonic.MnemonicError, InvalidTag, ValueError) as wrong:
        raise NotRecovered(f"{name} cannot be recovered with these {len(shares)} shares") from wrong


def _derived(shared: bytes, own: bytes, public: bytes) -> bytes:
    """Return a key that is used once: the nonce can be zero because the ephemeral key never repeats."""
    return HKDF(hashes.SHA256(), 32, None, b"closeout.escrow/1" + own + public).derive(shared)

"""Key-encryption keys in a hardware security module, by PKCS#11. No key ever leaves it. Needs the extra ``pkcs11``.

Keys are token objects that are sensitive and not extractable. Each call opens a session of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from closeout.records.keys import KEK_NAME, NONCE_BYTES, KeyGone, ServiceUnreachable

INDEX = "index"
BITS = 256
TAG_BITS = 128


class Pkcs11Keys:
    """Keys labelled ``PREFIX-NAME`` on the token ``token`` of the library ``module``. ``pin``: of the user."""

    def __init__(self, module: Path, *, token: str, pin: str, prefix: str = "closeout") -> None:
        import pkcs11

        self._token = pkcs11.lib(str(module)).get_token(token_label=token)
        self._pin, self._prefix = pin, prefix

    @contextmanager
    def _session(self, *, write: bool = False) -> Iterator[Any]:
        import pkcs11

        try:
            with self._token.open(rw=write, user_pin=self._pin) as session:
                yield session
        except pkcs11.NoSuchKey as gone:
            raise KeyGone("no such key on the token") from gone
        except pkcs11.PKCS11Error as wrong:
            raise ServiceUnreachable(f"the module refused: {type(wrong).__name__}") from wrong

    def create(self, name: str) -> None:
        """Make the key ``name``; an existing one stays. Raises: ValueError, ServiceUnreachable."""
        import pkcs11

        label = self._label(name)
        with self._session(write=True) as session:
            if not self._found(session, label):
                session.generate_key(
                    pkcs11.KeyType.AES, BITS, label=label, store=True,
                    template={
                        pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False,
                        pkcs11.Attribute.ENCRYPT: True, pkcs11.Attribute.DECRYPT: True,
                    },
                )  # fmt: skip

    @staticmethod
    def _found(session: Any, label: str) -> list[Any]:
        import pkcs11

        return list(
            session.get_objects(
                {pkcs11.Attribute.LABEL: label, pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY}
            )
        )

    def _key(self, session: Any, name: str) -> Any:
        found = self._found(session, self._label(name))
        if not found:
            raise KeyGone(f"no key {name}")
        return found[0]

    def wrap(self, name: str, key: bytes, *, context: bytes) -> bytes:
        """Encrypt with AES-256-GCM: nonce, then ciphertext. Raises: KeyGone, ServiceUnreachable."""
        import pkcs11

        nonce = os.urandom(NONCE_BYTES)
        with self._session() as session:
            return nonce + bytes(
                self._key(session, name).encrypt(
                    key, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=_gcm(nonce, context)
                )
            )

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt what ``wrap`` returned. Raises: KeyGone, ServiceUnreachable."""
        import pkcs11

        nonce, body = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        with self._session() as session:
            held = self._key(session, name)
            try:
                return bytes(
                    held.decrypt(
                        body, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=_gcm(nonce, context)
                    )
                )
            except (pkcs11.PKCS11Error, ValueError) as wrong:
                raise KeyGone(f"not wrapped by {name}") from wrong

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return HMAC-SHA256 under a key of its own, made at the first call. Raises: ServiceUnreachable."""
        import pkcs11

        label = self._label(INDEX)
        with self._session(write=True) as session:
            if not self._found(session, label):
                session.generate_key(
                    pkcs11.KeyType.GENERIC_SECRET, BITS, label=label, store=True,
                    mechanism=pkcs11.Mechanism.GENERIC_SECRET_KEY_GEN,
                    template={
                        pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False,
                        pkcs11.Attribute.SIGN: True,
                    },
                )  # fmt: skip
            key = self._found(session, label)[0]
            said = len(purpose.encode()).to_bytes(2) + purpose.encode() + message
            return bytes(key.sign(said, mechanism=pkcs11.Mechanism.SHA256_HMAC))

    def destroy(self, name: str) -> None:
        """Destroy the key ``name`` for good; destroying twice is the same as once. Raises: ServiceUnreachable."""
        with self._session(write=True) as session:
            for key in self._found(session, self._label(name)):
                key.destroy()

    def names(self) -> Sequence[str]:
        """Return the names of the keys that exist, sorted. Raises: ServiceUnreachable."""
        import pkcs11

        begin = f"{self._prefix}-"
        with self._session() as session:
            every = session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY})
            labels = {str(one.label) for one in every}
        mine = [one.removeprefix(begin) for one in labels if one.startswith(begin)]
        return sorted(one for one in mine if one != INDEX)

    def _label(self, name: str) -> str:
        if not KEK_NAME.match(name):
            raise ValueError(f"not a key name: {name!r}")
        return f"{self._prefix}-{name}"


def _gcm(nonce: bytes, context: bytes) -> Any:
    from pkcs11 import GCMParams

    return GCMParams(nonce, context, TAG_BITS)

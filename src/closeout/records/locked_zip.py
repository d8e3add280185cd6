"""An archive under a passphrase of the holder's own: AES-256 in the form that common unpackers open (WinZip AE-2).

The archive lies inside as it is, so that its hash is still the one of the certificate. The form stretches a passphrase
by 1,000 rounds only; that is why short ones are refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

PASSPHRASE_LEAST, PASSPHRASE_MOST = 12, 128


class WeakPassphrase(ValueError):
    """The passphrase is too short or too long to protect a file that may be copied and tried at leisure."""


class _Gathered(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def lock(name: str, pieces: Iterable[bytes], passphrase: str, *, at: datetime) -> Iterator[bytes]:
    """Yield a zip file that holds ``name`` encrypted; any size in little memory. ``at``: naive UTC.

    Raises: WeakPassphrase, at the call.
    """
    if not PASSPHRASE_LEAST <= len(passphrase) <= PASSPHRASE_MOST:
        raise WeakPassphrase(f"a passphrase has {PASSPHRASE_LEAST} to {PASSPHRASE_MOST} characters")
    return _locked(name, pieces, passphrase.encode(), at)


def _locked(name: str, pieces: Iterable[bytes], passphrase: bytes, at: datetime) -> Iterator[bytes]:
    import pyzipper  # heavy: a library of ciphers

    into = _Gathered()
    with pyzipper.AESZipFile(into, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(passphrase)
        member = archive.zipinfo_cls(name, at.timetuple()[:6])
        with archive.open(member, "w", force_zip64=True) as content:
            for piece in pieces:
                content.write(piece)
                yield into.taken()
    yield into.taken()

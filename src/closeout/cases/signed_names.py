"""Names of rows in links that nobody can make up: a number and a signature over it and over what it belongs to.

The same row has the same name in every letter. Whoever forges one would have to guess 128 bits under a key that is
not in the database.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct

from closeout.cases import vaults

HEAD, MAC = struct.Struct(">BQ"), 16
VERSION = 1
LONGEST = 64  # characters of a name that are looked at


def of(purpose: str, number: int, belongs_to: str) -> str:
    """Return the name of row ``number``; ``belongs_to`` is signed too and must be known again to check it."""
    head = HEAD.pack(VERSION, number)
    signed = head + vaults.keys().mac(purpose, head + f"|{belongs_to}".encode())[:MAC]
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def bare(said: str) -> str:
    """Return ``said`` without what a mailbox adds to the end of an address."""
    return re.split(r"[^A-Za-z0-9_-]", said, maxsplit=1)[0][:LONGEST]


def number_in(said: str) -> int | None:
    """Return the number that ``said`` speaks of, genuine or not; None for what has not the form of a name."""
    if len(said) > LONGEST:
        return None
    try:
        raw = base64.b64decode(said + "=" * (-len(said) % 4), altchars=b"-_", validate=True)
        version, number = HEAD.unpack(raw[: HEAD.size])
    except (binascii.Error, struct.error, ValueError):
        return None
    return int(number) if version == VERSION and number < 1 << 63 else None

"""The holder's key: from the environment, the system's keyring or a prompt; never from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

PARTS = ("key", "secret", "passphrase")
PREFIX = "CLOSEOUT_OKX_"
RING = "closeout-okx"
PR_SET_DUMPABLE = 4  # of prctl(2)


@dataclass(frozen=True)
class Credentials:
    """The three parts of an API key. They never appear in ``repr``, messages, logs or tracebacks."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)

    def redact(self, said: str) -> str:
        """Return ``said`` with every part of the key replaced."""
        for part in (self.secret, self.passphrase, self.key):
            if part:
                said = said.replace(part, "[redacted]")
        return said


class KeysMissing(Exception):
    """A part of the key was not found. ``missing`` names the environment variables that would hold them."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(", ".join(missing))
        self.missing = missing


def load(
    environment: Mapping[str, str] | None = None,
    *,
    ring: Callable[[str], str | None] | None = None,
    ask: Callable[[str], str] | None = None,
    prefix: str = PREFIX,
    parts: tuple[str, ...] = PARTS,
) -> Credentials:
    """Find the key: environment first, then ``ring``, then ``ask`` (a prompt without echo).

    Also forbids core files of this process, because they would hold the key. Raises: KeysMissing.
    """
    environment = os.environ if environment is None else environment
    found: dict[str, str] = {}
    for part in parts:
        value = environment.get(prefix + part.upper(), "").strip()
        if not value and ring is not None:
            value = (ring(part) or "").strip()
        if not value and ask is not None:
            value = ask(part).strip()
        found[part] = value
    missing = [prefix + part.upper() for part, value in found.items() if not value]
    if missing:
        raise KeysMissing(missing)
    forbid_core_files()
    return Credentials(found["key"], found["secret"], found.get("passphrase", ""))


def from_keyring(part: str, *, ring: str = RING) -> str | None:
    """Read one part from the system's keyring; ``None`` if there is no keyring or no entry."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    try:
        found = keyring.get_password(ring, part)
    except keyring.errors.KeyringError:
        return None
    return None if found is None else str(found)


def forbid_core_files() -> None:
    """Let this process leave no core file where the system knows how to forbid it.

    A limit of zero does not hold where the system pipes core files to a program, so on Linux the process is also
    marked as not to be dumped; then other programs of the same user cannot read its memory either.
    """
    try:
        import resource
    except ImportError:  # Windows writes none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

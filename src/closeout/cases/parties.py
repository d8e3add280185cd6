"""Relying parties: who is told by a signed event that an account of theirs is closed, and what a step tells them.

They are named in the TOML file ``CLOSEOUT_RELYING_PARTIES``; without it nobody is told.
"""

from __future__ import annotations

import functools
import os
import ssl
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from closeout.cases import egress
from closeout.lifecycle import Effect, Event

if TYPE_CHECKING:
    from closeout.cases.operations import Step

DISABLED, PURGED, RECYCLED = "account-disabled", "account-purged", "identifier-recycled"
TOLD = {Event.CONFIRM_CLOSED: DISABLED, Event.CONFIRM_ERASED: PURGED}
NEEDED = {"name", "endpoint", "audience"}
KNOWN = NEEDED | {"token_file", "ca_file"}


class BadParties(ValueError):
    """The file of relying parties cannot be used; the message names what is wrong."""


@dataclass(frozen=True)
class Party:
    """One receiver of events. ``token`` authorizes us to it, ``ca`` is the root of its certificate; both optional."""

    name: str
    endpoint: str
    audience: str
    issuer: str
    token: str = field(default="", repr=False)
    ca: str = ""

    @property
    def host(self) -> str:
        """Return the only host that may be asked for this party."""
        return urlsplit(self.endpoint).hostname or ""

    def tls(self) -> ssl.SSLContext:
        """Return how its certificate is checked."""
        return ssl.create_default_context(cafile=self.ca or None)


def parties() -> Sequence[Party]:
    """Return the relying parties of this installation. Raises: BadParties."""
    path = os.environ.get("CLOSEOUT_RELYING_PARTIES")
    return _read(path) if path else ()


@functools.lru_cache(maxsize=4)
def _read(path: str) -> Sequence[Party]:
    try:
        said = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        issuer, listed = str(said["issuer"]), said["party"]
        found = tuple(_party(one, issuer) for one in listed)
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise BadParties(f"{path}: {wrong}") from wrong
    if len({party.name for party in found}) < len(found):
        raise BadParties(f"{path}: a name stands twice")
    return found


def _party(one: dict[str, Any], issuer: str) -> Party:
    if not one.keys() >= NEEDED or not one.keys() <= KNOWN:
        raise ValueError(f"a party has {', '.join(sorted(NEEDED))}, and may have token_file and ca_file")
    token = Path(one["token_file"]).read_text(encoding="ascii").strip() if "token_file" in one else ""
    party = Party(one["name"], one["endpoint"], one["audience"], issuer, token, one.get("ca_file", ""))
    egress.demand_allowed(party.endpoint, {party.host})
    return party


def named(name: str) -> Party | None:
    """Return the party called ``name``, if it is still one."""
    return next((party for party in parties() if party.name == name), None)


def told(steps: Sequence[Step], *, now: datetime) -> list[tuple[int, Effect, dict[str, object], datetime]]:
    """Return the effects that tell every party of ``steps``; empty where nobody is to be told."""
    found = parties()
    if not found:
        return []
    return [
        effect
        for step in steps
        if step.event in TOLD
        for effect in asked(step.case.pk, TOLD[step.event], now=now, known=found)
    ]


def asked(
    case: int, signal: str, *, now: datetime, known: Sequence[Party], row: int | None = None
) -> list[tuple[int, Effect, dict[str, object], datetime]]:
    """Return one effect for each of ``known``. ``row``: the recycled identifier that it is about."""
    more = {} if row is None else {"row": row}
    return [
        (case, Effect.SIGNAL, {"party": party.name, "signal": signal, "at": now.isoformat(), **more}, now)
        for party in known
    ]

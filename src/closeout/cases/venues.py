"""The venue whose accounts this installation closes."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

from closeout.cases import vaults
from closeout.venues.base import Venue
from closeout.venues.sandbox.venue import SandboxVenue

SANDBOX = "sandbox"


@functools.cache
def _sandbox(url: str) -> SandboxVenue:
    return SandboxVenue(url, sealer=vaults.vault())


def sandbox() -> SandboxVenue:
    """Return the sandbox exchange that lives in Django's database."""
    return _sandbox(vaults.url())


def venue(name: str) -> Venue:
    """Return the venue called ``name``. Raises: KeyError."""
    return {SANDBOX: sandbox}[name]()


def now() -> datetime:
    """Return the time that cases go by, aware UTC: the sandbox's own clock, so that a demonstration can move it."""
    return sandbox().now().replace(tzinfo=UTC)


def account_of(named: str) -> int | None:
    """Return the account that ``named`` means: its number, or the handle of a seeded person; None if there is none.

    A handle is free again when its account is closed: then the newest account has it.
    """
    with sandbox().connection() as connection:
        found = connection.execute(
            "select account_id from sandbox.account where handle = %s or account_id::text = %s "
            "order by account_id::text = %s desc, account_id desc limit 1",
            (named, named, named),
        ).fetchone()
    return None if found is None else int(found[0])


def forget() -> None:
    """Close connections, so that databases can be dropped or a process can end."""
    if _sandbox.cache_info().currsize:
        sandbox().close()
        _sandbox.cache_clear()

"""Which ways in this installation has, read from its environment once; a mistake stops the start, not a visitor."""

from __future__ import annotations

import functools
import os
from urllib.parse import urlsplit

from django.http import HttpRequest

from closeout.web.signin import duties, handover, oidc


@functools.cache
def holders() -> oidc.Provider | None:
    """Return the identity provider of the holders, ``CLOSEOUT_OIDC_…``. Raises: ValueError, OSError."""
    return oidc.configured("CLOSEOUT_OIDC")


@functools.cache
def staff() -> oidc.Provider | None:
    """Return the identity provider of the operator's people, ``CLOSEOUT_STAFF_OIDC_…``. Raises: ValueError, OSError."""
    return duties.provider()


@functools.cache
def staff_duties() -> duties.Duties | None:
    """Return which group of the provider has which role, ``CLOSEOUT_STAFF_OIDC_ROLES``. Raises: ValueError."""
    return duties.configured()


@functools.cache
def exchange() -> handover.Exchange | None:
    """Return whose hand-over links open this site, ``CLOSEOUT_HANDOVER_…``. Raises: ValueError, OSError."""
    return handover.configured()


def demand() -> None:
    """Read everything now. Raises: ValueError, OSError."""
    holders()
    staff()
    staff_duties()
    exchange()


def forget() -> None:
    """Read the environment again at the next question."""
    for known in (holders, staff, staff_duties, exchange):
        known.cache_clear()


def origin(request: HttpRequest) -> str:
    """Return scheme, host and port by which browsers reach this site: ``CLOSEOUT_ORIGIN``, else as asked."""
    return os.environ.get("CLOSEOUT_ORIGIN", "").rstrip("/") or f"{request.scheme}://{request.get_host()}"


def passkey_domain(request: HttpRequest) -> str:
    """Return the domain that passkeys are bound to: ``CLOSEOUT_PASSKEY_DOMAIN``, else the host of this site."""
    return os.environ.get("CLOSEOUT_PASSKEY_DOMAIN", "") or urlsplit(origin(request)).hostname or ""

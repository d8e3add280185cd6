"""Change of mind without sign-in: the signed link in every message that takes the application back (R-CLO-12).

A link is good for one application, from its first message until its cooling-off ends: the state of the case is its
date of expiry, so that a pause or a hold, which stops the clock, does not let it run out. It does nothing else than
keep the account.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from closeout.cases import operations, policies, queries, signed_names
from closeout.cases.models import Case
from closeout.cases.operations import Actor
from closeout.lifecycle import CLOSED, Event, State, allowed
from closeout.reasons import Refused, refuse

BY_LINK = Actor("holder", "link")
FREELY_MAX = 2  # applications taken back; from the next one on the link alone is not enough
HERE = "http://127.0.0.1:8000"
PURPOSE = "way-back"


class Standing(StrEnum):
    """What a genuine link can do at this moment."""

    OPEN = "open"  # the application can be taken back
    STRONG = "strong"  # it can, after sign-in and a strong factor
    USED = "used"  # it was taken back already
    CLOSING = "closing"  # the account is being closed at this moment
    CLOSED = "closed"  # too late
    ENDED = "ended"  # refused or lapsed: nothing is left to take back


def address(own: Sequence[str]) -> str:
    """Return where the pages are reached from outside: ``CLOSEOUT_URL``. ``own``: the true domains of the policy.

    Raises: ValueError where a message could not carry it: not https, or none of the true domains.
    """
    found = os.environ.get("CLOSEOUT_URL", HERE).rstrip("/")
    parts = urlsplit(found)
    host = parts.hostname or ""
    if _this_machine(host):
        return found
    if parts.scheme != "https" or not any(host == one or host.endswith(f".{one}") for one in own):
        raise ValueError("CLOSEOUT_URL must be https and one of own_domains of the policy")
    return found


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def link(case: Case) -> str:
    """Return the link that takes ``case`` back. Raises: ValueError (see :func:`address`)."""
    return f"{address(policies.of_version(case.policy_id).own_domains)}/stop/{token(case)}"


def token(case: Case) -> str:
    """Return the signed name of ``case``: the same for every message, so that the newest is as good as the first."""
    return signed_names.of(PURPOSE, case.pk, f"{case.number}|{case.venue}|{case.account_id}")


def case_of(said: str) -> Case | None:
    """Return the case that ``said`` was made for, None if we never made it; no answer tells which cases there are."""
    number = signed_names.number_in(said)
    if number is None:
        return None
    found = queries.cases([number])
    case = found[0] if found else Case(pk=number)  # the same work whether there is such a case or not
    return case if hmac.compare_digest(token(case), said) and found else None


def standing(case: Case) -> Standing:
    """Say what a genuine link of ``case`` can do now."""
    state = State(case.state)
    if Event.WITHDRAW in allowed(operations.life_of(case)):
        return Standing.STRONG if case.withdrawals >= FREELY_MAX else Standing.OPEN
    if state is State.WITHDRAWAL:
        return Standing.USED
    if state is State.CLOSING:
        return Standing.CLOSING
    return Standing.CLOSED if state in CLOSED else Standing.ENDED


def take_back(case: Case, *, now: datetime) -> bool:
    """Take ``case`` back by its link; return whether this call did it. Twice is once; it races with closing.

    Raises: Refused (being_closed, already_closed, already_ended, strong_factor).
    """
    if standing(case) is Standing.STRONG:
        raise refuse("strong_factor")
    try:
        operations.withdraw(case, actor=BY_LINK, now=now)
    except Refused:
        (again,) = queries.cases([case.pk])
        if again.state == State.WITHDRAWAL:
            return False
        raise
    return True


def strongly(case: Case) -> Case:
    """Return ``case`` as a strong factor confirms its withdrawal: a code for closing is none for this, and reversed.

    The copy is asked with :mod:`closeout.cases.codes` and never saved.
    """
    asked = copy.copy(case)
    said = f"withdraw|{case.pk}|{case.venue}|{case.account_id}|{case.number}"
    asked.action_digest = hashlib.sha256(said.encode()).hexdigest()
    return asked

"""Codes to the holder: opened, written sealed, and sent by the worker, in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from closeout.cases import journal, messages, passkeys, policies, vaults, venues, verification
from closeout.cases.models import Case
from closeout.lifecycle import Effect
from closeout.reasons import Refused, refuse
from closeout.venues.base import Holder


def holder_of(case: Case) -> Holder:
    """Return the person behind ``case``. Raises: Refused (unknown_account)."""
    holder = venues.venue(case.venue).holder(case.account_id)
    if holder is None:
        raise refuse("unknown_account")
    return holder


def send(case: Case, *factors: str, now: datetime, network: str = "") -> None:
    """Send a code by each of ``factors`` (email, sms), or open a round (totp, passkey); all of them or none.

    ``network``: where the request came from, for the limits.
    Raises: Refused (factor_missing, too_many_codes, consent_missing, unknown_account).
    """
    if not case.action_digest:
        raise refuse("consent_missing", count=1)
    holder = holder_of(case)
    known = {
        "email": holder.email, "sms": holder.phone, "totp": holder.totp_secret, "passkey": holder.passkeys,
    }  # fmt: skip
    for factor in factors:
        if not known.get(factor):
            raise refuse("factor_missing", factor=factor)
    addresses = {factor: to if isinstance(to := known[factor], str) else "" for factor in factors}
    minutes = policies.of_version(case.policy_id).code_minutes
    with transaction.atomic():
        for issued in verification.issue(case, addresses, pepper=vaults.pepper(), now=now, network=network):
            if issued.code is None:
                continue
            factor = issued.challenge.factor
            message = messages.keep(
                case, holder, template="code", channel=factor, address=addresses[factor],
                key=f"code-{issued.challenge.pk}", now=now,
                values={"code": issued.code, "minutes": str(minutes)},
            )  # fmt: skip
            journal.enqueue([(case.pk, Effect.NOTIFY, {"message": message.pk}, now)], lane=journal.AWAITED)


def send_what_may(case: Case, factors: Sequence[str], *, now: datetime, network: str = "") -> None:
    """Send by all of ``factors`` at once; where one is refused, by those that are not."""
    if not factors:
        return
    try:
        send(case, *factors, now=now, network=network)
    except Refused:
        for factor in factors if len(factors) > 1 else ():
            with contextlib.suppress(Refused):
                send(case, factor, now=now, network=network)


def confirm(
    case: Case,
    factor: str,
    code: str,
    *,
    now: datetime,
    network: str = "",
    site: passkeys.Site | None = None,
) -> None:
    """Check one code that the holder typed, or what their passkey signed; see :func:`confirm_all`. Raises: Refused."""
    for why in confirm_all(case, {factor: code}, now=now, network=network, site=site).values():
        raise why


def confirm_all(
    case: Case,
    typed: Mapping[str, str],
    *,
    now: datetime,
    network: str = "",
    site: passkeys.Site | None = None,
) -> Mapping[str, Refused]:
    """Check what the holder typed for each factor, and what their passkey signed at ``site``.

    Return why each is refused that is not right; see :mod:`verification`. Raises: Refused (unknown_account).
    """
    numbers = {factor: code for factor, code in typed.items() if factor != "passkey"}
    refused: dict[str, Refused] = {}
    if numbers:
        secret = holder_of(case).totp_secret if "totp" in numbers else None
        pepper = vaults.pepper()
        refused |= verification.confirm(
            case, numbers, pepper=pepper, totp_secret=secret, now=now, network=network
        )
    if "passkey" in typed:
        try:
            if site is None:
                raise refuse("wrong_passkey")
            registered = holder_of(case).passkeys
            verification.confirm_passkey(case, typed["passkey"], registered, site=site, now=now)
        except Refused as why:
            refused["passkey"] = why
    return refused


def passkey_options(case: Case, *, site: passkeys.Site, now: datetime) -> str:
    """Return what the browser asks the passkey to sign for ``case``, as JSON; empty if there is none to ask."""
    challenge = verification.open_round(case, "passkey", now=now)
    registered = holder_of(case).passkeys
    return passkeys.options(challenge, registered, site=site) if challenge and registered else ""

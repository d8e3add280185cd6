"""Codes to the holder: opened, written sealed, and sent by the worker, in one transaction."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from closeout.cases import journal, messages, passkeys, policies, vaults, venues, verification
from closeout.cases.models import Case
from closeout.lifecycle import Effect
from closeout.reasons import refuse
from closeout.venues.base import Holder


def holder_of(case: Case) -> Holder:
    """Return the person behind ``case``. Raises: Refused (unknown_account)."""
    holder = venues.venue(case.venue).holder(case.account_id)
    if holder is None:
        raise refuse("unknown_account")
    return holder


def send(case: Case, factor: str, *, now: datetime, network: str = "") -> None:
    """Send a code by ``factor`` (email or sms), or open a round for an authenticator (totp) or a passkey.

    ``network``: where the request came from, for the limits.
    Raises: Refused (factor_missing, too_many_codes, consent_missing, unknown_account).
    """
    if not case.action_digest:
        raise refuse("consent_missing", count=1)
    holder = holder_of(case)
    known = {
        "email": holder.email, "sms": holder.phone, "totp": holder.totp_secret, "passkey": holder.passkeys,
    }.get(factor)  # fmt: skip
    if not known:
        raise refuse("factor_missing", factor=factor)
    address = known if isinstance(known, str) else ""
    with transaction.atomic():
        issued = verification.issue(
            case, factor, pepper=vaults.pepper(), now=now, address=address, network=network
        )
        if issued.code is None:
            return
        minutes = policies.of_version(case.policy_id).code_minutes
        message = messages.keep(
            case, holder, template="code", channel=factor, address=address,
            key=f"code-{issued.challenge.pk}", now=now, values={"code": issued.code, "minutes": str(minutes)},
        )  # fmt: skip
        journal.enqueue([(case.pk, Effect.NOTIFY, {"message": message.pk}, now)], lane=journal.AWAITED)


def confirm(
    case: Case,
    factor: str,
    code: str,
    *,
    now: datetime,
    network: str = "",
    site: passkeys.Site | None = None,
) -> None:
    """Check a code that the holder typed, or what their passkey signed at ``site``; see :mod:`verification`.

    Raises: Refused.
    """
    if factor == "passkey":
        if site is None:
            raise refuse("wrong_passkey")
        registered = holder_of(case).passkeys
        verification.confirm_passkey(case, code, registered, site=site, now=now)
        return
    secret = holder_of(case).totp_secret if factor == "totp" else None
    verification.confirm(
        case, factor, code, pepper=vaults.pepper(), totp_secret=secret, now=now, network=network
    )


def passkey_options(case: Case, *, site: passkeys.Site, now: datetime) -> str:
    """Return what the browser asks the passkey to sign for ``case``, as JSON; empty if there is none to ask."""
    challenge = verification.open_round(case, "passkey", now=now)
    registered = holder_of(case).passkeys
    return passkeys.options(challenge, registered, site=site) if challenge and registered else ""

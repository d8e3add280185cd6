"""Passkeys (WebAuthn): the holder's device signs this very action, after it has recognised the holder.

The challenge is SHA-256 over the number of the round and the digest of the action, so an answer is good for one
case, one accepted text, and once. The keys are those that the exchange knows of the account; a new one is never
registered on the way to a closing. Source: W3C WebAuthn Level 3, section 7.2; py_webauthn does the steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import webauthn
from django.db import connection
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import InvalidJSONStructure, WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

from closeout.cases.models import Challenge
from closeout.reasons import refuse
from closeout.venues.base import Passkey

ANSWER_MAX = 8 * 1024
COUNTER = "select last_step from cases_totpstep where subject = %s"
RAISE_COUNTER = """
insert into cases_totpstep as held (subject, last_step) values (%(mark)s, %(count)s)
on conflict (subject) do update set last_step = excluded.last_step
where held.last_step < excluded.last_step or (held.last_step = 0 and excluded.last_step = 0)
returning last_step
"""


@dataclass(frozen=True)
class Site:
    """Where passkeys are good: the name that they are bound to, and the origin that the browser must report."""

    name: str
    origin: str


@dataclass(frozen=True)
class Used:
    """A passkey that signed, and its counter afterwards; authenticators that do not count say 0."""

    mark: str
    count: int


def challenge_of(challenge: Challenge) -> bytes:
    """Return what has to be signed: 32 bytes that stand for this round and this action."""
    return hashlib.sha256(
        b"closeout passkey|" + challenge.pk.bytes + challenge.action_digest.encode()
    ).digest()


def options(challenge: Challenge, registered: Sequence[Passkey], *, site: Site) -> str:
    """Return the options of ``navigator.credentials.get`` as JSON; user verification is demanded."""
    asked = webauthn.generate_authentication_options(
        rp_id=site.name,
        challenge=challenge_of(challenge),
        allow_credentials=[PublicKeyCredentialDescriptor(id=known.credential) for known in registered],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(asked)


def verify(challenge: Challenge, answer: str, registered: Sequence[Passkey], *, site: Site) -> Used:
    """Return the passkey whose signature over ``challenge`` is right. Raises: Refused (wrong_passkey)."""
    if len(answer) > ANSWER_MAX:
        raise refuse("wrong_passkey")
    try:
        said = parse_authentication_credential_json(answer)
        known = next((key for key in registered if key.credential == said.raw_id), None)
        if known is None:
            raise refuse("wrong_passkey")
        mark = "passkey:" + hashlib.sha256(known.credential).hexdigest()[:48]
        found = webauthn.verify_authentication_response(
            credential=said,
            expected_challenge=challenge_of(challenge),
            expected_rp_id=site.name,
            expected_origin=site.origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=_count(mark),
            require_user_verification=True,
        )
    except (WebAuthnException, InvalidJSONStructure, json.JSONDecodeError, ValueError, KeyError) as wrong:
        raise refuse("wrong_passkey") from wrong
    return Used(mark, found.new_sign_count)


def _count(mark: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNTER, [mark])
        row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def raise_counter(used: Used) -> None:
    """Keep the counter of a passkey; one that does not grow is a copy. Raises: Refused (wrong_passkey)."""
    with connection.cursor() as cursor:
        cursor.execute(RAISE_COUNTER, {"mark": used.mark, "count": used.count})
        if cursor.fetchone() is None:
            raise refuse("wrong_passkey")

"""What only a demonstration may do: seed people, move the sandbox's clock, read a seeded person's authenticator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import webauthn
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticatorSelectionCriteria, UserVerificationRequirement

from closeout.cases import senders, vaults, venues, verification
from closeout.cases.passkeys import Site
from closeout.reasons import refuse
from closeout.venues.base import Passkey
from closeout.venues.sandbox import people, seed, world

STORY_BEGINS = datetime(
    2026, 1, 5, 8
)  # naive UTC: when the demonstration's clock stands at its first chapter


def prepare(*, at: datetime | None = None) -> bool:
    """Seed the people if there are none; return whether it was done.

    ``at``: where the clock stands still (naive UTC); without it, the clock shows the machine's time and runs.
    """
    venue = venues.sandbox()
    with venue.connection() as connection:
        if connection.execute("select 1 from sandbox.account limit 1").fetchone() is not None:
            return False
        with connection.transaction():
            seed.seed(connection, vaults.vault(), at or datetime.now(UTC).replace(tzinfo=None))
            if at is None:
                world.run_clock(connection)
    return True


def pass_time(span: timedelta) -> datetime:
    """Let ``span`` pass at the exchange and let it do what it does by itself; return its time, naive UTC."""
    venue = venues.sandbox()
    with venue.connection() as connection:
        world.pass_time(connection, span)
    venue.settle()
    return venue.now()


def authenticator(account_id: int) -> str:
    """Return what the seeded person's authenticator app shows now. Raises: Refused (unknown_account)."""
    holder = venues.sandbox().holder(account_id)
    if holder is None or holder.totp_secret is None:
        raise refuse("unknown_account")
    return verification.totp(holder.totp_secret, int(venues.now().timestamp()) // verification.STEP)


def enrolment(account_id: int, *, site: Site) -> tuple[str, str]:
    """Return the options with which a browser makes a passkey, as JSON, and the challenge to keep until it is back."""
    options = webauthn.generate_registration_options(
        rp_id=site.name,
        rp_name="closeout sandbox",
        user_id=str(account_id).encode(),
        user_name=f"UID {account_id}",
        authenticator_selection=AuthenticatorSelectionCriteria(
            user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return webauthn.options_to_json(options), webauthn.helpers.bytes_to_base64url(options.challenge)


def enrol(account_id: int, answer: str, *, challenge: str, site: Site) -> None:
    """Register the passkey that a browser made. Raises: Refused (wrong_passkey, unknown_account)."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=webauthn.base64url_to_bytes(challenge),
            expected_rp_id=site.name,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError) as wrong:
        raise refuse("wrong_passkey") from wrong
    passkey = Passkey(made.credential_id, made.credential_public_key)
    with venues.sandbox().connection() as opened, opened.transaction(), opened.cursor() as cursor:
        if not people.add_passkey(cursor, vaults.vault(), account_id, passkey):
            raise refuse("unknown_account")


def outbox() -> Path:
    """Return where messages of the demonstration are written."""
    return senders.outbox()

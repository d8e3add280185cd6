"""The operator's people: seeded for a demonstration, signed in with two factors, known by their session."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from closeout.cases import audit, limits, vaults, verification
from closeout.cases.models import Case, Staff, StaffSession
from closeout.cases.operations import Actor
from closeout.cases.permissions import Right, may
from closeout.reasons import Refused, refuse

CLASS, CONTEXT = "operational", "staff.authenticator"
TRIES, PER, NAME_MAX = 5, timedelta(minutes=5), 64
SEEDED = (
    ("support-1", "support"),
    ("support-2", "support"),
    ("identity-1", "identity"),
    ("compliance-1", "compliance"),
    ("compliance-2", "compliance"),
    ("approver-1", "approver"),
    ("approver-2", "approver"),
    ("auditor-1", "auditor"),
    ("operator-1", "operator"),
)


def add(name: str, role: str, *, venue: str, now: datetime, secret: bytes | None = None) -> Staff:
    """Add somebody; somebody of that name stays as they are. ``secret`` of their authenticator, made if missing."""
    sealed = vaults.vault().seal(_subject(name), CLASS, secret or secrets.token_bytes(20), context=CONTEXT)
    with transaction.atomic():
        person, made = Staff.objects.get_or_create(
            name=name, defaults={"role": role, "venue": venue, "authenticator": sealed, "added_at": now}
        )
        if made:
            audit.append([audit.Line(_subject(name), "staff:add", "system", {"role": role})], now=now)
    return person


def seed(*, venue: str, now: datetime) -> Sequence[Staff]:
    """Make the generated people of a demonstration, named by their roles; idempotent."""
    found = {person.name: person for person in Staff.objects.filter(name__in=[name for name, _ in SEEDED])}
    for name, role in SEEDED:
        if name not in found:
            known = hashlib.sha256(f"staff/{name}".encode()).digest()[:20]
            found[name] = add(name, role, venue=venue, now=now, secret=known)
    return [found[name] for name, _ in SEEDED]


def authenticator(person: Staff, *, now: datetime) -> str:
    """Return what the authenticator app of a seeded person shows. Raises: Refused (not_seeded)."""
    if person.name not in {name for name, _ in SEEDED}:
        raise refuse("not_seeded")
    return verification.totp(_secret(person), int(now.timestamp()) // verification.STEP)


def named(name: str) -> Staff | None:
    """Return the active person called ``name``."""
    return Staff.objects.filter(name=name, active=True).first()


def sign_in(person: Staff, code: str, *, now: datetime) -> StaffSession:
    """Begin a session with the second factor. ``now``: the real time, aware UTC.

    A code is good once and in its 30 seconds or the step before; guesses are counted before they are compared.
    Must not be called inside a transaction. Raises: Refused (too_many_codes, wrong_staff_code, code_replayed).
    """
    wait = limits.wait_for(f"staff:{person.name}", count=TRIES, per=PER, now=now)
    if wait:
        raise refuse("too_many_codes", seconds=int(wait.total_seconds()))
    if not person.active or not person.authenticator:
        raise refuse("wrong_staff_code")
    typed, step = "".join(code.split()), int(now.timestamp()) // verification.STEP
    secret = _secret(person)
    matches = [at for at in (step, step - 1) if secrets.compare_digest(verification.totp(secret, at), typed)]
    if not matches:
        audit.append([audit.Line(_subject(person.name), "staff:wrong_code", "system")], now=now)
        raise refuse("wrong_staff_code")
    with transaction.atomic():
        if not _raise_mark(person, matches[0]):
            raise refuse("code_replayed")
        return _begin(person, "code", now=now)


def _begin(person: Staff, way: str, *, now: datetime) -> StaffSession:
    session = StaffSession.objects.create(id=uuid.uuid4(), staff=person, started_at=now)
    details = {"session": session.id.hex, "way": way, "role": person.role}
    audit.append([audit.Line(_subject(person.name), "staff:sign_in", str(actor(person)), details)], now=now)
    return session


@dataclass(frozen=True)
class Arrival:
    """Who an identity provider vouches for, second factor included; ``role`` is None for nobody of ours."""

    issuer: str
    subject: str
    name: str
    role: str | None
    account_id: int | None = None


def arrive(arrival: Arrival, *, venue: str, now: datetime) -> StaffSession:
    """Begin a session for somebody whom the provider vouches for; role and account are what it says today.

    A role that was taken away ends every session at once. ``now``: the real time. Raises: Refused (staff_role).
    """
    with transaction.atomic():
        known = (
            Staff.objects.select_for_update().filter(issuer=arrival.issuer, subject=arrival.subject).first()
        )
        if known is not None and arrival.role != known.role:
            StaffSession.objects.filter(staff=known, ended_at=None).update(ended_at=now)
        person = _keep(known, arrival, venue=venue, now=now)
        session = _begin(person, "provider", now=now) if person is not None and person.active else None
    if session is None:
        raise refuse("staff_role")
    return session


def _keep(known: Staff | None, arrival: Arrival, *, venue: str, now: datetime) -> Staff | None:
    """Write down what the provider says of somebody; None where nobody of ours was or is meant."""
    if known is None:
        if arrival.role is None or Staff.objects.filter(name=arrival.name[:NAME_MAX]).exists():
            return None
        known = Staff(
            issuer=arrival.issuer, subject=arrival.subject, name=arrival.name[:NAME_MAX], added_at=now
        )
        audit.append(
            [audit.Line(_subject(known.name), "staff:add", "provider", {"role": arrival.role})], now=now
        )
    if arrival.role is not None:
        known.role, known.venue, known.account_id = arrival.role, venue, arrival.account_id
    known.active = arrival.role is not None
    known.save()
    return known


def _raise_mark(person: Staff, step: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(verification.RAISE_STEP, {"subject": _subject(person.name), "step": step})
        return cursor.fetchone() is not None


def session_of(ident: str) -> StaffSession | None:
    """Return the session if it has not ended and its person is still with us."""
    found = StaffSession.objects.filter(pk=ident, ended_at=None, staff__active=True)
    return found.select_related("staff").first()


def sign_out(session: StaffSession, *, now: datetime) -> None:
    """End the session; again is once."""
    if StaffSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now):
        line = audit.Line(_subject(session.staff.name), "staff:sign_out", str(actor(session.staff)))
        audit.append([line], now=now)


def actor(person: Staff) -> Actor:
    """Return how histories and the audit log name somebody."""
    return Actor("agent", person.name)


def case_for(person: Staff, number: str) -> Case:
    """Return the case with this number, of the person's own tenant only. Raises: Refused (unknown_case)."""
    case = Case.objects.filter(number=number, venue=person.venue).first()
    if case is None:
        raise refuse("unknown_case")
    return case


def demand(person: Staff, right: Right, case: Case) -> None:
    """Raise unless ``person`` has ``right`` over ``case`` as it stands. Raises: Refused (no_right, own_account)."""
    if not may(person.role, right, case.state):
        raise no_right()
    if person.account_id is not None and (person.venue, person.account_id) == (case.venue, case.account_id):
        raise refuse("own_account")


def no_right() -> Refused:
    """Return the refusal of what the table of permissions does not allow."""
    return refuse("no_right")


def _subject(name: str) -> str:
    return f"staff:{name}"


def _secret(person: Staff) -> bytes:
    return vaults.vault().open(_subject(person.name), CLASS, bytes(person.authenticator), context=CONTEXT)

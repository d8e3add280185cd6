"""Step-up verification: codes by e-mail and SMS, the authenticator app, passkeys (R-CLO-3, R-DIA-5).

A challenge belongs to one case and one action digest (case, policy, accepted text), is compared at most
``code_tries`` times ever, and is used at most once. Every attempt is counted by one atomic statement that is
committed before the comparison, so parallel guesses cannot get more tries. Source: OWASP ASVS 5.0 V6.5, V6.6.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from closeout.cases import guesses, limits, passkeys, policies
from closeout.cases.models import Case, Challenge
from closeout.reasons import Reason, Refused, refuse
from closeout.venues.base import Passkey

DIGITS = 8  # closing is irreversible; 6 digits elsewhere (chance per account and day below 1e-6)
STEP = 30  # seconds, RFC 6238
LOOK = 10  # steps examined on both sides, only to tell how far a clock is off
RESEND = guesses.RESEND

COUNT_ATTEMPT = """
update cases_challenge set attempts = attempts + 1
where id = %s and attempts < attempts_max and used_at is null and expires_at > %s
returning digest
"""
USE_ONCE = "update cases_challenge set used_at = %s where id = %s and used_at is null returning id"
RAISE_STEP = """
insert into cases_totpstep as held (subject, last_step) values (%(subject)s, %(step)s)
on conflict (subject) do update set last_step = excluded.last_step where held.last_step < excluded.last_step
returning last_step
"""


@dataclass(frozen=True)
class Issued:
    """A challenge and, for e-mail and SMS, the code to send; the code exists nowhere else."""

    challenge: Challenge
    code: str | None


def action_digest(case: Case, text_hash: str) -> str:
    """Return what a code is good for: this case, at this policy, with this accepted text."""
    said = f"close|{case.pk}|{case.venue}|{case.account_id}|{case.policy_id}|{text_hash}"
    return hashlib.sha256(said.encode()).hexdigest()


def issue(
    case: Case, addresses: Mapping[str, str], *, pepper: bytes, now: datetime, network: str = ""
) -> Sequence[Issued]:
    """Open a challenge for each factor of ``addresses``, all or none; earlier ones of these factors are void.

    ``addresses``: where each code goes, empty for what is not sent to; ``network``: where the request came from.
    Both are limited, neither is kept. Raises: Refused (too_many_codes, with the seconds to wait).
    """
    policy = policies.of_version(case.policy_id)
    asked = [
        limit
        for factor, address in addresses.items()
        for limit in guesses.sending(case.account_id, factor, address=address, network=network)
    ]
    with transaction.atomic():
        waits = limits.take(limits.together(asked), now=now)
        if waits:
            raise refuse("too_many_codes", seconds=guesses.seconds(waits))
        tries, minutes = policy.code_tries, policy.code_minutes
        return [_open(case, factor, tries, minutes, pepper=pepper, now=now) for factor in addresses]


def _open(case: Case, factor: str, tries: int, minutes: int, *, pepper: bytes, now: datetime) -> Issued:
    Challenge.objects.filter(case=case, factor=factor, used_at=None, expires_at__gt=now).update(
        expires_at=now
    )
    ident = uuid.uuid4()
    code = None if factor in ("totp", "passkey") else f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    challenge = Challenge.objects.create(
        id=ident, case=case, factor=factor, action_digest=case.action_digest,
        digest=None if code is None else _digest(pepper, ident, case.action_digest, code),
        attempts_max=tries, issued_at=now, expires_at=now + timedelta(minutes=minutes),
    )  # fmt: skip
    return Issued(challenge, code)


def _digest(pepper: bytes, ident: uuid.UUID, action: str, code: str) -> bytes:
    return hmac.digest(pepper, f"{ident}|{action}|{code}".encode(), "sha256")


@dataclass
class _Answer:
    """One code that was typed: to which challenge, which limits it takes, of an authenticator its step."""

    challenge: Challenge
    typed: str
    guarded: Sequence[limits.Limit]
    step: int | None = None


def confirm(
    case: Case,
    typed: Mapping[str, str],
    *,
    pepper: bytes,
    totp_secret: bytes | None,
    now: datetime,
    network: str = "",
) -> Mapping[str, Refused]:
    """Accept the code that was typed for each factor; return why the others are refused.

    Every attempt is counted by one commit before anything is compared, so that it counts whatever comes after; what
    is right is marked by another. Must not be called inside a transaction. Reasons: code_not_sent, code_expired,
    code_used_up, wrong_code, code_replayed, clock_off, factor_missing, too_many_guesses, codes_paused.
    """
    policy, answers, refused = policies.of_version(case.policy_id), list[_Answer](), dict[str, Refused]()
    for factor, code in typed.items():
        challenge = _current(case, factor)
        if challenge is None or challenge.action_digest != case.action_digest:
            refused[factor] = refuse("code_not_sent", factor=factor)
        elif factor == "totp" and totp_secret is None:
            refused[factor] = refuse("factor_missing", factor=factor)
        else:
            guarded = guesses.guessing(case.account_id, factor, network=network, policy=policy)
            answers.append(_Answer(challenge, "".join(code.split()), guarded))
    digests = _count(answers, refused, now=now)
    right = []
    for answer in answers:
        factor = answer.challenge.factor
        try:
            if factor in digests and _is_right(case, answer, digests[factor], pepper, totp_secret, now=now):
                right.append(answer)
        except Refused as why:
            refused[factor] = why
    return {**refused, **_accept(case, right, now=now)}


def _is_right(
    case: Case, answer: _Answer, digest: bytes, pepper: bytes, totp_secret: bytes | None, *, now: datetime
) -> bool:
    """Compare, and note the step of an authenticator. Raises: Refused (wrong_code, code_used_up, clock_off)."""
    challenge = answer.challenge
    if challenge.factor == "totp":
        assert totp_secret is not None
        answer.step = _totp_step(case, answer.typed, totp_secret, now=now)
        right = answer.step is not None
    else:
        right = hmac.compare_digest(digest, _digest(pepper, challenge.pk, case.action_digest, answer.typed))
    if not right:
        raise _wrong(challenge)
    return True


def _accept(case: Case, right: Sequence[_Answer], *, now: datetime) -> Mapping[str, Refused]:
    """Mark right codes as used in one commit; where one was used meanwhile, each stands alone."""
    if not right:
        return {}
    try:
        with transaction.atomic():  # all marks or none: a crash between burns no code
            _give_back(right)  # first, as in counting: rows are always taken in the same order
            for answer in right:
                if answer.step is not None and not _raise_mark(case, answer.step):
                    raise refuse("code_replayed")
                _use(answer.challenge, now=now)
    except Refused as why:
        if len(right) == 1:
            return {right[0].challenge.factor: why}
        return {
            factor: alone for answer in right for factor, alone in _accept(case, [answer], now=now).items()
        }
    return {}


def _give_back(answers: Sequence[_Answer]) -> None:
    limits.give_back(limits.together(limit for answer in answers for limit in answer.guarded))


def confirm_passkey(
    case: Case, answer: str, registered: Sequence[Passkey], *, site: passkeys.Site, now: datetime
) -> None:
    """Accept what the holder's passkey signed over this very action, or refuse it; the attempt counts.

    No guess is worth a limit here, so the way stays open while codes are paused. Must not be called inside a
    transaction. ``registered``: the passkeys that the exchange knows of the account.
    Raises: Refused (code_not_sent, code_expired, code_used_up, code_replayed, wrong_passkey).
    """
    challenge = _current(case, "passkey")
    if challenge is None or challenge.action_digest != case.action_digest:
        raise refuse("code_not_sent", factor="passkey")
    refused: dict[str, Refused] = {}
    _count([_Answer(challenge, answer, ())], refused, now=now)
    if refused:
        raise refused["passkey"]
    used = passkeys.verify(challenge, answer, registered, site=site)
    with transaction.atomic():
        passkeys.raise_counter(used)
        _use(challenge, now=now)


def _count(answers: Sequence[_Answer], refused: dict[str, Refused], *, now: datetime) -> Mapping[str, bytes]:
    """Count every attempt in one commit, before anything is compared; return what to compare with, by factor.

    Whoever must not be compared comes into ``refused``, and gets back what the limits gave.
    """
    digests: dict[str, bytes] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        asked = limits.together(limit for answer in answers for limit in answer.guarded)
        waits = limits.take(asked, now=now) if asked else {}
        for answer in () if waits else answers:
            cursor.execute(COUNT_ATTEMPT, [answer.challenge.pk, now])
            if counted := cursor.fetchone():
                digests[answer.challenge.factor] = bytes(counted[0] or b"")
        void = [answer for answer in answers if answer.challenge.factor not in digests]
        if void and not waits and asked:
            _give_back(void)
    for answer in void:
        code = "codes_paused" if guesses.EVERYBODY in waits else "too_many_guesses"
        why = refuse(code, seconds=guesses.seconds(waits)) if waits else _why_void(answer.challenge)
        refused[answer.challenge.factor] = why
    return digests


def _use(challenge: Challenge, *, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(USE_ONCE, [now, challenge.pk])
        if cursor.fetchone() is None:
            raise refuse("code_replayed")


def _wrong(challenge: Challenge) -> Refused:
    challenge.refresh_from_db()
    left = challenge.attempts_max - challenge.attempts
    return refuse("wrong_code", factor=challenge.factor, left=left) if left else _why_void(challenge)


def _current(case: Case, factor: str) -> Challenge | None:
    return Challenge.objects.filter(case=case, factor=factor).order_by("-issued_at").first()


def open_round(case: Case, factor: str, *, now: datetime) -> Challenge | None:
    """Return the challenge of ``factor`` that can still be answered for this very action, or None."""
    challenge = _current(case, factor)
    if challenge is None or challenge.action_digest != case.action_digest:
        return None
    alive = challenge.used_at is None and challenge.expires_at > now
    return challenge if alive and challenge.attempts < challenge.attempts_max else None


def _why_void(challenge: Challenge) -> Refused:
    challenge.refresh_from_db()
    if challenge.used_at is not None:
        return refuse("code_replayed")
    if challenge.attempts >= challenge.attempts_max:
        return refuse("code_used_up", factor=challenge.factor, minutes=int(RESEND.total_seconds() // 60))
    return refuse("code_expired", factor=challenge.factor)


def totp(secret: bytes, step: int, digits: int = 6) -> str:
    """Return the code of RFC 6238 for ``step`` (Unix time // 30), HMAC-SHA-1."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def _totp_step(case: Case, typed: str, secret: bytes, *, now: datetime) -> int | None:
    """Return the step of ``typed`` if the policy allows it, None for a wrong code; tell a wrong clock.

    A code of a wrong clock is never accepted, and the mark is raised to it: who guesses learns no code that
    will be good later. Raises: Refused (clock_off).
    """
    policy = policies.of_version(case.policy_id)
    step = int(now.timestamp()) // STEP
    matches = [
        at for at in range(step - LOOK, step + LOOK + 1) if hmac.compare_digest(totp(secret, at), typed)
    ]
    if not matches:
        return None
    nearest = min(matches, key=lambda at: abs(at - step))
    if step - policy.totp_steps_back <= nearest <= step:
        return nearest
    _raise_mark(case, nearest)
    off = (nearest - step) * STEP
    raise refuse("clock_off", seconds=abs(off), direction="fast" if off > 0 else "slow")


def _raise_mark(case: Case, step: int) -> bool:
    """Raise the mark of used steps to ``step``; return whether it was below."""
    with connection.cursor() as cursor:
        cursor.execute(RAISE_STEP, {"subject": f"{case.venue}:{case.account_id}", "step": step})
        return cursor.fetchone() is not None


def missing(case: Case, *, now: datetime) -> Sequence[str]:
    """Return the factors that the policy asks for and that are not freshly confirmed for this very action."""
    policy = policies.of_version(case.policy_id)
    fresh = now - timedelta(minutes=policy.step_up_minutes)
    done = set(
        Challenge.objects.filter(
            case=case, used_at__gte=fresh, action_digest=case.action_digest
        ).values_list("factor", flat=True)
    )  # fmt: skip
    return [factor for factor in policy.verification if factor not in done]


def not_verified(case: Case, *, now: datetime) -> list[Reason]:
    """Return the reason that verification is incomplete, or nothing."""
    lacking = missing(case, now=now)
    return [Reason("not_verified", {"factors": " ".join(lacking)})] if lacking else []

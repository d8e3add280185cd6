"""The operator's people in tests: seeded, each in a session of their own, and cases that wait for them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from tests.cases.exchange import Exchange

from closeout.cases import applications, codes, consent, messages, policies, proving, staff, venues
from closeout.cases.models import Case, Evidence, EvidenceRequest, Staff, StaffSession


@dataclass
class People:
    """Everybody who is seeded, by name."""

    by_name: dict[str, Staff]

    def session(self, name: str) -> StaffSession:
        """Return a fresh session of somebody."""
        return StaffSession.objects.create(id=uuid.uuid4(), staff=self.by_name[name], started_at=venues.now())


def seeded() -> People:
    """Make the people and return them."""
    return People({person.name: person for person in staff.seed(venue="sandbox", now=venues.now())})


def referred(exchange: Exchange, account: int) -> Case:
    """Bring ``account`` into review: everything confirmed but the lost authenticator."""
    now = exchange.now
    case = applications.open_case(account, venue="sandbox", language="en", now=now)
    applications.show_consent(case, language="en", now=now)
    policy = policies.of_version(case.policy_id)
    later = exchange.later(seconds=policy.consent_reading_seconds)
    points = [code for code, _ in consent.points(policy, "en")]
    applications.give_consent(case, points, language="en", now=later)
    applications.choose_records(case, "declined", now=later)
    for factor in ("email", "sms"):
        codes.send(case, factor, now=later)
        body = [one["body"] for one in messages.inbox(case) if one["channel"] == factor][-1]
        code = next(word for word in body.replace("：", " ").split() if word.isdigit() and len(word) == 8)
        codes.confirm(case, factor, code, now=later)
    proving.refer(case, lost=["totp"], now=later)
    return exchange.again(case)


def proven(case: Case, people: People) -> Evidence:
    """Let ``case`` have a video that the identity team found to match; no file lies behind it."""
    at = venues.now()
    request = EvidenceRequest.objects.create(
        case=case,
        kind="video",
        asked_by=people.by_name["identity-1"],
        asked_at=at,
        expires_at=at,
        state="received",
    )
    return Evidence.objects.create(
        case=case, request=request, kind="video", media_type="video/webm", size=1, sha256="0" * 64, received_at=at,
        verdict="matches", judged_by=people.by_name["identity-1"], judged_at=at,
    )  # fmt: skip

"""Closing for others than the holder: estate, guardian, joint and corporate accounts (R-SUP-11, hard cases 28 to 31).

A relative or representative gives notice without signing in; nothing happens by that alone. An agent opens the
mandate with its signers; the case then waits in review for documents, n of m signatures and two other people. What is
signed is bound by a digest over the case, the number needed and the signers: another list needs new signatures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from closeout.cases import applications, audit, desk, journal, queries, staff, vaults
from closeout.cases.mandate_kinds import KINDS, OF_SIGNER
from closeout.cases.models import Case, Evidence, Mandate, Signer, Staff, StaffSession, Task
from closeout.cases.office import office
from closeout.cases.operations import Actor, advance
from closeout.cases.permissions import Right, may
from closeout.lifecycle import FROZEN, Effect, Event, State
from closeout.reasons import Reason, Refused, refuse

CLASS, CONTEXT = "operational", "mandate"
NOBODY = "mandate:unknown"  # keys for notices that name no account of ours; they are blanked soon
NEUTRAL = Actor("review")
SIGNERS_MAX, NAME_MAX, TEXT_MAX = 8, 120, 1000
NOTICE_KEPT = timedelta(days=90)
TEAM, TASK = "identity", "mandate"
OPENS = frozenset({State.APPLICATION, State.SCHEDULED, State.REVIEW, State.COOLING_OFF, State.PAUSE})
REFERRED = frozenset({State.APPLICATION, State.SCHEDULED})


@dataclass(frozen=True)
class Person:
    """Somebody who signs, as the notice or the agent named them."""

    name: str
    email: str


@dataclass(frozen=True)
class Paper:
    """One document that is needed, of the mandate or of a signer; missing, received, accepted or again."""

    code: str
    signer: int | None
    state: str


def notice(
    account_id: int | None,
    kind: str,
    claimant: Person,
    text: str,
    *,
    venue: str,
    language: str,
    now: datetime,
) -> Signer:
    """Take the notice of somebody who is not the holder; people read it, and nothing else happens by it.

    ``account_id``: None where what they named is no account of ours: the answer is the same. Raises: Refused.
    """
    problems = _people_problems([claimant])
    if kind not in KINDS:
        problems.append(Reason("mandate_kind"))
    if len(text) > TEXT_MAX:
        problems.append(Reason("message_too_long", {"most": TEXT_MAX}))
    if problems:
        raise Refused(*problems)
    subject = _subject(venue, account_id)
    with transaction.atomic():
        mandate = Mandate.objects.create(
            venue=venue,
            account_id=account_id,
            kind=kind,
            opened_at=now,
            sealed=_sealed(subject, {"text": text}),
        )
        signer = _signer(mandate, claimant, language, subject)
        _put_before_people(account_id, venue=venue, now=now)
        audit.append(
            [audit.Line(f"mandate:{mandate.pk}", "mandate:notice", "claimant", {"kind": kind})], now=now
        )
    return signer


class _Nobody(Exception):
    """What was named is no account of ours."""


def _put_before_people(account_id: int | None, *, venue: str, now: datetime) -> None:
    """Open the task of a notice. For no account the same is done and undone, so that the work tells nothing."""
    with contextlib.suppress(_Nobody), transaction.atomic():
        Task.objects.get_or_create(
            venue=venue, account_id=account_id or 0, team=TEAM, kind=TASK, closed_at=None,
            defaults={"opened_at": now, "due_at": office().answer_by(now)},
        )  # fmt: skip
        if account_id is None:
            raise _Nobody


def open_for(
    session: StaffSession,
    account_id: int,
    *,
    kind: str,
    needed: int,
    people: Sequence[Person],
    language: str,
    now: datetime,
    given: int = 0,
) -> Mandate:
    """Open the mandate over an account: its case waits in review until ``needed`` of ``people`` have signed.

    An application that runs already is taken over; one that is in cooling-off stands still. ``given``: the notice
    that it answers. Raises: Refused (mandate_kind, mandate_signers, mandate_needed, mandate_open, mandate_too_late,
    no_right, own_account, unknown_account).
    """
    problems = _people_problems(people)
    if kind not in KINDS:
        problems.append(Reason("mandate_kind"))
    if not 1 <= needed <= len(people):
        problems.append(Reason("mandate_needed"))
    if problems:
        raise Refused(*problems)
    with transaction.atomic():
        case = _case_for(session, account_id, language, now=now)
        mandate = _given(given, case, people) or Mandate(venue=case.venue)
        _move(mandate, account_id)
        mandate.case, mandate.kind, mandate.state, mandate.digest = case, kind, "open", "-"
        mandate.needed, mandate.opened_by, mandate.opened_at = needed, session.staff, now
        mandate.stops, mandate.froze = case.state in FROZEN, KINDS[kind].freezes and case.state not in FROZEN
        mandate.save()
        _name(mandate, people, language)
        mandate.digest = digest(mandate)
        mandate.save(update_fields=["digest"])
        _take_over(mandate, case, staff.actor(session.staff), now=now)
        details = {"kind": kind, "needed": needed, "of": len(people), "mandate": mandate.pk}
        audit.append(
            [audit.Line(case.number, "mandate:open", str(staff.actor(session.staff)), details)], now=now
        )
    return mandate


def _people_problems(people: Sequence[Person]) -> list[Reason]:
    right = 1 <= len(people) <= SIGNERS_MAX and len({one.email.lower() for one in people}) == len(people)
    for one in people:
        try:
            validate_email(one.email)
        except ValidationError:
            right = False
        right = right and 1 <= len(one.name.strip()) <= NAME_MAX
    return [] if right else [Reason("mandate_signers")]


def _case_for(session: StaffSession, account_id: int, language: str, *, now: datetime) -> Case:
    """Return the case that the mandate is about, locked; opened now if there is none. Raises: Refused."""
    person = session.staff
    running = queries.open_case_of(account_id, venue=person.venue)
    if running is None:
        if not may(person.role, Right.OPEN_MANDATE, State.APPLICATION):
            raise staff.no_right()
        if person.account_id == account_id:
            raise refuse("own_account")
        actor = staff.actor(person)
        running = applications.open_case(
            account_id, venue=person.venue, language=language, actor=actor, now=now
        )
    (case,) = queries.lock([running.pk], wait=True)
    if Mandate.objects.filter(case=case).exists():
        raise refuse("mandate_open", number=case.number)
    if case.state not in OPENS:
        raise refuse("mandate_too_late")
    staff.demand(person, Right.OPEN_MANDATE, case)
    return case


def _given(ident: int, case: Case, people: Sequence[Person]) -> Mandate | None:
    """Return the notice that goes on as this mandate: only if who gave it is one of ``people``; else it is declined."""
    found = Mandate.objects.select_for_update().filter(pk=ident, venue=case.venue, state="notice").first()
    if found is None:
        return None
    known = {person_of(signer).email.lower() for signer in Signer.objects.filter(mandate=found)}
    if known & {one.email.lower() for one in people}:
        return found
    Mandate.objects.filter(pk=found.pk).update(state="declined")
    return None


def _move(mandate: Mandate, account_id: int) -> None:
    """Seal what a notice said with the keys of the account that it turned out to be about."""
    subject = _subject(mandate.venue, account_id)
    if mandate.pk is not None:
        mandate.sealed = _sealed(subject, {"text": words_of(mandate)})
        for signer in signers(mandate):
            Signer.objects.filter(pk=signer.pk).update(sealed=_sealed(subject, person_of(signer).__dict__))
    mandate.account_id = account_id


def _name(mandate: Mandate, people: Sequence[Person], language: str) -> None:
    """Write down who must sign; whoever gave the notice keeps their link."""
    subject = _subject(mandate.venue, mandate.account_id)
    known = {person_of(one).email.lower() for one in signers(mandate)}
    for person in people:
        if person.email.lower() not in known:
            _signer(mandate, person, language, subject)


def _take_over(mandate: Mandate, case: Case, actor: Actor, *, now: datetime) -> None:
    """Bring the case to where people decide, and tell everybody: the holder, who may be alive, and each signer."""
    if case.state in REFERRED:
        detail = {"mandate": mandate.kind}
        advance([case.pk], Event.REFER, actor=actor, now=now, detail=detail, letter="")
    elif mandate.stops and not case.held:
        advance([case.pk], Event.HOLD, actor=NEUTRAL, now=now)
    effects = [(case.pk, Effect.FREEZE, dict[str, object](), now)] if mandate.froze else []
    effects.append((case.pk, Effect.NOTIFY, {"template": "mandate"}, now))
    effects += [
        (case.pk, Effect.NOTIFY, {"template": "sign", "signer": signer.pk}, now)
        for signer in signers(mandate)
    ]
    journal.enqueue(effects, lane=journal.AWAITED)
    _answered(case.venue, case.account_id, now=now)
    desk.open_task(case, TEAM, TASK, now=now, waits_for="holder")


def decline(session: StaffSession, ident: int, *, now: datetime) -> None:
    """End a notice that opens nothing; who gave it reads so behind their link. Raises: Refused."""
    if not may(session.staff.role, Right.OPEN_MANDATE, State.APPLICATION):
        raise staff.no_right()
    with transaction.atomic():
        rows = Mandate.objects.filter(pk=ident, venue=session.staff.venue, state="notice")
        found = rows.first()
        if found is None or not rows.update(state="declined"):
            raise refuse("nothing_to_decide")
        if found.account_id is not None:
            _answered(found.venue, found.account_id, now=now)
        line = audit.Line(f"mandate:{ident}", "mandate:decline", str(staff.actor(session.staff)))
        audit.append([line], now=now)


def _answered(venue: str, account_id: int, *, now: datetime) -> None:
    """Close the task of the notices of an account if none is left."""
    if not Mandate.objects.filter(account_id=account_id, venue=venue, state="notice").exists():
        tasks = Task.objects.filter(account_id=account_id, venue=venue, kind=TASK, case=None, closed_at=None)
        tasks.update(closed_at=now)


def forget(*, now: datetime) -> int:
    """Blank what notices said that came to nothing 90 days ago."""
    old = Mandate.objects.filter(case=None, opened_at__lt=now - NOTICE_KEPT).exclude(sealed=b"")
    Signer.objects.filter(mandate__in=old).update(sealed=b"")
    return old.update(sealed=b"", state="declined")


# -- what is asked of a mandate


def of(case: Case) -> Mandate | None:
    """Return the open mandate of ``case``."""
    return Mandate.objects.filter(case=case, state="open").first()


def opener(mandate: Mandate) -> Staff:
    """Return the agent who opened ``mandate``; the database holds that there is one."""
    assert mandate.opened_by is not None
    return mandate.opened_by


def listed(venue: str, *, most: int = 50) -> Sequence[Mandate]:
    """Return the notices that nobody answered, oldest first."""
    rows = Mandate.objects.filter(venue=venue, state="notice").order_by("id")
    return list(rows.prefetch_related("signers")[:most])


def signers(mandate: Mandate) -> Sequence[Signer]:
    """Return who may sign, in the order in which they were named."""
    return list(Signer.objects.filter(mandate=mandate).order_by("id"))


def digest(mandate: Mandate) -> str:
    """Return SHA-256 over what is signed: the text in both languages, the case, and who must sign."""
    number = mandate.case.number if mandate.case else ""
    said = [number, mandate.kind, mandate.needed, [one.pk for one in signers(mandate)]]
    text = KINDS[mandate.kind].declaration
    return hashlib.sha256(json.dumps([*said, dict(text)], ensure_ascii=False).encode()).hexdigest()


def signed(mandate: Mandate) -> Sequence[Signer]:
    """Return whose signature stands under the present text."""
    return [one for one in signers(mandate) if one.signed_at and one.signed_digest == mandate.digest]


def lacking(case: Case) -> list[Reason]:
    """Return everything that a decision on the mandate still lacks: signatures, documents, or an objection."""
    mandate = of(case)
    if mandate is None or mandate.accepted_by_id is not None:
        return [Reason("nothing_to_decide")]
    found = []
    count = len(signed(mandate))
    if count < mandate.needed:
        found.append(Reason("signatures_missing", {"given": count, "needed": mandate.needed}))
    if any(one.objected_at for one in signers(mandate)):
        found.append(Reason("objection_stands"))
    missing = [paper for paper in papers(mandate) if paper.state != "accepted"]
    if missing:
        found.append(Reason("documents_missing", {"count": len(missing)}))
    return found


def papers(mandate: Mandate) -> Sequence[Paper]:
    """Return what must be shown and how it stands: for the mandate, and of everybody who signed."""
    seen: dict[tuple[str, int | None], set[str]] = {}
    rows = Evidence.objects.filter(case=mandate.case_id).values_list("kind", "request__signer", "verdict")
    for kind, signer, verdict in rows:
        seen.setdefault((kind, signer if kind == OF_SIGNER else None), set()).add(verdict)
    wanted: list[tuple[str, int | None]] = [(code, None) for code in KINDS[mandate.kind].documents]
    wanted += [(OF_SIGNER, one.pk) for one in signed(mandate)]
    return [Paper(code, signer, _standing(seen.get((code, signer), set()))) for code, signer in wanted]


def _standing(verdicts: set[str]) -> str:
    if "matches" in verdicts:
        return "accepted"
    if "" in verdicts:
        return "received"
    return "again" if verdicts else "missing"


def person_of(signer: Signer) -> Person:
    """Return who ``signer`` is; empty after erasure. Raises: KeyDestroyed."""
    if not signer.sealed:
        return Person("", "")
    known = _opened(_subject(signer.mandate.venue, signer.mandate.account_id), bytes(signer.sealed))
    return Person(known["name"], known["email"])


def words_of(mandate: Mandate) -> str:
    """Return what the notice said; empty when it is forgotten. Raises: KeyDestroyed."""
    if not mandate.sealed:
        return ""
    return str(_opened(_subject(mandate.venue, mandate.account_id), bytes(mandate.sealed))["text"])


def _signer(mandate: Mandate, person: Person, language: str, subject: str) -> Signer:
    kept = Person(person.name.strip(), person.email.strip())
    return Signer.objects.create(mandate=mandate, language=language, sealed=_sealed(subject, kept.__dict__))


def _subject(venue: str, account_id: int | None) -> str:
    return NOBODY if account_id is None else vaults.subject_of(venue, account_id)


def _sealed(subject: str, said: dict[str, str]) -> bytes:
    return vaults.vault().seal(subject, CLASS, json.dumps(said, ensure_ascii=False).encode(), context=CONTEXT)


def _opened(subject: str, sealed: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(vaults.vault().open(subject, CLASS, sealed, context=CONTEXT))
    return found

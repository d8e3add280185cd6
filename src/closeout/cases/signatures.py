"""What signers do behind their link, without signing in: sign, object, show documents (R-SUP-11).

A link alone proves an address, not a person: a signature counts once the identity team has accepted the signer's
document and two other people have accepted the mandate. An objection counts at once.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from django.db import transaction

from closeout.cases import audit, desk, evidence, holds, mandates, policies, queries, signed_names, way_back
from closeout.cases.mandate_kinds import KINDS, OF_SIGNER
from closeout.cases.models import Case, Evidence, EvidenceRequest, Mandate, Signer
from closeout.cases.operations import Actor, advance
from closeout.lifecycle import CLOSED, FINAL, FROZEN, Event, State
from closeout.reasons import refuse

PURPOSE = "signature"
UPLOADS_MAX = 40  # of one mandate: a few documents, each of them a few times


def token(signer: Signer) -> str:
    """Return the signed name of ``signer``: the same for every letter."""
    return signed_names.of(PURPOSE, signer.pk, str(signer.mandate_id))


def link(signer: Signer) -> str:
    """Return the address of the page where ``signer`` signs or objects. Raises: ValueError (way_back.address)."""
    return f"{way_back.address(policies.in_force().own_domains)}/signature/{token(signer)}"


def signer_of(said: str) -> Signer | None:
    """Return the signer that ``said`` was made for, None if we never made it."""
    number = signed_names.number_in(said)
    if number is None:
        return None
    found = Signer.objects.filter(pk=number).select_related("mandate__case").first()
    return found if found is not None and hmac.compare_digest(token(found), said) else None


def sign(signer: Signer, typed: str, *, digest: str, now: datetime) -> None:
    """Sign what was shown (``digest``) with one's own name; again is once, and it takes an objection back.

    Raises: Refused (mandate_changed, signature_name, not_now, being_closed, already_closed, already_ended).
    """
    with transaction.atomic():
        case, mandate = _locked(signer)
        if digest != mandate.digest:
            raise refuse("mandate_changed")
        if _plain(typed) != _plain(mandates.person_of(signer).name):
            raise refuse("signature_name")
        _write(signer, now, digest=digest, objects=False)
        details = {"signer": signer.pk, "digest": digest}
        audit.append([audit.Line(case.number, "mandate:sign", _actor(signer), details)], now=now)
        _go_on(case, mandate, now=now)


def object_to(signer: Signer, *, now: datetime) -> None:
    """Stop it: one objection is enough, in any state before the closing. Again is once.

    Raises: Refused (not_now, being_closed, already_closed, already_ended).
    """
    with transaction.atomic():
        case, _ = _locked(signer)
        _write(signer, now, digest="", objects=True)
        if case.state in FROZEN and not case.held:
            advance([case.pk], Event.HOLD, actor=mandates.NEUTRAL, now=now)
        line = audit.Line(case.number, "mandate:object", _actor(signer), {"signer": signer.pk})
        audit.append([line], now=now)
        desk.open_task(case, mandates.TEAM, mandates.TASK, now=now)


def receive(signer: Signer, code: str, content: bytes, *, now: datetime) -> Evidence:
    """Take one document, photo or PDF: read apart, drawn anew, sealed, judged by people; nothing of what is refused.

    Raises: Refused (evidence_closed, not_now, and what :func:`evidence.receive` refuses).
    """
    with transaction.atomic():
        _wanted(signer, code)
    clean = evidence.read(code, content)
    with transaction.atomic():
        case, mandate = _wanted(signer, code)
        request, _ = EvidenceRequest.objects.get_or_create(
            case=case, kind=code, signer=signer, state="open",
            defaults={
                "asked_by": mandates.opener(mandate), "asked_at": now, "expires_at": now + evidence.ANSWER_DAYS,
            },
        )  # fmt: skip
        if request.expires_at < now:
            request.expires_at = now + evidence.ANSWER_DAYS
            request.save(update_fields=["expires_at"])
    return evidence.keep(request, clean, now=now)


def _wanted(signer: Signer, code: str) -> tuple[Case, Mandate]:
    """Lock what a document belongs to, if it is one that can still be shown. Raises: Refused."""
    case, mandate = _locked(signer)
    if code != OF_SIGNER and code not in KINDS[mandate.kind].documents:
        raise refuse("evidence_closed")
    if Evidence.objects.filter(case=case).count() >= UPLOADS_MAX:
        raise refuse("evidence_closed")
    return case, mandate


def _locked(signer: Signer) -> tuple[Case, Mandate]:
    """Lock the case and return it with its mandate, if anything can still be signed. Raises: Refused."""
    mandate = signer.mandate
    if mandate.case_id is None or mandate.state != "open":
        raise refuse("not_now")
    (case,) = queries.lock([mandate.case_id], wait=True)
    state = State(case.state)
    if state in FINAL:
        raise refuse("already_ended")
    if state in CLOSED or state is State.CLOSING:
        raise refuse("already_closed" if state in CLOSED else "being_closed")
    return case, Mandate.objects.select_for_update().get(pk=mandate.pk)


def _write(signer: Signer, now: datetime, *, digest: str, objects: bool) -> None:
    Signer.objects.filter(pk=signer.pk).update(
        signed_at=None if objects else now, signed_digest=digest, objected_at=now if objects else None
    )


def _go_on(case: Case, mandate: Mandate, *, now: datetime) -> None:
    """Let the clock run on where this was the last objection; wake the team where enough have signed."""
    if case.held:
        holds.settle(case, now=now)
    if len(mandates.signed(mandate)) >= mandate.needed and mandate.accepted_by_id is None:
        desk.open_task(case, mandates.TEAM, mandates.TASK, now=now)


def _actor(signer: Signer) -> str:
    return str(Actor("signer", str(signer.pk)))


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()

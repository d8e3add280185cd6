"""Mandates in the console: notices of relatives and representatives, opening one, and how one stands (R-SUP-11)."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import mandates, staff, venues
from closeout.cases.mandates import Person
from closeout.cases.models import Case, Mandate, Signer
from closeout.cases.permissions import Right, may
from closeout.lifecycle import State
from closeout.reasons import Refused
from closeout.web.console import guard, pages, words

ROWS = 4  # people who can be named at once without a script


@require_http_methods(["GET", "POST"])
@guard.required
def mandates_page(request: HttpRequest) -> HttpResponse:
    """List the notices that wait, and open a mandate with its signers."""
    session = guard.who(request)
    if not may(session.staff.role, Right.OPEN_MANDATE, State.APPLICATION):
        raise staff.no_right()
    problems: Sequence[str] = ()
    if request.method == "POST":
        try:
            return HttpResponseRedirect(_done(request))
        except Refused as why:
            problems = why.sentences(pages.language())
    waiting = mandates.listed(session.staff.venue)
    chosen = next((one for one in waiting if str(one.pk) == request.GET.get("notice")), None)
    return pages.show(
        request,
        "mandates.html",
        _("Acting for others"),
        status=409 if problems else 200,
        problems=problems,
        notices=[_notice(one) for one in waiting],
        said=request.POST if problems else _known(chosen),
        people=_people(request, chosen),
        kinds=words.MANDATES,
    )


def _known(chosen: Mandate | None) -> dict[str, object]:
    return {"notice": chosen.pk, "kind": chosen.kind, "account": chosen.account_id} if chosen else {}


def _done(request: HttpRequest) -> str:
    """Do what the form asks; return where to go then. Raises: Refused."""
    session, now, said = guard.who(request), venues.now(), request.POST
    if "declined" in said:
        mandates.decline(session, _number(said.get("declined", "")), now=now)
        return reverse("console:mandates")
    opened = mandates.open_for(
        session, _number(said.get("account", "")), kind=said.get("kind", ""),
        needed=_number(said.get("needed", "")), people=[one for one in _typed(request) if one.name or one.email],
        language="zh" if said.get("language") == "zh" else "en", given=_number(said.get("notice", "")), now=now,
    )  # fmt: skip
    assert opened.case is not None
    return reverse("console:case", args=[opened.case.number])


def _typed(request: HttpRequest) -> Sequence[Person]:
    pairs = zip(request.POST.getlist("name"), request.POST.getlist("email"), strict=False)
    return [Person(name.strip(), email.strip()) for name, email in pairs]


def _people(request: HttpRequest, chosen: Mandate | None) -> Sequence[tuple[int, Person]]:
    """Return the rows of the form: what was typed, else who gave the notice, else empty ones."""
    known = list(_typed(request))
    if not known and chosen is not None:
        known = [mandates.person_of(one) for one in mandates.signers(chosen)]
    known += [Person("", "")] * (ROWS - len(known))
    return list(enumerate(known, start=1))


def _number(said: str) -> int:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 18 else 0


def _notice(one: Mandate) -> dict[str, object]:
    claimant = mandates.signers(one)[0]
    return {
        "id": one.pk,
        "kind": words.MANDATES[one.kind],
        "account": one.account_id,
        "person": mandates.person_of(claimant),
        "text": mandates.words_of(one),
        "at": one.opened_at,
    }


def shown(case: Case) -> dict[str, object] | None:
    """Return how the mandate of ``case`` stands, for its page; None if its holder acts alone."""
    mandate = mandates.of(case)
    if mandate is None:
        return None
    everybody = mandates.signers(mandate)
    names = {one.pk: mandates.person_of(one).name for one in everybody}
    return {
        "kind": words.MANDATES[mandate.kind],
        "signer": words.SIGNERS[mandate.kind],
        "needed": mandate.needed,
        "count": len(mandates.signed(mandate)),
        "accepted": mandate.accepted_by_id is not None,
        "signers": [{"name": names[one.pk], "said": _said(one, mandate)} for one in everybody],
        "papers": [
            {
                "name": words.EVIDENCE[one.code],
                "whose": names.get(one.signer or 0, ""),
                "state": words.PAPERS[one.state],
                "good": one.state == "accepted",
            }
            for one in mandates.papers(mandate)
        ],
    }


def _said(one: Signer, mandate: Mandate) -> str:
    if one.objected_at:
        return _("objects")
    if one.signed_at and one.signed_digest == mandate.digest:
        return _("has signed")
    return _("has not signed")

"""A notice by somebody who is not the holder: a relative, a guardian, a representative; without sign-in (R-SUP-11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import desk, limits, mandates, venues
from closeout.cases.mandate_kinds import KINDS
from closeout.cases.mandates import Person
from closeout.reasons import Refused
from closeout.web.portal import errors, pages, signing
from closeout.web.signin import network

MOST, PER = 5, timedelta(hours=1)  # notices of one network
LONGEST = 254


@require_http_methods(["GET", "POST"])
def mandate(request: HttpRequest) -> HttpResponse:
    """Take the notice. What follows is the same whether there is such an account or not."""
    if request.method == "GET":
        return _form(request, None)
    where = limits.masked("network", network.of(request))
    wait = limits.wait_for(f"notice:{where}", count=MOST, per=PER, now=datetime.now(UTC))
    if wait:
        return errors.too_often(request, max(int(wait.total_seconds()), 1))
    said = request.POST
    claimant = Person(said.get("name", "").strip(), said.get("email", "").strip())
    try:
        signer = mandates.notice(
            _account(said.get("account", "")), said.get("kind", ""), claimant, said.get("text", "").strip(),
            venue=venues.SANDBOX, language=pages.language(), now=venues.now(),
        )  # fmt: skip
    except Refused as why:
        return _form(request, why)
    return signing.let_in(signer)


def _account(named: str) -> int | None:
    """Return the one account that a number or a contact means; None for none or several.

    Both are always looked up: whoever gives notice cannot tell by the time it takes what we know.
    """
    wanted = named.strip()[:LONGEST]
    found = desk.reached_by(venues.SANDBOX, wanted)
    known = venues.account_of(wanted) if wanted.isascii() and wanted.isdigit() else None
    return known if known is not None else found[0] if len(found) == 1 else None


def _form(request: HttpRequest, refused: Refused | None) -> HttpResponse:
    language = pages.language()
    return pages.show(
        request,
        "mandate.html",
        _("Act for somebody else"),
        status=409 if refused else 200,
        refused=refused,
        said=request.POST,
        kinds=[(code, kind.name[language]) for code, kind in KINDS.items()],
    )

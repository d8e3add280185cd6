"""Help, the dormant alternative, and the sandbox's mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from closeout.cases import messages, queries, venues, verification
from closeout.web.portal import finding, holder, pages
from closeout.web.portal.answers import ANSWERS, BY_SLUG, Answer

HALF = timedelta(days=182)


def shown(answer: Answer) -> dict[str, Any]:
    """Return an answer as its pages show it, with the addresses that it leads to."""
    query = f"?{answer.query}" if answer.query else ""
    go = answer.go and {"url": reverse(f"portal:{answer.go[0]}") + query, "label": answer.go[1]}
    return {
        "title": answer.title,
        "summary": answer.summary,
        "body": answer.body,
        "steps": answer.steps,
        "go": go,
        "see": [shown(BY_SLUG[slug]) for slug in answer.see],
        "url": reverse("portal:help_page", args=[answer.slug]),
    }


@require_GET
def help_centre(request: HttpRequest) -> HttpResponse:
    """Search the answers, or list them (R-SUP-1); open to everybody."""
    question = request.GET.get("q", "").strip()[: finding.LONGEST]
    found = finding.search(question) if question else ()
    return pages.show(
        request,
        "help.html",
        _("Help"),
        q=question,
        found=found,
        pages=[shown(answer) for answer in (found or ANSWERS)],
    )


@require_GET
def help_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one answer; it leads into the flow."""
    answer = BY_SLUG.get(slug)
    if answer is None:
        raise Http404
    return pages.show(request, "help_page.html", str(answer.title), page=shown(answer))


def _years(at: datetime, count: int) -> datetime:
    """Return the same day so many years later; 29 February becomes 28 February."""
    day = at.day - (at.month == 2 and at.day == 29)
    return at.replace(year=at.year + count, day=day)


def calendar(*, now: datetime) -> Sequence[dict[str, object]]:
    """Return what happens to an account that is left asleep from ``now`` on, and when (R-CLO-9).

    Source: dormancy rule of the policy page (warning at 2 years, notices, unclaimed property at 3 years).
    """
    return (
        {
            "when": _("From today"),
            "what": _("Everything is empty; you can sign in and use it again at any time."),
            "on": now,
        },
        {
            "when": _("After 2 years without a sign-in"),
            "what": _("We write to every contact of yours."),
            "on": _years(now, 2),
        },
        {
            "when": _("6 to 12 months before the end"),
            "what": _("Further notices, each with the date of the end."),
            "on": _years(now, 2) + HALF,
        },
        {
            "when": _("After 3 years without a sign-in"),
            "what": _(
                "What is left is handed to the office for unclaimed "
                "property where the law says so; an empty account is closed."
            ),
            "on": _years(now, 3),
        },
    )


@require_GET
def dormant(request: HttpRequest) -> HttpResponse:
    """Show the alternative to closing, with its calendar; it is offered, never imposed."""
    return pages.show(
        request, "dormant.html", _("Keep the account dormant"), calendar=calendar(now=venues.now())
    )


@require_GET
@holder.required
def mailbox(request: HttpRequest) -> HttpResponse:
    """Show the messages and the authenticator of a generated person; exists in a demonstration only."""
    if not getattr(settings, "CLOSEOUT_DEMO", False):
        raise Http404
    who = holder.who(request)
    case = queries.case_of(who.account_id, venue=who.venue)
    person = venues.venue(who.venue).holder(who.account_id)
    now = venues.now()
    code = None
    if person is not None and person.totp_secret:
        code = verification.totp(person.totp_secret, int(now.timestamp()) // verification.STEP)
    sent = list(reversed(messages.inbox(case))) if case is not None else []
    return pages.show(
        request, "mailbox.html", _("Mailbox and phone"), messages=sent, code=code, now=now, person=person
    )

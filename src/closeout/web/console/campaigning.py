"""Campaigns in the console: where everybody is, what was sent, and the orders that people may give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from closeout.cases import brakes, documents, venues
from closeout.cases.campaigns import funnel, starting, words
from closeout.cases.models import Campaign
from closeout.cases.permissions import Role
from closeout.conditions.catalog import by_code
from closeout.reasons import refuse
from closeout.web.console import guard, numbering, pages
from closeout.web.console import words as texts

READERS = frozenset({Role.OPERATOR, Role.APPROVER, Role.AUDITOR, Role.COMPLIANCE})
ORDERERS = frozenset({Role.OPERATOR, Role.APPROVER})
ORDERS: Mapping[str, Callable[..., object]] = {
    "start": starting.start,
    "pause": starting.pause,
    "resume": starting.resume,
    "stop": starting.stop,
}
POSSIBLE: Mapping[str, tuple[str, ...]] = {
    "draft": ("start", "stop"),
    "running": ("pause", "stop"),
    "paused": ("resume", "stop"),
}
WIDTH = 300


@require_GET
@guard.required
def campaigns(request: HttpRequest) -> HttpResponse:
    """List the campaigns of this venue, newest first, and whether everything is stopped."""
    staff = demand(request, READERS)
    language, standing = pages.language(), brakes.standing()
    rows = [
        {"name": one.name, "state": words.STATES[one.state][language], "population": one.population,
         "leased": one.leased}
        for one in Campaign.objects.filter(venue=staff.venue).order_by("-id")[:100]
    ]  # fmt: skip
    return pages.show(
        request,
        "campaigns.html",
        _("Campaigns"),
        rows=rows,
        stopped=texts.BRAKES[standing.why] % {"by": standing.by} if standing.engaged else "",
        first=standing.release_by,
        may_order=staff.role in ORDERERS,
        may_stop=staff.role in ORDERERS | {Role.COMPLIANCE},
    )


@require_GET
@guard.required
def campaign(request: HttpRequest, name: str) -> HttpResponse:
    """Show one campaign: its funnel, what became of everybody, what stands in the way, what was sent."""
    staff = demand(request, READERS)
    one = named(staff, name)
    found, language = funnel.report(one), pages.language()
    most = max(found["population"], 1)
    orders = POSSIBLE.get(found["state"], ()) if staff.role in ORDERERS else ()
    return pages.show(
        request,
        "campaign.html",
        found["name"],
        found=found,
        state=words.STATES[found["state"]][language],
        people=words.TITLES["people"][language].format(
            planned=found["planned_by"], started=", ".join(found["started_by"]) or "–"
        ),
        stages=[
            {"name": words.STAGES[one["stage"]][language], "at": datetime.fromisoformat(one["at"]),
             "reached": one["reached"], "width": WIDTH * one["reached"] // most}
            for one in found["stages"]
        ],
        outcomes=[(words.WORDS[outcome][language], count) for outcome, count in found["outcomes"].items()],
        blockers=[(spoken(codes, language), count) for codes, count in found["blockers"].items()],
        orders=[(order, words.ORDERS[order][language]) for order in orders],
        plot=numbering.bars(funnel.by_day(one), kinds(), title=_("Cases opened and accounts closed on each day")),
        changes=[
            {"account": change.account_id, "masked": documents.masked(change.account_id), "why": change.why,
             "kind": words.CHANGES[change.kind][language], "asked_by": change.asked_by, "granted": change.granted,
             "decided_by": change.decided_by}
            for change in one.changes.order_by("-id")[:100]
        ],
        kinds=[(kind, texts[language]) for kind, texts in words.CHANGES.items()],
        may_change=staff.role in ORDERERS and found["state"] in ("running", "paused"),
        draft=found["state"] == "draft",
    )  # fmt: skip


@require_POST
@guard.required
def orders(request: HttpRequest, name: str) -> HttpResponse:
    """Start, pause, resume or stop; each as the person who is signed in."""
    staff = demand(request, ORDERERS)
    order = ORDERS.get(request.POST.get("order", ""))
    if order is None:
        raise refuse("not_now")
    order(named(staff, name).name, by=staff.name, now=venues.now())
    return HttpResponseRedirect(reverse("console:campaign", args=[name]))


def kinds() -> dict[str, str]:
    """Return what the plot of a campaign shows, with its names."""
    return {"opened": _("Cases opened"), "closed": _("Closed")}


def demand(request: HttpRequest, roles: frozenset[Role]) -> Any:
    """Return who is signed in, if their role is one of ``roles``. Raises: Refused (no_right)."""
    staff = guard.who(request).staff
    if staff.role not in roles:
        raise refuse("no_right")
    return staff


def named(staff: Any, name: str) -> Campaign:
    """Return the campaign of this tenant called ``name``. Raises: Refused (campaign_unknown)."""
    found = starting.named(name)
    if found.venue != staff.venue:
        raise refuse("campaign_unknown", name=name)
    return found


def spoken(codes: str, language: str) -> str:
    """Say the codes of conditions as the self-check says them."""
    known = by_code()
    joint = "；" if language == "zh" else "; "
    return joint.join(known[code].met[language] if code in known else code for code in codes.split(","))

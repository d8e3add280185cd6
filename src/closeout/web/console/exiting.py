"""What people do with campaigns in the console: plan one, add accounts, hear appeals, stop everything, report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from closeout.cases import brakes, policies, venues
from closeout.cases.campaigns import changing, funnel, paper, planning, plans
from closeout.cases.permissions import Role
from closeout.policy import laws
from closeout.reasons import Refused, refuse
from closeout.web.console import campaigning, guard, pages

STOPPERS = campaigning.ORDERERS | {Role.COMPLIANCE}
NUMBERS = ("hold_minutes", "queue_max", "failsafe_max", "failsafe_minutes", "custody_fee")
LISTS = ("jurisdictions", "products")
KINDS = ("appeal", "add")
TYPES = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8", "json": "application/json"}


@require_http_methods(["GET", "POST"])
@guard.required
def planned(request: HttpRequest) -> HttpResponse:
    """Show the form of a plan; a plan that is stored leads to its campaign, a wrong one back with every reason."""
    staff = campaigning.demand(request, campaigning.ORDERERS)
    if request.method == "GET":
        return _form(request, {})
    try:
        campaign, _dry = planning.plan(written(request.POST), by=staff.name, now=venues.now())
    except Refused as why:
        return _form(request, request.POST.dict(), why)
    return HttpResponseRedirect(reverse("console:rehearsal", args=[campaign.name]))


def _form(request: HttpRequest, said: Mapping[str, str], why: Refused | None = None) -> HttpResponse:
    usual = {
        "template": "market-exit", "zone": "Asia/Hong_Kong", "waves": ", ".join(map(str, plans.WAVES)),
        "hold_minutes": "60", "queue_max": "5000", "failsafe_max": "10", "failsafe_minutes": "60", "custody_fee": "0",
    }  # fmt: skip
    return pages.show(
        request,
        "plan.html",
        _("Plan a campaign"),
        status=200 if why is None else 409,
        problems=why.sentences(pages.language()) if why else (),
        said={**usual, **said},
        chosen=request.POST.getlist("law_packs"),
        templates=[(name, one["source"]) for name, one in plans.templates().items()],
        packs=list(laws.packs()),
    )


def written(typed: QueryDict) -> str:
    """Return what was typed into the form as the plan that ``closeout campaign plan`` reads.

    What is no number stays text, so that the plan's own check names it with every other reason.
    """
    said = {key: str(typed.get(key, "")).strip() for key in typed}
    lines = [f"{key} = {json.dumps(said.get(key, ''))}" for key in ("name", "template", "zone")]
    if day := said.get("day"):
        lines.append(f"day = {_moment(day)}")
    lines.append(f"law_packs = {json.dumps(typed.getlist('law_packs'))}")
    lines += [f"{key} = {_number(said[key])}" for key in NUMBERS if said.get(key)]
    lines.append(f"waves = [{', '.join(map(_number, _parts(said.get('waves', ''))))}]")
    lines += ["[population]"]
    lines += [f"{key} = {json.dumps(_parts(said[key]))}" for key in LISTS if _parts(said.get(key, ""))]
    if since := said.get("inactive_since"):
        lines.append(f"inactive_since = {json.dumps(since)}")
    if accounts := _parts(said.get("accounts", "")):
        lines.append(f"accounts = [{', '.join(map(_number, accounts))}]")
    return "\n".join(lines) + "\n"


def _parts(text: str) -> list[str]:
    return text.replace(",", " ").replace("，", " ").replace("、", " ").split()


def _number(text: str) -> str:
    plain = text.isascii() and text.removeprefix("-").isdigit() and len(text) < 18
    return str(int(text)) if plain else json.dumps(text)


def _moment(text: str) -> str:
    """Return a local time as TOML writes it; what is none stays text."""
    try:
        return datetime.fromisoformat(text).isoformat(timespec="seconds")
    except ValueError:
        return json.dumps(text)


@require_GET
@guard.required
def rehearsal(request: HttpRequest, name: str) -> HttpResponse:
    """Try a plan on the living as they are now: how many would be blocked by what, and the value at stake."""
    staff = campaigning.demand(request, campaigning.READERS)
    campaign = campaigning.named(staff, name)
    if campaign.state != "draft":
        raise refuse("campaign_state", state=campaign.state)
    members = [
        (account, value or Decimal(0))
        for account, value in campaign.members.values_list("account_id", "value")
    ]
    dry = planning.dry_run(plans.read(campaign.plan), members, now=venues.now())
    language = pages.language()
    most = max([*dry.blocked.values(), 1])
    return pages.show(
        request,
        "rehearsal.html",
        name,
        name=name,
        dry=dry,
        blocked=[
            {"name": campaigning.spoken(code, language), "count": count, "width": campaigning.WIDTH * count // most}
            for code, count in sorted(dry.blocked.items(), key=lambda pair: -pair[1])
        ],
    )  # fmt: skip


@require_POST
@guard.required
def changes(request: HttpRequest, name: str) -> HttpResponse:
    """Ask that an account joins or leaves, or answer a colleague who asked."""
    staff = campaigning.demand(request, campaigning.ORDERERS)
    campaign = campaigning.named(staff, name)
    said, account = request.POST, request.POST.get("account", "").strip()
    if not (account.isascii() and account.isdigit() and len(account) < 18):
        raise refuse("campaign_not_member")
    if said.get("kind") in KINDS:
        changing.ask(
            campaign.name, int(account), kind=said["kind"], by=staff.name, why=said.get("why", "")[:2000],
            now=venues.now(),
        )  # fmt: skip
    else:
        granted = said.get("answer") == "yes"
        changing.decide(campaign.name, int(account), by=staff.name, granted=granted, now=venues.now())
    return HttpResponseRedirect(reverse("console:campaign", args=[campaign.name]) + "#changes")


@require_POST
@guard.required
def brake(request: HttpRequest) -> HttpResponse:
    """Stop everything that cannot be undone, or let it go on: the second of two people does that."""
    if request.POST.get("order") == "pull":
        staff = campaigning.demand(request, STOPPERS)
        brakes.pull(by=policies.person(staff.name), why="person", now=venues.now())
    else:
        staff = campaigning.demand(request, campaigning.ORDERERS)
        brakes.release(by=policies.person(staff.name), now=venues.now())
    return HttpResponseRedirect(reverse("console:campaigns"))


@require_GET
@guard.required
def report(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """Give the report for a regulator: on paper, as a table with a line for every account, or as JSON."""
    staff = campaigning.demand(request, campaigning.READERS)
    campaign = campaigning.named(staff, name)
    response: HttpResponseBase
    if form == "csv":
        response = StreamingHttpResponse(funnel.lines(campaign), content_type=TYPES[form])
    else:
        found = funnel.report(campaign)
        text = (
            paper.pdf(found, language=pages.language())
            if form == "pdf"
            else json.dumps(found, ensure_ascii=False)
        )
        response = HttpResponse(text, content_type=TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="campaign-{campaign.pk}.{form}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response

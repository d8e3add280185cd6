"""The queue of a team, and search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from closeout.cases import audit, desk, narrowing, staff, stories, venues
from closeout.cases.models import Case, Task
from closeout.cases.permissions import Role
from closeout.conditions.catalog import catalog
from closeout.policy import laws
from closeout.web.console import guard, pages, words

FIRST = {"identity": "identity", "compliance": "compliance", "approver": "approval"}
KEPT = ("team", "waits", "pack", "mine", "blocked", "value")


def teams_of(role: str) -> Sequence[str]:
    """Return the queues that a role sees: the one of compliance tells of holds."""
    hidden = () if role in (Role.COMPLIANCE, Role.AUDITOR) else ("compliance",)
    return [team for team in words.TEAMS if team not in hidden]


@require_GET
@guard.required
def queue(request: HttpRequest) -> HttpResponse:
    """Show what waits for a team, the shortest legal clock first (R-SUP-6)."""
    me, now = guard.who(request).staff, venues.now()
    asked = request.GET
    teams = teams_of(me.role)
    team = asked.get("team", "")
    team = team if team in teams else FIRST.get(me.role, "support")
    counts = desk.counts(me.venue)
    filters = desk.Filters(
        waits_for=asked.get("waits", "") if asked.get("waits") in words.WAITS else "",
        law_pack=asked.get("pack", "") if asked.get("pack") in laws.packs() else "",
        assignee=me.name if asked.get("mine") else "",
    )
    narrow = narrowing.Narrow(
        blocked_by=_known(asked.get("blocked", "")), value_least=_whole(asked.get("value", ""))
    )
    found = narrowing.queue(
        me.venue, team, filters=filters, narrow=narrow, after=desk.place(asked.get("after", "")), now=now
    )
    return pages.show(
        request,
        "queue.html",
        _("Queue"),
        teams=[(one, words.TEAMS[one], one == team, counts[one]) for one in teams],
        team=team,
        rows=[row(task, now=now) for task in found.tasks],
        following=_following(asked, found.following),
        waits=words.WAITS,
        packs=sorted(laws.packs()),
        conditions=conditions(),
        asked=asked,
    )


def conditions() -> Sequence[tuple[str, str]]:
    """Return code and goal of every condition, for the filter."""
    return [(one.code, one.met[pages.language()]) for one in catalog()]


def _known(code: str) -> str:
    return code if code in {one.code for one in catalog()} else ""


def _whole(said: str) -> int:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 13 else 0


def _following(asked: Mapping[str, str], following: desk.Place | None) -> str:
    if following is None:
        return ""
    kept = {name: asked[name] for name in KEPT if asked.get(name)}
    return "?" + urlencode({**kept, "after": str(following)})


def row(task: Task, *, now: datetime) -> dict[str, object]:
    """Return what the queue shows of a task; a hold and any other review look the same."""
    case = task.case
    return {
        "number": case.number if case else "",
        "account": task.account_id,
        "kind": words.TASKS.get(task.kind, task.kind),
        "is_notice": task.kind == "mandate",
        "state": _state(case),
        "due_at": task.due_at,
        "late": task.due_at < now,
        "urgent": task.escalated_at is not None,
        "waits": words.WAITS[task.waits_for],
        "assignee": task.assignee.name if task.assignee else "",
    }


def _state(case: Case | None) -> str:
    if case is None:
        return ""
    shown = "review" if case.held else case.state
    return stories.STATES[shown][pages.language()]


@require_GET
@guard.required
def search(request: HttpRequest) -> HttpResponse:
    """Find cases by number, account, e-mail or phone; exact. What was typed is not written down anywhere."""
    session = guard.who(request)
    said = request.GET.get("q", "").strip()[:254]
    found = desk.search(session.staff.venue, said) if said else []
    if said:
        line = audit.Line(
            f"staff:{session.staff.name}",
            "staff:search",
            str(staff.actor(session.staff)),
            {"found": len(found)},
        )
        audit.append([line], now=venues.now())
    rows = [
        {
            "number": case.number,
            "account": case.account_id,
            "state": _state(case),
            "opened_at": case.opened_at,
        }
        for case in found
    ]
    return pages.show(request, "search.html", _("Search"), q=said, rows=rows)

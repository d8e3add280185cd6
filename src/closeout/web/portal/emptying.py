"""The one click: plan with every cost, confirmation, live progress (R-CLR-1, R-CLR-3, R-CLR-5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from closeout.cases import clearing_journal, clearings, news, queries, venues
from closeout.clearing.choices import Choices, suggested
from closeout.clearing.dry_run import DryRun
from closeout.clearing.journal import RunState
from closeout.clearing.stages import Stage
from closeout.lifecycle import CLOSED, FROZEN, State
from closeout.reasons import Refused
from closeout.venues.base import Unreachable
from closeout.web.portal import choosing, errors, holder, pages, planning

Text = str | Promise


def _open(request: HttpRequest) -> bool:
    """Say whether the account may be cleared now: not while it is frozen or closed, but in a pause."""
    who = holder.who(request)
    case = queries.case_of(who.account_id, venue=who.venue)
    if case is None or case.state == State.PAUSE:
        return True
    return case.state not in FROZEN and case.state not in CLOSED


@require_http_methods(["GET", "POST"])
@holder.required
def plan(request: HttpRequest) -> HttpResponse:
    """Show exactly what one click will do; on confirmation, start exactly that."""
    if not _open(request):
        return HttpResponseRedirect(reverse("portal:case"))
    if request.method == "POST":
        return _confirm(request)
    return _plan(request)


def _plan(request: HttpRequest, *, refused: Refused | None = None, status: int = 200) -> HttpResponse:
    who = holder.who(request)
    base = _base(who)
    try:
        choices = choosing.chosen(request, base)
        try:
            shown, early = _shown(request, who, choices)
        except Refused as why:
            if not choices.consents:
                raise
            refused, status = why, 409  # the plan again, without what was not possible
            shown, early = _shown(request, who, dataclasses.replace(choices, consents=()))
    except Unreachable:
        return errors.unreachable(request)
    except Refused as why:
        return errors.refused(request, why)
    ticked = [(name, value) for name in choosing.TICKED for value in choosing.said(request, name)]
    return pages.show(
        request,
        "plan.html",
        _("What will be done"),
        step=1,
        status=status,
        refused=refused,
        early=early,
        ticked=ticked,
        chosen=bool(ticked or shown.choices.consents or shown.choices.sell),
        pools=choosing.pools(base.destinations),
        **_words(shown, but={item.id for item in early}),
    )


def _base(who: holder.Holder) -> Choices:
    """Return the choices that the plan begins with. Raises: Unreachable."""
    place = venues.venue(who.venue)
    return suggested(place.destinations(who.account_id), now=place.now())


def _shown(
    request: HttpRequest, who: holder.Holder, choices: Choices
) -> tuple[DryRun, Sequence[planning.Item]]:
    """Return the plan, and what it leaves until its date because leaving early costs a penalty (R-DIA-3).

    Nothing with a penalty is part of the one click: each is a choice with its price beside its date.
    Raises: Unreachable, Refused.
    """
    shown = clearings.show(who.account_id, venue=who.venue, choices=choices)
    stages = choosing.stages(request)
    if stages is not None:
        offers = (*shown.offers, *shown.asking)
        only = frozenset(
            thing for offer in offers if offer.line.stage in stages for thing in offer.line.things
        )
        choices = dataclasses.replace(choices, only=only)  # nothing to narrow to: the whole plan
        shown = clearings.show(who.account_id, venue=who.venue, choices=choices) if only else shown
    agreed = set(choosing.said(request, "early"))
    declined = [
        offer for offer in shown.offers if offer.quote.penalty and agreed.isdisjoint(offer.line.things)
    ]
    if not declined:
        return shown, ()
    dates = queries.maturities(who.account_id, now=venues.now())
    things = frozenset(thing for offer in declined for thing in offer.line.things)
    patient = dataclasses.replace(choices, left_out=choices.left_out | things)
    items = [
        planning.early(
            offer.line,
            offer.quote,
            matures_at=dates.get("".join(offer.line.command.items)),
            language=pages.language(),
            zone=pages.zone_of(request),
        )
        for offer in declined
    ]
    return clearings.show(who.account_id, venue=who.venue, choices=patient), items


def _words(shown: DryRun, *, but: Collection[str]) -> dict[str, object]:
    language, whole = pages.language(), not shown.choices.only
    left = [
        planning.kept(item, language=language)
        for item in shown.plan.leftovers
        if item.thing not in but
        and not choosing.choosable(item, shown)
        and (whole or item.reason != "left_out")
    ]
    exits = choosing.exits(shown, language=language) if whole else ()
    return {
        "digest": shown.digest,
        "shown_at": shown.shown_at.replace(tzinfo=UTC),
        "count": len(shown.offers),
        "groups": planning.grouped(
            [
                (
                    offer.line.stage,
                    planning.offered(offer.line, offer.quote, language=language, main=shown.account_id),
                )
                for offer in shown.offers
            ]
        ),
        "asking": _asking(shown, language=language),
        "later": [planning.offered(offer.line, offer.quote, language=language) for offer in shown.later],
        "slices": shown.slices,
        "left": left,
        "exits": exits,
        "narrowed": not whole,
        "into": shown.choices.target_asset,
        "pooled": whole and (bool(exits) or bool(shown.plan.stage(Stage.CONVERT))),
    }


def _asking(shown: DryRun, *, language: str) -> Sequence[planning.Item]:
    items = []
    for offer in shown.asking:
        item = planning.offered(offer.line, offer.quote, language=language)
        notes = (*item.notes, _("Worse than the limit of your policy; only with your yes."))
        items.append(planning.Item(offer.line.things[0], item.what, notes))
    return items


def _confirm(request: HttpRequest) -> HttpResponse:
    who = holder.who(request)
    if request.POST.get("act") in ("again", "leave"):
        return HttpResponseRedirect(reverse("portal:plan") + "?" + urlencode(choosing.address(request)))
    try:
        clearings.start(who.account_id, venue=who.venue, digest=request.POST.get("digest", "")[:64])
    except Unreachable:
        return errors.unreachable(request)
    except Refused as why:
        if any(reason.code in ("plan_changed", "plan_expired", "plan_unknown") for reason in why.reasons):
            return _plan(request, refused=why, status=409)
        return errors.refused(request, why)
    return HttpResponseRedirect(reverse("portal:clearing"))


HEADLINES: Mapping[RunState, Text] = {
    RunState.WORKING: gettext_lazy("Clearing: one thing after the other"),
    RunState.WAITING: gettext_lazy("All that could be done now is done"),
    RunState.ASKING: gettext_lazy("Something changed and needs your yes"),
    RunState.STOPPED: gettext_lazy("Some things were refused; everything else is done"),
    RunState.REST: gettext_lazy("Done, but for what stays where it is"),
    RunState.CLEARED: gettext_lazy("Everything is cleared"),
    RunState.REPLACED: gettext_lazy("Replaced by a newer plan"),
}


@require_GET
@holder.required
def clearing(request: HttpRequest) -> HttpResponse:
    """Show how the clearing goes, item by item; the same address answers a page and a part of it (R-CLR-5)."""
    who = holder.who(request)
    run = clearings.standing(who.account_id, venue=who.venue)
    if run is None:
        return HttpResponseRedirect(reverse("portal:plan"))
    after = news.last_step(run.run_id)  # before the entries: what comes between is told again, not left out
    entries = clearing_journal.DatabaseJournal(who.venue).entries(run.run_id)
    language = pages.language()
    items = [planning.progress(entry, language=language, main=who.account_id) for entry in entries]
    answered = sum(item.state != "sent" for item in items)
    live = run.state is RunState.WORKING
    context: dict[str, Any] = {
        "groups": planning.grouped(
            [(entry.line.stage, item) for entry, item in zip(entries, items, strict=True)]
        ),
        "headline": HEADLINES[run.state],
        "live": live,
        "again": run.state in (RunState.ASKING, RunState.STOPPED),
        "done": answered,
        "total": max(len(run.confirmed.terms), len(items), 1) if live else max(answered, 1),
        "after": after,
        "wakes_at": None if run.wakes_at is None else run.wakes_at.replace(tzinfo=UTC),
    }
    if request.headers.get("HX-Request"):
        return pages.part(request, "clearing_progress.html", **context)
    return pages.show(request, "clearing.html", _("Clearing"), step=1, **context)

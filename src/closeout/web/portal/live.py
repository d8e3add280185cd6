"""What the holder's pages follow while it happens: a clearing, a case, messages of support (R-CLR-5).

A page asks for its changed part again with each event; a program reads the events themselves. Without scripts the
pages refresh themselves, as they do when no stream is to be had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_GET

from closeout.cases import clearings, correspondence, isolation, news, queries
from closeout.clearing import document
from closeout.clearing.journal import RunState
from closeout.lifecycle import FINAL
from closeout.web import live, talk
from closeout.web.portal import holder

RESTS = frozenset(state.value for state in RunState if state is not RunState.WORKING)
View = Callable[[HttpRequest, holder.Holder], HttpResponseBase]


def steps(afters: Mapping[str, int]) -> Iterable[tuple[str, live.News]]:
    """Answer with the events of clearings, as ``closeout.clear/1`` describes them; a feed."""
    for run_id, step in news.steps(afters):
        yield run_id, live.News(step.id, "step", document.event(step), last=step.kind in RESTS)


def turns(afters: Mapping[str, int]) -> Iterable[tuple[str, live.News]]:
    """Answer with what happened to cases, as ``closeout.case/1``: event, state and time; a feed."""
    for case, number, event, state, at in news.turns({int(key): after for key, after in afters.items()}):
        body = {
            "schema": "closeout.case/1",
            "id": number,
            "event": event,
            "state": state,
            "at": at.isoformat(),
        }
        yield str(case), live.News(number, "turn", body, last=state in FINAL)


def _listening(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
    """Let only a signed-in holder listen. Who is not gets 401 and no page: a script asks here."""

    @require_GET
    def guarded(request: HttpRequest) -> HttpResponseBase:
        who = holder.of(request)
        if who is None:
            return HttpResponse(status=401, headers={"HX-Reswap": "none"})
        with isolation.only(who.venue, who.account_id):
            return view(request, who)

    return guarded


@_listening
def clearing(request: HttpRequest, who: holder.Holder) -> HttpResponseBase:
    """Stream the steps of the holder's clearing."""
    run = clearings.standing(who.account_id, venue=who.venue)
    if run is None:
        return HttpResponse(status=204)
    return live.stream(request, steps, run.run_id, over=run.state is not RunState.WORKING)


@_listening
def case(request: HttpRequest, who: holder.Holder) -> HttpResponseBase:
    """Stream what happens to the holder's case."""
    found = queries.case_of(who.account_id, venue=who.venue)
    if found is None:
        return HttpResponse(status=204)
    return live.stream(request, turns, str(found.pk), over=found.state in FINAL)


@_listening
def support(request: HttpRequest, who: holder.Holder) -> HttpResponseBase:
    """Stream the numbers of what is said between the holder and support (R-SUP-2)."""
    key = correspondence.key_of(who.account_id, venue=who.venue, audience="holder")
    return live.stream(request, talk.said, key)

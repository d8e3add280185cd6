"""The numbers of closing, with plots that the server draws as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from closeout.cases import numbers as counted
from closeout.cases import stories, venues
from closeout.conditions.catalog import by_code
from closeout.web.console import guard, pages

DAYS = 30
LEFT, TOP, WIDTH, HEIGHT = 40, 10, 596, 186


@require_GET
@guard.required
def numbers(request: HttpRequest) -> HttpResponse:
    """Show how many applied, cooled off, changed their mind, were closed; how long it took; what stopped them."""
    venue, now, language = guard.who(request).staff.venue, venues.now(), pages.language()
    standing = counted.by_state(venue)
    ranked = counted.blockers(venue, now=now)
    most = max([count for _code, count in ranked], default=1)
    return pages.show(
        request,
        "numbers.html",
        _("Numbers"),
        totals=[
            (_("Applications"), sum(standing.values())),
            (stories.STATES["review"][language], standing.get("review", 0)),
            (stories.STATES["cooling_off"][language], standing.get("cooling_off", 0)),
            (_("Changed their mind"), standing.get("withdrawal", 0)),
            (_("Closed"), sum(standing.get(state, 0) for state in ("observation", "erasure", "erased"))),
        ],
        plot=plot(counted.by_day(venue, now=now), now.date()),
        ranked=[
            {
                "name": by_code()[code].met[language] if code in by_code() else code,
                "count": count,
                "width": 200 * count // most,
            }
            for code, count in ranked
        ],
        stages=[
            (stories.STATES[stage][language], spoken(span))
            for stage, span in counted.by_stage(venue, now=now)
        ],
    )


def spoken(span: timedelta) -> str:
    """Say a span roughly: days, else hours, else minutes."""
    hours = span.total_seconds() / 3600
    if hours >= 48:
        days = round(hours / 24)
        return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}
    if hours >= 1:
        return ngettext("%(hours)d hour", "%(hours)d hours", round(hours)) % {"hours": round(hours)}
    minutes = round(hours * 60)
    return ngettext("%(minutes)d minute", "%(minutes)d minutes", minutes) % {"minutes": minutes}


def plot(found: Mapping[tuple[str, date], int], today: date) -> dict[str, object]:
    """Return where the bars of the last 30 days stand; three a day, side by side."""
    names = {"opened": _("Applications"), "closed": _("Closed"), "withdrawn": _("Changed their mind")}
    days = [today - timedelta(days=DAYS - 1 - place) for place in range(DAYS)]
    title = _("Applications, closings and changes of mind on each day")
    return bars(found, names, title=title, days=days)


def bars(
    found: Mapping[tuple[str, date], int],
    names: Mapping[str, str],
    *,
    title: str,
    days: Sequence[date] | None = None,
) -> dict[str, object]:
    """Return where the bars of ``days`` stand, one a kind side by side; ``days``: those of ``found`` if left out."""
    days = days or sorted({day for _kind, day in found})[-DAYS:]
    most = max([*found.values(), 4])
    step = WIDTH / max(len(days), 7)
    wide = step / (len(names) + 1)
    rectangles = []
    for place, day in enumerate(days):
        for nth, kind in enumerate(names):
            count = found.get((kind, day), 0)
            if count:
                tall = round(HEIGHT * count / most, 1)
                rectangles.append(
                    {"kind": kind, "x": round(LEFT + place * step + nth * wide, 1), "y": round(TOP + HEIGHT - tall, 1),
                     "width": round(wide, 1), "height": tall, "title": f"{day}: {names[kind]} {count}"}
                )  # fmt: skip
    grid = [(round(TOP + HEIGHT - HEIGHT * part / 4, 1), most * part // 4) for part in range(5)]
    every = 7 if len(days) > 14 else 1
    shown = [
        (round(LEFT + place * step, 1), f"{day.month}/{day.day}")
        for place, day in enumerate(days)
        if place % every == 0
    ]
    return {"title": title, "bars": rectangles, "grid": grid, "days": shown, "kinds": list(names.items())}

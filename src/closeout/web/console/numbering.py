"""The numbers of closing, with plots that the server draws as SVG."""

from __future__ import annotations

from collections.abc import Mapping
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
KINDS = ("opened", "closed", "withdrawn")


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
    most = max([*found.values(), 4])
    step, wide = WIDTH / DAYS, WIDTH / DAYS / 4
    bars = []
    for place, day in enumerate(days):
        for nth, kind in enumerate(KINDS):
            count = found.get((kind, day), 0)
            if count:
                tall = round(HEIGHT * count / most, 1)
                bars.append(
                    {"kind": kind, "x": round(LEFT + place * step + nth * wide, 1), "y": round(TOP + HEIGHT - tall, 1),
                     "width": round(wide, 1), "height": tall, "title": f"{day}: {names[kind]} {count}"}
                )  # fmt: skip
    grid = [(round(TOP + HEIGHT - HEIGHT * part / 4, 1), most * part // 4) for part in range(5)]
    shown = [
        (round(LEFT + place * step, 1), f"{day.month}/{day.day}")
        for place, day in enumerate(days)
        if place % 7 == 0
    ]
    return {
        "title": _("Applications, closings and changes of mind on each day"),
        "bars": bars,
        "grid": grid,
        "days": shown,
        "kinds": [(kind, names[kind]) for kind in KINDS],
    }

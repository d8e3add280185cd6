"""What happened since: the questions behind live pages, one for any number of clearings or cases."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from closeout.cases.models import ClearingEvent
from closeout.clearing import kept
from closeout.clearing.journal import Event

STREAMS_MAX = int(os.environ.get("CLOSEOUT_STREAMS", "400"))  # live pages of one process; each holds a thread
STEPS = """
select s.run_id, e.id, e.body
from unnest(%(runs)s::text[], %(afters)s::bigint[]) as s (run_id, after)
cross join lateral (
    select id, body from cases_clearingevent where run_id = s.run_id and id > s.after order by id limit %(most)s
) as e
order by e.id
"""
TURNS = """
select e.case_id, e.id, e.event, e.to_state, e.at
from unnest(%(cases)s::bigint[], %(afters)s::bigint[]) as s (case_id, after)
join cases_caseevent as e on e.case_id = s.case_id and e.id > s.after
order by e.id
"""


def steps(afters: Mapping[str, int], *, most: int = 500) -> list[tuple[str, Event]]:
    """Return (run, event) of what happened after the event named for each run, at most ``most`` for each."""
    values: dict[str, Any] = {"runs": list(afters), "afters": list(afters.values()), "most": most}
    with connection.cursor() as cursor:
        cursor.execute(STEPS, values)
        return [
            (run_id, kept.event_of(json.loads(body), number)) for run_id, number, body in cursor.fetchall()
        ]


def last_step(run_id: str) -> int:
    """Return the number of the newest event of the run, 0 if there is none."""
    newest = ClearingEvent.objects.filter(run=run_id).aggregate(newest=Max("id"))["newest"]
    return int(newest or 0)


def turns(afters: Mapping[int, int]) -> list[tuple[int, int, str, str, datetime]]:
    """Return (case, number, event, state, time) of each line of history after the one named for each case."""
    with connection.cursor() as cursor:
        cursor.execute(TURNS, {"cases": list(afters), "afters": list(afters.values())})
        return list(cursor.fetchall())

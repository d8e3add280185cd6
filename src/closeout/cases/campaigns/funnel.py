"""Where everybody is, and the report for a regulator: every account with what became of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db import connection

from closeout.cases import documents
from closeout.cases.campaigns import notices, plans
from closeout.cases.models import Campaign, CampaignChange

STANDING = """
select
    m.outcome, m.stage, m.suspended,
    case when m.outcome = '' and c.state = 'pause' then m.detail else '' end as codes,
    count(*), coalesce(sum(m.value), 0)
from cases_campaignmember as m left join cases_case as c on c.id = m.case_id
where m.campaign_id = %s group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""
LINES = """
select
    m.account_id, m.stage, m.outcome, m.detail, m.value, m.suspended, m.escheat_at, c.number, c.state, c.closed_at,
    (select count(*) from cases_campaignnotice as n
     where n.campaign_id = m.campaign_id and n.account_id = m.account_id and n.state = 'sent') as notices
from cases_campaignmember as m left join cases_case as c on c.id = m.case_id
where m.campaign_id = %s order by m.account_id
"""
BY_DAY = """
select kind, (at at time zone 'UTC')::date, count(*)
from cases_campaignmember as m join cases_case as c on c.id = m.case_id
cross join lateral (values ('opened', c.opened_at), ('closed', c.closed_at)) as happened (kind, at)
where m.campaign_id = %s and at is not null group by 1, 2
"""
COLUMNS = ("account", "stage", "outcome", "detail", "value_usdt", "suspended", "escheat_at", "case", "case_state",
           "closed_at", "notices_sent")  # fmt: skip


def report(campaign: Campaign) -> dict[str, Any]:
    """Return ``closeout.campaign/1``: plan, people, where everybody is, notices; JSON values only."""
    plan = plans.read(campaign.plan)
    rows = _standing(campaign)
    reached = [
        sum(row["accounts"] for row in rows if row["stage"] > number) for number in range(len(plan.stages))
    ]
    return {
        "schema": "closeout.campaign/1", "name": campaign.name, "kind": campaign.kind, "state": campaign.state,
        "why": campaign.why, "digest": campaign.digest, "population": campaign.population,
        "planned_by": campaign.planned_by, "planned_at": _instant(campaign.planned_at),
        "started_by": sorted(campaign.approvals.filter(digest=campaign.digest).values_list("person", flat=True)),
        "started_at": _instant(campaign.started_at), "ended_at": _instant(campaign.ended_at),
        "zone": plan.zone, "law_packs": list(plan.law_packs),
        "stages": [{"stage": stage, "at": _instant(at), "reached": count}
                   for (stage, at), count in zip(plan.stages, reached, strict=True)],
        "allowance": campaign.allowance, "opened": campaign.opened, "closings": campaign.leased,
        "outcomes": _sums(rows, "outcome"), "blockers": _sums([row for row in rows if row["codes"]], "codes"),
        "suspended": sum(row["accounts"] for row in rows if row["suspended"]),
        "value_usdt": f"{sum(row['value'] for row in rows):f}",
        "notices": [{"letter": letter, "channel": channel, "answer": answer, "count": count}
                    for letter, channel, answer, count in notices.counts(campaign)],
        "changes": [_change(change) for change in campaign.changes.order_by("id")],
    }  # fmt: skip


def by_day(campaign: Campaign) -> dict[tuple[str, date], int]:
    """Return how many cases were opened and closed on each day (UTC)."""
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, [campaign.pk])
        return {(kind, day): int(count) for kind, day, count in cursor.fetchall()}


def _standing(campaign: Campaign) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [campaign.pk])
        names = ("outcome", "stage", "suspended", "codes", "accounts", "value")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _sums(rows: list[dict[str, Any]], key: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        found[row[key]] = found.get(row[key], 0) + row["accounts"]
    return found


def _change(change: CampaignChange) -> dict[str, Any]:
    return {
        "account": documents.masked(change.account_id), "kind": change.kind, "asked_by": change.asked_by,
        "decided_by": change.decided_by or None, "granted": change.granted,
    }  # fmt: skip


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def lines(campaign: Campaign) -> Iterator[str]:
    """Yield the report as CSV, a line for every account, the heading first."""
    with connection.cursor() as cursor:
        cursor.execute(LINES, [campaign.pk])
        yield _line(COLUMNS)
        while rows := cursor.fetchmany(1000):
            for row in rows:
                yield _line(["" if value is None else _plain(value) for value in row])


def _plain(value: object) -> object:
    return _instant(value) if isinstance(value, datetime) else value


def _line(values: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue()

"""What became of a member, written in the transaction in which it became of the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection

from closeout.lifecycle import Event

if TYPE_CHECKING:
    from closeout.cases.operations import Step

CLOSED = """
with done as (
    update cases_campaignmember set outcome = case when detail like 'custody:%%' then 'custody' else 'closed' end
    where case_id = any(%(cases)s) and outcome = '' returning campaign_id, account_id
)
insert into cases_campaignnotice (campaign_id, account_id, letter, channel, state, attempts, run_at, text_hash, answer)
select campaign_id, account_id, 'closed', '', 'ready', 0, %(now)s, '', '' from done
on conflict do nothing
"""
STUCK = """
with stuck as (
    update cases_campaignmember as m set detail = s.detail
    from unnest(%(cases)s::bigint[], %(details)s::text[]) as s (case_id, detail)
    where m.case_id = s.case_id and m.detail not like 'custody:%%' returning m.campaign_id, m.account_id
)
insert into cases_campaignnotice (campaign_id, account_id, letter, channel, state, attempts, run_at, text_hash, answer)
select campaign_id, account_id, 'blocked', '', 'ready', 0, %(now)s, '', '' from stuck
on conflict do nothing
"""


def note(steps: Sequence[Step], *, now: datetime) -> None:
    """Write what ``steps`` mean for the members of campaigns among their cases; in the current transaction."""
    ordered = [step for step in steps if step.case.campaign_id is not None]
    closed = [step.case.pk for step in ordered if step.event is Event.CONFIRM_CLOSED]
    stuck = {step.case.pk: _codes(step.detail) for step in ordered if step.event in STOPPED}
    with connection.cursor() as cursor:
        if closed:
            cursor.execute(CLOSED, {"cases": closed, "now": now})
        if stuck:
            cursor.execute(STUCK, {"cases": list(stuck), "details": list(stuck.values()), "now": now})


STOPPED = frozenset({Event.INTERRUPT, Event.REOPEN})


def _codes(detail: Mapping[str, object]) -> str:
    codes = detail.get("conditions") or [str(detail.get("reason", "venue"))]
    assert isinstance(codes, list)
    return ",".join(codes)[:255]

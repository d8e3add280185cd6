"""Notices to many people: written by set, sent in batches, each proven by channel, time, hash and answer."""

from __future__ import annotations

import functools
import importlib.resources
import json
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from closeout.cases import messages, policies, senders, venues
from closeout.cases.campaigns import plans
from closeout.cases.letters import Written
from closeout.cases.models import Campaign
from closeout.venues.base import Holder

BATCH = 1000
TRIES = 20
AGAIN = timedelta(minutes=5)
WRITE = """
insert into cases_campaignnotice (campaign_id, account_id, letter, channel, state, attempts, run_at, text_hash, answer)
select campaign_id, account_id, %(letter)s, '', 'ready', 0, %(now)s, '', '' from cases_campaignmember
where campaign_id = %(campaign)s and active and not suspended and outcome = ''
on conflict do nothing
"""
TAKE = """
select id, campaign_id, account_id, letter, attempts from cases_campaignnotice
where state = 'ready' and run_at <= %s order by run_at, id limit %s for no key update skip locked
"""
SENT = """
insert into cases_campaignnotice
    (campaign_id, account_id, letter, channel, state, attempts, run_at, sent_at, text_hash, answer)
select s.campaign_id, s.account_id, s.letter, s.channel, s.state, 1, %(now)s, %(now)s, s.text_hash, s.answer
from jsonb_to_recordset(%(rows)s::jsonb)
    as s (campaign_id bigint, account_id bigint, letter text, channel text, state text, text_hash text, answer text)
on conflict do nothing
"""
SPREAD = """
update cases_campaignnotice as n set state = s.state, attempts = n.attempts + 1, run_at = s.run_at, answer = s.answer
from jsonb_to_recordset(%s::jsonb) as s (id bigint, state text, run_at timestamptz, answer text) where n.id = s.id
"""


def write(campaign: Campaign, plan: plans.Plan, *, now: datetime) -> int:
    """Write the notices of the calendar whose time has come, for all members at once; return how many kinds.

    After a day of downtime each is written once; of several that are late only the newest is still true.
    """
    due = [letter for letter, at in plan.notices if at <= now and letter not in campaign.told]
    if not due:
        return 0
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(pk=campaign.pk)
        fresh = [letter for letter in due if letter not in row.told]
        with connection.cursor() as cursor:
            for letter in fresh[-1:]:
                cursor.execute(WRITE, {"campaign": campaign.pk, "letter": letter, "now": now})
        row.told = [*row.told, *fresh]
        row.save(update_fields=["told"])
    return len(fresh)


def send(*, now: datetime) -> int:
    """Send one batch of what is ready, on every channel of each person; return how many notices.

    A notice whose way is closed is tried again; the same key leaves twice if a process dies in between, and the
    way sends the same key once.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(TAKE, [now, BATCH])
            taken = cursor.fetchall()
        if not taken:
            return 0
        campaigns = {one.pk: one for one in Campaign.objects.filter(pk__in={row[1] for row in taken})}
        holders = venues.sandbox().holders([row[2] for row in taken])
        domains = ", ".join(policies.in_force().own_domains)
        sent, spread = [], []
        for ident, campaign, account, letter, attempts in taken:
            rows, answer = _told(campaigns[campaign], holders.get(account), (ident, account, letter), domains)
            again = answer == "way_closed" and attempts < TRIES
            sent += [] if again else rows
            state = "ready" if again else "spread" if rows else "failed"
            run_at = (now + AGAIN if again else now).isoformat()
            spread.append({"id": ident, "state": state, "run_at": run_at, "answer": answer})
        with connection.cursor() as cursor:
            cursor.execute(SENT, {"rows": json.dumps(sent), "now": now})
            cursor.execute(SPREAD, [json.dumps(spread)])
    return len(taken)


def _told(
    campaign: Campaign, holder: Holder | None, taken: tuple[int, int, str], domains: str
) -> tuple[list[dict[str, Any]], str]:
    """Write to one person on every way there is; return a row per way, and why not where there is none."""
    ident, account, letter = taken
    ways = [] if holder is None else list(messages.addresses(holder))
    if holder is None or not ways:
        return [], "no_address"
    rows = []
    for number, (channel, address) in enumerate(ways):
        text = compose(campaign, holder, letter, channel, domains=domains)
        try:
            senders.sender().send(
                key=f"campaign-{ident}-{number}", channel=channel, address=address, letter=text
            )
            state, answer = "sent", "accepted"
        except senders.Undeliverable as never:
            state, answer = "failed", never.reason
        except OSError:
            return [], "way_closed"
        place = channel if number < len({way for way, _ in ways[: number + 1]}) else f"{channel}{number}"
        rows.append(
            {"campaign_id": campaign.pk, "account_id": account, "letter": letter, "channel": place,
             "state": state, "text_hash": text.digest, "answer": answer}
        )  # fmt: skip
    return rows, "sent"


@functools.cache
def texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return the letters of campaigns by template, language and part."""
    file = importlib.resources.files("closeout.cases.campaigns").joinpath("letters.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def compose(campaign: Campaign, holder: Holder, letter: str, channel: str, *, domains: str) -> Written:
    """Fill in a notice for one person and channel, with the dates in the zone of the campaign."""
    template = letter.rsplit("-", 1)[0] if letter.rsplit("-", 1)[-1].isdigit() else letter
    kind = texts().get(f"{campaign.kind}_{template}") or texts()[template]
    text = kind[holder.language if holder.language in kind else "en"]
    values = _values(campaign, holder, domains)
    if channel == "sms":
        return Written("", text["sms"].format(**values))
    foot = texts()["foot"][holder.language if holder.language == "zh" else "en"]
    return Written(text["subject"].format(**values), f"{text['body']}\n\n{foot['body']}".format(**values))


def _values(campaign: Campaign, holder: Holder, domains: str) -> dict[str, str]:
    dates = _dates(json.dumps(campaign.plan["stages"]), campaign.plan["zone"])
    return {**dates, "account": f"****{holder.account_id % 10_000:04d}", "phrase": holder.phrase or "—",
            "domains": domains, "campaign": campaign.name}  # fmt: skip


@functools.lru_cache(maxsize=64)
def _dates(stages: str, zone: str) -> dict[str, str]:
    """Return every stage's date as people of ``zone`` read it, with the zone named (hard case 52)."""
    read = {stage: datetime.fromisoformat(at).astimezone(ZoneInfo(zone)) for stage, at in json.loads(stages)}
    names = {stage: f"{at:%Y-%m-%d %H:%M} ({zone})" for stage, at in read.items()}
    return {stage: names.get(stage, "—") for stage in plans.STAGES}


def counts(campaign: Campaign) -> list[tuple[str, str, str, int]]:
    """Return (letter, channel, answer, how many) of everything that was sent or failed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select letter, channel, answer, count(*) from cases_campaignnotice where campaign_id = %s "
            "and (channel <> '' or state in ('ready', 'failed')) group by 1, 2, 3 order by 1, 2, 3",
            [campaign.pk],
        )
        return [(letter, channel, answer, int(count)) for letter, channel, answer, count in cursor.fetchall()]

"""Planning: who would be in it, what would block them on the last day, what is at stake. Nothing is done yet."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from closeout.cases import audit, policies, queries, venues
from closeout.cases.campaigns import plans
from closeout.cases.models import Campaign, CampaignMember
from closeout.cases.ordered import WAIVED
from closeout.conditions import check
from closeout.conditions.check import Report, Result
from closeout.policy import laws
from closeout.reasons import Reason, Refused
from closeout.venues.sandbox import exiting

TOGETHER = 1000
MEMBERS = """
insert into cases_campaignmember (campaign_id, venue, account_id, active, suspended, stage, outcome, detail, value,
    escheat_at)
select %(campaign)s, %(venue)s, s.account_id, false, false, 0, '', '', s.value, s.escheat_at
from unnest(%(accounts)s::bigint[], %(values)s::numeric[], %(escheats)s::timestamptz[])
    as s (account_id, value, escheat_at)
"""


@dataclass(frozen=True)
class DryRun:
    """What would stand in the way on the last day, if it were today; a wait that ends by then does not count."""

    accounts: int
    value: Decimal
    free: int
    blocked: Mapping[str, int]  # accounts by condition
    blocked_accounts: int
    blocked_value: Decimal
    unknown: int
    notices: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "accounts": self.accounts, "value_usdt": f"{self.value:f}", "free": self.free,
            "blocked_accounts": self.blocked_accounts, "blocked_value_usdt": f"{self.blocked_value:f}",
            "blocked": dict(self.blocked), "unknown": self.unknown, "notices": self.notices,
        }  # fmt: skip


def plan(text: str, *, by: str, now: datetime) -> tuple[Campaign, DryRun]:
    """Store a plan with its population, and try it on the living; a draft of the same name is replaced.

    Raises: Refused with every reason at once.
    """
    who = policies.person(by)
    chosen = plans.written(text, policy=policies.in_force(), now=now)
    members, reasons = _population(chosen)
    if Campaign.objects.filter(name=chosen.name).exclude(state="draft").exists():
        reasons.append(Reason("campaign_name_taken", {"name": chosen.name}))
    if reasons:
        raise Refused(*reasons)
    with transaction.atomic():
        campaign = _stored(chosen, members, by=who, now=now)
        details = {"accounts": len(members), "digest": campaign.digest}
        audit.append(
            [audit.Line(f"campaign-{chosen.name}", "campaign:plan", f"agent:{who}", details)], now=now
        )
    return campaign, dry_run(chosen, [(account, value) for account, value, _ in members], now=now)


def _population(chosen: plans.Plan) -> tuple[list[exiting.Member], list[Reason]]:
    asked = dict(chosen.population)
    since = asked.pop("inactive_since", None)
    venue = venues.sandbox()
    moment = None if since is None else _naive(datetime.fromisoformat(since))
    members = venue.ask(exiting.population, inactive_since=moment, **asked)
    reasons = []
    if not members:
        reasons.append(Reason("campaign_nobody"))
    elif len(members) == venue.ask(exiting.living) and "accounts" not in asked:
        reasons.append(Reason("campaign_everybody"))
    if chosen.kind == "dormancy":
        members = _dormant(chosen, members)
        if not members:
            reasons.append(Reason("campaign_nobody"))
    return members, reasons + _owned([account for account, _, _ in members])


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _dormant(chosen: plans.Plan, members: Sequence[exiting.Member]) -> list[exiting.Member]:
    """Leave those whose value goes to the state by the date of custody."""
    ends = chosen.at("custody") or chosen.at("close")
    assert ends is not None
    return [one for one in members if escheat_at(chosen, one[2]) <= ends]


def escheat_at(chosen: plans.Plan, active_at: datetime) -> datetime:
    """Return when value goes to the state, counted from the last act of ownership (naive UTC); aware UTC."""
    rule = laws.strictest(chosen.law_packs, "dormant_years", most=True)
    years = 0 if rule is None else rule.value
    try:
        due = active_at.replace(year=active_at.year + years)
    except ValueError:  # 29 February
        due = active_at.replace(year=active_at.year + years, month=3, day=1)
    return due.replace(tzinfo=UTC)


def _owned(accounts: Sequence[int]) -> list[Reason]:
    owners = (
        CampaignMember.objects.filter(active=True, account_id__in=accounts)
        .values_list("campaign__name", flat=True)
        .order_by()
    )
    return [
        Reason("campaign_owned", {"name": name, "count": count})
        for name, count in sorted(Counter(owners).items())
    ]


def _stored(chosen: plans.Plan, members: Sequence[exiting.Member], *, by: str, now: datetime) -> Campaign:
    before = Campaign.objects.filter(name=chosen.name, state="draft").first()
    if before is not None:
        CampaignMember.objects.filter(campaign=before).delete()
    document = chosen.document()
    values: dict[str, Any] = {
        "kind": chosen.kind, "venue": venues.SANDBOX, "plan": document, "population": len(members),
        "digest": digest(document, [account for account, _, _ in members]), "planned_by": by, "planned_at": now,
    }  # fmt: skip
    campaign, _ = Campaign.objects.update_or_create(name=chosen.name, defaults=values)
    dormant = chosen.kind == "dormancy"
    with connection.cursor() as cursor:
        cursor.execute(
            MEMBERS,
            {
                "campaign": campaign.pk, "venue": venues.SANDBOX, "accounts": [one[0] for one in members],
                "values": [one[1] for one in members],
                "escheats": [escheat_at(chosen, one[2]) if dormant else None for one in members],
            },
        )  # fmt: skip
    return campaign


def digest(document: Mapping[str, Any], accounts: Sequence[int]) -> str:
    """Return what people approve: SHA-256 over the plan and every account of the population, in order."""
    said = hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode())
    said.update(",".join(map(str, sorted(accounts))).encode())
    return said.hexdigest()


def dry_run(chosen: plans.Plan, members: Sequence[tuple[int, Decimal]], *, now: datetime) -> DryRun:
    """Check every account of ``members`` (account, value) as it is now; changes nothing."""
    ends = chosen.at("close")
    assert ends is not None
    last_day = _naive(ends)
    policy, blocked, unknown = policies.in_force(), Counter[str](), 0
    stopped, value = 0, Decimal(0)
    values = dict(members)
    accounts = list(values)
    for first in range(0, len(accounts), TOGETHER):
        reports = check.check(
            queries.engine(), policy, as_of=_naive(now), accounts=accounts[first : first + TOGETHER]
        )
        for account, report in reports.items():
            codes = _blocking(report, last_day)
            blocked.update(codes)
            stopped += bool(codes)
            value += values[account] if codes else 0
            unknown += report.result is Result.UNKNOWN
    total = sum(values.values(), Decimal(0))
    letters = len(members) * (len(chosen.notices) + 1)
    return DryRun(
        len(members), total, len(members) - stopped - unknown, dict(sorted(blocked.items())), stopped, value,
        unknown, letters,
    )  # fmt: skip


def _blocking(report: Report, last_day: datetime) -> set[str]:
    if report.result is Result.CLEAR:
        return set()
    return {
        blocker.code
        for blocker in report.blockers
        if blocker.code not in WAIVED and not (blocker.clears_at and blocker.clears_at <= last_day)
    }

"""What a campaign is to do, as it is written down: calendar, notices, waves, caps. Pure."""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from closeout.policy import Policy, laws
from closeout.reasons import Reason, Refused, refuse

STAGES = (
    "announce", "no_new_accounts", "no_deposits", "reduce_only", "settle", "withdraw_only", "close", "custody",
)  # fmt: skip
NEEDED = frozenset({"announce", "close"})
FILTERS = frozenset({"jurisdictions", "inactive_since", "products", "accounts"})
KEYS = frozenset({
    "name", "template", "day", "zone", "law_packs", "population", "stages", "notices", "waves", "hold_minutes",
    "queue_max", "failsafe_max", "failsafe_minutes", "custody_fee",
})  # fmt: skip
WAVES = (100, 1_000, 10_000)
NAME_MAX = 48


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One campaign on paper. Moments are aware UTC; ``zone`` is the one that people read them in (hard case 52)."""

    name: str
    kind: str
    template: str
    zone: str
    law_packs: tuple[str, ...]
    population: Mapping[str, Any]
    stages: tuple[tuple[str, datetime], ...]
    notices: tuple[tuple[str, datetime], ...]
    waves: tuple[int, ...] = WAVES  # accounts of the first waves; afterwards everybody
    hold_minutes: int = 60  # between two waves, so that people can look
    queue_max: int = 5_000  # open commands to the venue beyond which no new case is opened
    failsafe_max: int = 10  # unexpected outcomes in the window after which it stops by itself
    failsafe_minutes: int = 60
    custody_fee: int = 0  # basis points a month on what nobody claimed
    extra: Mapping[str, Any] = field(default_factory=dict)

    def at(self, stage: str) -> datetime | None:
        """Return when ``stage`` begins."""
        return dict(self.stages).get(stage)

    def document(self) -> dict[str, Any]:
        """Return the plan as JSON values; :func:`read` reads it back equal."""
        return {
            "name": self.name, "kind": self.kind, "template": self.template, "zone": self.zone,
            "law_packs": list(self.law_packs), "population": dict(self.population),
            "stages": [[stage, at.isoformat()] for stage, at in self.stages],
            "notices": [[letter, at.isoformat()] for letter, at in self.notices],
            "waves": list(self.waves), "hold_minutes": self.hold_minutes, "queue_max": self.queue_max,
            "failsafe_max": self.failsafe_max, "failsafe_minutes": self.failsafe_minutes,
            "custody_fee": self.custody_fee,
        }  # fmt: skip


def read(document: Mapping[str, Any]) -> Plan:
    """Return the plan that :meth:`Plan.document` wrote."""
    moments = {
        name: tuple((str(one), datetime.fromisoformat(at)) for one, at in document[name])
        for name in ("stages", "notices")
    }
    lists = {"law_packs": tuple(document["law_packs"]), "waves": tuple(document["waves"])}
    return Plan(**{**document, **moments, **lists})


@functools.cache
def templates() -> Mapping[str, Mapping[str, Any]]:
    """Return the calendars modelled on published exits, by name."""
    file = importlib.resources.files("closeout.cases.campaigns").joinpath("templates.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def written(text: str, *, policy: Policy, now: datetime) -> Plan:
    """Read a plan from TOML and hold it against calendar, caps and law; ``now``: aware UTC.

    Raises: Refused with every reason at once.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise refuse("campaign_unreadable", detail=str(wrong)) from wrong
    reasons = _shape(raw)
    if reasons:
        raise Refused(*reasons)
    plan = _built(raw)
    reasons = [*_law(plan, policy), *_calendar(plan, now=now), *_caps(plan), *_filter(plan)]
    if reasons:
        raise Refused(*reasons)
    return plan


def _shape(raw: Mapping[str, Any]) -> list[Reason]:
    """Say what cannot even be read: unknown keys, no name, no such template, zone or date."""
    found = [Reason("campaign_unknown_key", {"key": key}) for key in sorted(raw.keys() - KEYS)]
    name = raw.get("name", "")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX:
        found.append(Reason("campaign_no_name"))
    if raw.get("template", "market-exit") not in templates():
        found.append(Reason("campaign_no_template", {"known": ", ".join(templates())}))
    try:
        ZoneInfo(str(raw.get("zone", "")))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found.append(Reason("campaign_no_zone"))
    if not isinstance(raw.get("day"), datetime) or raw["day"].tzinfo is not None:
        found.append(Reason("campaign_no_day"))
    whole = ("hold_minutes", "queue_max", "failsafe_max", "failsafe_minutes", "custody_fee")
    odd = [
        key for key in whole if key in raw and (isinstance(raw[key], bool) or not isinstance(raw[key], int))
    ]
    found += [Reason("campaign_no_number", {"key": key}) for key in odd]
    waves = raw.get("waves", [])
    if not isinstance(waves, list) or not all(isinstance(one, int) for one in waves):
        found.append(Reason("campaign_no_number", {"key": "waves"}))
    tables = [key for key in ("population", "stages", "notices") if not isinstance(raw.get(key, {}), dict)]
    return found + [Reason("campaign_no_number", {"key": key}) for key in tables]


def _built(raw: Mapping[str, Any]) -> Plan:
    chosen = str(raw.get("template", "market-exit"))
    template = templates()[chosen]
    zone = ZoneInfo(str(raw["zone"]))
    day: datetime = raw["day"]
    offsets = {**template["stages"], **raw.get("stages", {})}
    letters = {**template["notices"], **raw.get("notices", {})}
    more = {key: raw[key] for key in ("hold_minutes", "queue_max", "failsafe_max", "failsafe_minutes",
                                      "custody_fee") if key in raw}  # fmt: skip
    notices = [(letter, at) for letter, many in letters.items() for at in many]
    return Plan(
        name=raw["name"], kind=template["kind"], template=chosen, zone=str(raw["zone"]),
        law_packs=tuple(raw.get("law_packs", ())), population=_population(raw.get("population", {})),
        stages=tuple((stage, _moment(day, offsets[stage], zone)) for stage in sorted(offsets, key=_place)),
        notices=_numbered([(letter, _moment(day, at, zone)) for letter, at in notices]),
        waves=tuple(raw.get("waves", WAVES)), **more,
    )  # fmt: skip


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _population(raw: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(raw)
    since = found.get("inactive_since")
    if since is not None:
        found["inactive_since"] = str(since)
    return found


def _moment(day: datetime, days: float, zone: ZoneInfo) -> datetime:
    """Return the same time of the clock in ``zone`` so many days later, in UTC."""
    local = day + timedelta(days=days)
    return local.replace(tzinfo=zone).astimezone(UTC)


def _numbered(notices: list[tuple[str, datetime]]) -> tuple[tuple[str, datetime], ...]:
    """Return the notices in the order of their dates, each with its number: remind-1, remind-2."""
    found, seen = [], dict[str, int]()
    for letter, at in sorted(notices, key=lambda pair: (pair[1], pair[0])):
        seen[letter] = seen.get(letter, 0) + 1
        found.append((f"{letter}-{seen[letter]}", at))
    return tuple(found)


def _law(plan: Plan, policy: Policy) -> list[Reason]:
    found = [Reason("campaign_no_pack", {"pack": pack, "known": ", ".join(laws.packs())})
             for pack in plan.law_packs if pack not in laws.packs()]  # fmt: skip
    least = laws.strictest(plan.law_packs, "notice_days_least", most=True)
    days = max(policy.exit_notice_days, 0 if least is None else least.value)
    announced, closes = plan.at("announce"), plan.at("close")
    if announced and closes and (closes - announced) < timedelta(days=days):
        found.append(Reason("campaign_short_notice", {"days": (closes - announced).days, "least": days}))
    if plan.kind == "dormancy":
        found += _dormant(plan)
    allowed = laws.strictest(plan.law_packs, "custody_fee_allowed", most=False)
    if plan.custody_fee and (allowed is None or not allowed.value):
        found.append(Reason("campaign_fee"))
    return found


def _dormant(plan: Plan) -> list[Reason]:
    """Demand a law that says when value goes to the state, and the notice inside its window."""
    years = laws.strictest(plan.law_packs, "dormant_years", most=True)
    if years is None or not plan.population.get("inactive_since"):
        return [Reason("campaign_dormancy")]
    announced, ends = plan.at("announce"), plan.at("custody")
    least = laws.strictest(plan.law_packs, "dormancy_notice_days_least", most=True)
    most = laws.strictest(plan.law_packs, "dormancy_notice_days_most", most=False)
    days = (ends - announced).days if announced and ends else 0
    if (least and days < least.value) or (most and days > most.value):
        window = f"{least.value if least else 0}–{most.value if most else '∞'}"
        return [Reason("campaign_dormancy_window", {"days": days, "window": window})]
    return []


def _calendar(plan: Plan, *, now: datetime) -> list[Reason]:
    found = [
        Reason("campaign_unknown_stage", {"stage": stage}) for stage, _ in plan.stages if stage not in STAGES
    ]
    found += [
        Reason("campaign_no_stage", {"stage": stage}) for stage in sorted(NEEDED - dict(plan.stages).keys())
    ]
    if found:
        return found
    in_order = sorted(plan.stages, key=lambda pair: STAGES.index(pair[0]))
    for (before, first), (after, second) in itertools.pairwise(in_order):
        if second < first:
            found.append(Reason("campaign_order", {"before": before, "after": after}))
    past = [stage for stage, at in in_order if at < now]
    if past:
        found.append(Reason("campaign_past", {"stages": ", ".join(past)}))
    if any(at < now for _, at in plan.notices):
        found.append(Reason("campaign_past", {"stages": "notices"}))
    return found


def _caps(plan: Plan) -> list[Reason]:
    caps: Sequence[tuple[str, int]] = [
        *(("waves", wave) for wave in plan.waves), ("queue_max", plan.queue_max),
        ("failsafe_max", plan.failsafe_max), ("failsafe_minutes", plan.failsafe_minutes),
    ]  # fmt: skip
    found = [Reason("campaign_cap", {"cap": name, "value": value}) for name, value in caps if value < 1]
    if list(plan.waves) != sorted(plan.waves):
        found.append(Reason("campaign_waves"))
    if plan.hold_minutes < 0:
        found.append(Reason("campaign_cap", {"cap": "hold_minutes", "value": plan.hold_minutes}))
    return found


def _filter(plan: Plan) -> list[Reason]:
    found = [Reason("campaign_filter", {"part": part}) for part in sorted(plan.population.keys() - FILTERS)]
    if not plan.population or not any(plan.population.values()):
        found.append(Reason("campaign_everybody"))
    return found

"""Law packs: what the law of one place demands of a policy, as data with its source and how far it was checked.

closeout is a tool and not legal advice: a rule marked *assumed* must be confirmed before anybody relies on it.
"""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

MARKS = ("checked", "assumed")
WEEKDAYS = 5


@dataclass(frozen=True)
class Rule:
    """One number that the law sets. ``mark``: checked against the authority's own text, or assumed."""

    value: int
    source: str
    mark: str


@dataclass(frozen=True)
class Pack:
    """The rules of one place by name: see :data:`MEANINGS` for what each name means."""

    code: str
    name: Mapping[str, str]
    rules: Mapping[str, Rule]


MEANINGS: Mapping[str, str] = {
    "handling_days_max": "calendar days from application to answer, cooling-off and review included",
    "handling_working_days_max": "the same in working days",
    "retention_years_least": "identity and transactions are kept at least so long",
    "notice_days_least": "notice before the operator closes an account of its own accord",
    "dormant_years": "without an act of ownership, value goes to the state after so long",
    "dormancy_notice_days_least": "the holder is written to at least so long before that date",
    "dormancy_notice_days_most": "and at most so long before it",
    "more_evidence_allowed": "0 where nobody may ask for more proof of identity than registration asked for",
    "custody_fee_allowed": "1 where a fee on value nobody claimed is allowed",
}


class Numbers(Protocol):
    """What the law looks at in a policy."""

    @property
    def cooling_off_days(self) -> int:
        """Return the days of cooling-off."""

    @property
    def review_working_days(self) -> int:
        """Return the working days of manual review."""

    @property
    def retention_years(self) -> int:
        """Return the years of retention."""

    @property
    def exit_notice_days(self) -> int:
        """Return the days of notice of a market exit."""

    @property
    def law_packs(self) -> tuple[str, ...]:
        """Return the codes of the packs that apply."""


@functools.cache
def packs() -> Mapping[str, Pack]:
    """Return every law pack by code (AE, CN, EU, HK, UK, US-CA)."""
    folder = importlib.resources.files("closeout.policy").joinpath("packs")
    read = [
        _pack(tomllib.loads(file.read_text(encoding="utf-8")))
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    ]
    return {pack.code: pack for pack in sorted(read, key=lambda pack: pack.code)}


def _pack(raw: Mapping[str, object]) -> Pack:
    rules = raw["rule"]
    name = raw["name"]
    assert isinstance(rules, dict)
    assert isinstance(name, dict)
    read = {
        key: Rule(int(rule["value"]), str(rule["source"]), str(rule["mark"])) for key, rule in rules.items()
    }
    return Pack(str(raw["code"]), name, read)


def chosen(codes: Sequence[str]) -> list[Pack]:
    """Return the packs with these codes; unknown ones are left out (:func:`problems` names them)."""
    return [packs()[code] for code in codes if code in packs()]


def strictest(codes: Sequence[str], rule: str, *, most: bool) -> Rule | None:
    """Return the largest (``most``) or smallest value that any of the packs sets for ``rule``."""
    found = [pack.rules[rule] for pack in chosen(codes) if rule in pack.rules]
    if not found:
        return None
    return (max if most else min)(found, key=lambda one: one.value)


def calendar_days(working: int) -> int:
    """Return how many calendar days ``working`` days can take: every begun week costs a weekend."""
    return working + 2 * (working // WEEKDAYS)


def problems(policy: Numbers) -> list[str]:
    """Say everything that the packs of ``policy`` forbid, with source and mark; empty where it is lawful."""
    unknown = [code for code in policy.law_packs if code not in packs()]
    found = [f"law_packs names {code}; known are {', '.join(packs())}" for code in unknown]
    for pack in chosen(policy.law_packs):
        found += [*_clock(policy, pack), *_least(policy, pack)]
    return found


def _clock(policy: Numbers, pack: Pack) -> list[str]:
    """The sum of cooling-off and review must fit the legal clock, not each of them alone."""
    took = policy.cooling_off_days + calendar_days(policy.review_working_days)
    found = []
    for key, unit in (("handling_days_max", "days"), ("handling_working_days_max", "working days")):
        rule = pack.rules.get(key)
        if rule is None:
            continue
        limit = rule.value if key == "handling_days_max" else calendar_days(rule.value)
        if took > limit:
            found.append(
                f"cooling_off_days {policy.cooling_off_days} and review_working_days {policy.review_working_days} "
                f"together take {took} days; {pack.code} allows {rule.value} {unit} ({rule.source}, {rule.mark})"
            )
    return found


def _least(policy: Numbers, pack: Pack) -> list[str]:
    wanted = (
        ("retention_years_least", "retention_years", policy.retention_years),
        ("notice_days_least", "exit_notice_days", policy.exit_notice_days),
    )
    return [
        f"{name} is {value}; {pack.code} demands at least {pack.rules[key].value} "
        f"({pack.rules[key].source}, {pack.rules[key].mark})"
        for key, name, value in wanted
        if key in pack.rules and value < pack.rules[key].value
    ]

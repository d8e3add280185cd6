"""The self-check as text and as the JSON document ``closeout.check/1``: one wording for every door."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from closeout.conditions import words
from closeout.conditions.catalog import LANGUAGES, Condition, by_code, catalog, data_faults
from closeout.conditions.check import Blocker, Finding, Report, Result
from closeout.conditions.earliest import Route, Step, route
from closeout.policy import Policy

SCHEMA = "closeout.check/1"
STOP = {"en": ". ", "zh": "。"}


def sentence(finding: Finding, lang: str) -> str:
    """Say how ``finding`` stands: the goal when met, the fact when not. ``lang``: en or zh."""
    condition = finding.condition
    if finding.result is Result.CLEAR:
        return condition.met[lang]
    if finding.result is Result.UNKNOWN:
        text = words.fault(finding.fault or "missing", finding.fault_relation or "", lang)
        shown = "".join(f"{blocker_sentence(row, lang)}{STOP[lang]}" for row in finding.evidence[:1])
        return shown + text
    if len(finding.blockers) == 1 or condition.many is None:
        return blocker_sentence(finding.blockers[0], lang)
    return condition.many[lang].format(count=len(finding.blockers))


def blocker_sentence(blocker: Blocker, lang: str) -> str:
    """Say what one blocker is, with its exact amount. ``lang``: en or zh."""
    condition = by_code()[blocker.code]
    missing = "?"
    text = condition.unmet[lang].format(
        subject=words.subject(blocker.subject, lang) or missing,
        item=blocker.item or missing,
        asset=blocker.asset or missing,
        amount=missing if blocker.amount is None else grouped(blocker.amount),
    )
    return text[:1].upper() + text[1:]


def plain(amount: Decimal) -> str:
    """Write ``amount`` exactly: no exponent, no trailing zeros, no rounding."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def grouped(amount: Decimal) -> str:
    """Write ``amount`` exactly, with commas between thousands, for people."""
    text = plain(amount)
    whole, dot, rest = text.removeprefix("-").partition(".")
    return ("-" if text.startswith("-") else "") + f"{int(whole):,}{dot}{rest}"


def document(report: Report, policy: Policy, *, settling: timedelta = timedelta(0)) -> dict[str, Any]:
    """Return ``closeout.check/1``: JSON values only, amounts as decimal strings, times in UTC."""
    way = route(report, policy, settling=settling)
    return {
        "schema": SCHEMA,
        "account_id": report.account_id,
        "as_of": instant(report.as_of),
        "policy_version": policy.version,
        "result": str(report.result),
        "earliest_closing_at": instant(way.possible_at),
        "earliest_is_certain": way.certain,
        "conditions": [_condition(finding) for finding in report.findings],
        "route": _route(way),
    }


def instant(moment: datetime | None) -> str | None:
    """Write a naive UTC moment as ISO 8601 with its offset."""
    return None if moment is None else moment.isoformat() + "Z"


def _condition(finding: Finding) -> dict[str, Any]:
    condition = finding.condition
    found: dict[str, Any] = {
        "code": condition.code,
        "group": condition.group,
        "rows": list(condition.rows),
        "result": str(finding.result),
        "title": {lang: sentence(finding, lang) for lang in LANGUAGES},
        "blockers": [_blocker(blocker, condition) for blocker in finding.blockers],
        "fault": None,
    }
    if finding.fault is not None:
        found["fault"] = {
            "code": finding.fault,
            "relation": finding.fault_relation,
            "who": "operator",
            "evidence": [_blocker(row, by_code()[row.code]) for row in finding.evidence],
        }
    return found


def _blocker(blocker: Blocker, condition: Condition) -> dict[str, Any]:
    return {
        "code": blocker.code,
        "subject": blocker.subject,
        "item": blocker.item,
        "asset": blocker.asset,
        "amount": None if blocker.amount is None else plain(blocker.amount),
        "clears_at": instant(blocker.clears_at),
        "text": {lang: blocker_sentence(blocker, lang) for lang in LANGUAGES},
        "remedy": condition.remedy,
        "no_remedy": None if condition.no_remedy is None else dict(condition.no_remedy),
        "who": str(condition.who),
        "reason": dict(condition.reason),
        "legal_basis": condition.legal_basis,
        "longest": condition.longest,
    }


def _route(way: Route) -> dict[str, Any]:
    return {
        "steps": [_step(step) for step in way.steps],
        "traps": [{"code": trap.code, "text": dict(trap.text)} for trap in way.traps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "do": step.do,
        "codes": list(step.codes),
        "items": len(step.blockers),
        "who": str(step.who),
        "starts_at": instant(step.starts_at),
        "done_at": instant(step.done_at),
        "trap": step.trap,
    }


def conditions_document() -> dict[str, Any]:
    """Return the catalogue as ``closeout.conditions/1``: every condition and every data fault."""
    return {
        "schema": "closeout.conditions/1",
        "conditions": [_entry(condition) for condition in catalog()],
        "data_faults": [_entry(condition) for condition in data_faults()],
    }


def _entry(condition: Condition) -> dict[str, Any]:
    return {
        "code": condition.code,
        "rows": list(condition.rows),
        "group": condition.group,
        "met": dict(condition.met),
        "unmet": dict(condition.unmet),
        "who": str(condition.who),
        "remedy": condition.remedy,
        "no_remedy": None if condition.no_remedy is None else dict(condition.no_remedy),
        "reason": dict(condition.reason),
        "legal_basis": condition.legal_basis,
        "longest": condition.longest,
        "source": condition.source,
        "faults": list(condition.faults),
        "reads": {relation: sorted(names) for relation, names in sorted(condition.reads.items())},
        "sql": condition.sql,
    }

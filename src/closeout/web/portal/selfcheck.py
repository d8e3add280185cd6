"""The self-check as a page shows it: grouped by what the holder does next, facts and goals in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from closeout.cases.proving import IDENTITY
from closeout.conditions import words
from closeout.conditions.catalog import Condition, Who
from closeout.conditions.check import Blocker, Finding, Report, Result
from closeout.conditions.document import sentence
from closeout.conditions.earliest import FOLLOWS, route
from closeout.policy import Policy
from closeout.web.portal import choosing, formats, wording

SHOWN = 3  # lines of a row before the rest is folded
SOON = timedelta(hours=1)  # a shorter wait is not worth a date


@dataclass(frozen=True)
class Action:
    """The one thing to do about a row: where it is done and what the button says."""

    label: str
    url: str


@dataclass(frozen=True)
class Row:
    """One condition on the page. ``lines`` are shown, ``more`` is folded."""

    code: str
    icon: str
    title: str
    lines: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    when: datetime | None = None
    reason: str = ""
    longest: str | None = None
    legal_basis: str | None = None
    action: Action | None = None
    follows: bool = False  # ends with another row; nothing to do about it by itself


@dataclass(frozen=True)
class Overview:
    """The self-check in five groups, and when the holder can apply."""

    as_of: datetime
    unknown: tuple[Row, ...]
    clearable: tuple[Row, ...]
    yours: tuple[Row, ...]
    waiting: tuple[Row, ...]
    done: tuple[Row, ...]
    earliest: datetime | None
    days: int
    undated: bool
    traps: tuple[str, ...]

    @property
    def total(self) -> int:
        """Count all conditions."""
        return self.met + self.left

    @property
    def met(self) -> int:
        """Count the conditions that hold."""
        return len(self.done)

    @property
    def left(self) -> int:
        """Count what is still to do or to wait for."""
        return len(self.unknown) + len(self.clearable) + len(self.yours) + len(self.waiting)

    @property
    def ready(self) -> bool:
        """Say whether every condition is met."""
        return self.left == 0

    @property
    def can_schedule(self) -> bool:
        """Say whether only dates are left, so that an application can wait for them (R-CLO-13)."""
        only_waits = not (self.unknown or self.clearable or self.yours)
        return only_waits and not self.undated and bool(self.waiting)


def overview(report: Report, policy: Policy, *, language: str) -> Overview:
    """Arrange ``report`` for the page in ``language`` (zh or en)."""
    groups: dict[str, list[Row]] = {name: [] for name in ("unknown", "clearable", "yours", "waiting", "done")}
    for finding in report.findings:
        groups[_group(finding)].append(_row(finding, language=language))
    groups["clearable"].sort(key=lambda row: row.follows)
    way = route(report, policy)
    waits = [finding for finding in report.findings if _group(finding) == "waiting"]
    undated = any(blocker.clears_at is None for finding in waits for blocker in finding.blockers)
    late = way.possible_at is not None and way.possible_at - report.as_of > SOON and not undated
    earliest = way.possible_at if late else None
    return Overview(
        as_of=report.as_of.replace(tzinfo=UTC),
        earliest=earliest,
        days=formats.whole_days(earliest - report.as_of) if earliest else 0,
        undated=undated,
        traps=tuple(trap.text[language] for trap in way.traps),
        **{name: tuple(rows) for name, rows in groups.items()},
    )


def _group(finding: Finding) -> str:
    if finding.result is Result.CLEAR:
        return "done"
    if finding.result is Result.UNKNOWN:
        return "unknown"
    return {Who.HOLDER: "clearable", Who.HOLDER_ELSEWHERE: "yours"}.get(finding.condition.who, "waiting")


def _row(finding: Finding, *, language: str) -> Row:
    condition = finding.condition
    said = wording.spaced(sentence(finding, language), language)
    if finding.result is Result.CLEAR:
        return Row(condition.code, "go", said)
    row = Row(
        condition.code,
        _icon(finding),
        said,
        reason=condition.reason[language],
        longest=wording.longest(condition.longest) if condition.longest else None,
        legal_basis=condition.legal_basis,
        action=action(condition, finding.result),
        follows=condition.code in FOLLOWS,
    )
    if finding.result is Result.UNKNOWN:
        line = _("It is our fault, not yours; we look again by ourselves.")
        return dataclasses.replace(row, icon="talk", lines=(line,))
    lines = _lines(finding, language=language)
    return dataclasses.replace(
        row, lines=tuple(lines[:SHOWN]), more=tuple(lines[SHOWN:]), when=_when(finding.blockers)
    )


def _lines(finding: Finding, *, language: str) -> list[str]:
    """Return what belongs under the fact: where and how much if there are several, and the way out."""
    lines = _places(finding.blockers, language=language) if len(finding.blockers) > 1 else []
    if finding.condition.no_remedy:
        lines.insert(SHOWN - 1 if len(lines) >= SHOWN else len(lines), finding.condition.no_remedy[language])
    return lines


def _places(blockers: Sequence[Blocker], *, language: str) -> list[str]:
    """List ``blockers`` place by place: each line one place with its amounts, exact to the last digit."""
    places: dict[str, list[str]] = {}
    numbered = blockers[0].code == "sub_accounts_closed"
    for blocker in blockers:
        name = "" if numbered else wording.capital(words.subject(blocker.subject, language))
        amount = "" if blocker.amount is None else formats.amount(blocker.amount, blocker.asset)
        places.setdefault(name, []).append(amount or (str(blocker.item) if numbered else ""))
    colon = "：" if language == "zh" else ": "
    if not any(amount for amounts in places.values() for amount in amounts):
        return [
            formats.listed([_times(name, len(found)) for name, found in places.items()], language=language)
        ]
    return [
        (f"{name}{colon}" if name else "")
        + formats.listed([part for part in amounts if part], language=language)
        for name, amounts in places.items()
    ]


def _times(name: str, number: int) -> str:
    return name if number == 1 else f"{name} × {number}"


def _icon(finding: Finding) -> str:
    who = finding.condition.who
    return {Who.NOBODY: "wait", Who.SUPPORT: "talk", Who.OPERATOR: "talk"}.get(who, "todo")


def _when(blockers: Sequence[Blocker]) -> datetime | None:
    """Return when the last of ``blockers`` ends by itself, if all of them do."""
    dates = [blocker.clears_at for blocker in blockers]
    known = [date for date in dates if date is not None]
    return max(known) if known and len(known) == len(dates) else None


def action(condition: Condition, result: Result) -> Action | None:
    """Return the one thing to do about a condition; None where it is met, unknown, or only waits."""
    if result is not Result.BLOCKED:
        return None
    if condition.code == IDENTITY:
        return Action(_("Update it here"), reverse("portal:proof"))
    if condition.who in (Who.SUPPORT, Who.OPERATOR):
        return Action(_("Ask support"), f"{reverse('portal:support')}?about={condition.code}")
    if condition.who is Who.HOLDER_ELSEWHERE:
        return Action(_("How to do it"), reverse("portal:help_page", args=[condition.code]))
    if condition.who is Who.HOLDER and condition.remedy in choosing.ONLY:
        return Action(_("Resolve"), f"{reverse('portal:plan')}?for={condition.remedy}")
    return None

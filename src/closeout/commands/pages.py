"""How reports look in a terminal. Plain text when it is not one; Rich is imported only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from closeout.conditions import document, words
from closeout.conditions.catalog import Who
from closeout.conditions.check import Finding, Report, Result
from closeout.conditions.earliest import route
from closeout.policy import Policy

GROUPS: Sequence[tuple[str, Mapping[str, str]]] = (
    ("holder", {"en": "We can clear these for you", "zh": "可一键清理"}),
    ("holder_elsewhere", {"en": "Only you can do these", "zh": "需要你亲自处理"}),
    ("support", {"en": "Support is needed", "zh": "需要客服处理"}),
    ("nobody", {"en": "Waiting", "zh": "等待中"}),
    ("operator", {"en": "Not readable now: our fault, not yours", "zh": "暂时无法读取：我们的问题"}),
)
WORDS: Mapping[str, Mapping[str, str]] = {
    "met": {"en": "{met} of {all} conditions met", "zh": "已满足 {met}/{all} 项"},
    "earliest": {"en": "Can be closed from {at} at the earliest", "zh": "最早可于 {at} 注销"},
    "now": {"en": "The account can be closed now", "zh": "现在即可注销"},
    "until": {"en": "until {at}", "zh": "至 {at}"},
    "already": {"en": "Already met: {count}", "zh": "已满足：{count} 项"},
    "open": {"en": "Not known yet: what is open stands below", "zh": "尚不清楚：待回答或未读到的内容见下方"},
    "unread": {
        "en": "{relation}: not answered, or not read in full",
        "zh": "{relation}：尚未回答或未能完整读取",
    },
}
MARKS = {Result.BLOCKED: "○", Result.UNKNOWN: "?"}


def say(key: str, language: str, **values: object) -> str:
    """Return one of the fixed sentences."""
    return WORDS[key][language].format(**values)


def moment(at: datetime, language: str) -> str:
    """Return a naive UTC time as people read it in ``language``."""
    if language == "zh":
        return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}（UTC）"
    return f"{at.day} {at:%B %Y, %H:%M} (UTC)"


def report(found: Report, policy: Policy, language: str, *, own_key: bool = False) -> None:
    """Print a self-check, grouped by who can do something about it.

    ``own_key``: it comes from the holder's own key, so what is not known is nobody's fault and may be answered.
    """
    console = Console(highlight=False)
    met = sum(finding.result is Result.CLEAR for finding in found.findings)
    console.print(f"[bold]{say('met', language, met=met, all=len(found.findings))}[/bold]")
    if found.result is Result.CLEAR:
        console.print(f"[green]✓[/green] {say('now', language)}")
    earliest = route(found, policy).possible_at
    if earliest is not None and found.result is Result.BLOCKED:
        console.print(say("earliest", language, at=moment(earliest, language)))
    for who, title in GROUPS:
        findings = [finding for finding in found.findings if _group(finding) == who]
        if findings:
            unread = own_key and who == "operator"
            console.print(f"\n[bold]{say('open', language) if unread else title[language]}[/bold]")
            console.print(_unread(findings, language) if unread else _table(findings, language))
    console.print(f"\n[dim]{say('already', language, count=met)}[/dim]")


def _group(finding: Finding) -> str | None:
    if finding.result is Result.CLEAR:
        return None
    return "operator" if finding.result is Result.UNKNOWN else Who(finding.condition.who).value


def _unread(findings: Sequence[Finding], language: str) -> Table:
    """Name each kind of fact once, with what is known of it."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 1))
    said = []
    for finding in findings:
        name = words.relation(finding.fault_relation or "", language)
        said += [document.blocker_sentence(row, language) for row in finding.evidence[:1]]
        said.append(say("unread", language, relation=name[:1].upper() + name[1:]))
    for text in dict.fromkeys(said):
        table.add_row(MARKS[Result.UNKNOWN], escape(text))
    return table


def _table(findings: Sequence[Finding], language: str) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 1))
    for finding in findings:
        table.add_row(MARKS[finding.result], escape(document.sentence(finding, language)))
        shown = finding.blockers if len(finding.blockers) > 1 or finding.blockers[:1] else ()
        for blocker in shown:
            until = "" if blocker.clears_at is None else say(
                "until", language, at=moment(blocker.clears_at, language)
            )  # fmt: skip
            text = "" if len(finding.blockers) == 1 else document.blocker_sentence(blocker, language)
            if text or until:
                table.add_row("", f"[dim]{escape(text)} {until}[/dim]".replace("[dim] ", "[dim]"))
    return table

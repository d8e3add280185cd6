"""The report of a campaign on paper, in the form of closeout's other documents."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from closeout.cases.campaigns.words import STAGES, STATES, TITLES, WORDS
from closeout.conditions.catalog import by_code


def pdf(found: Mapping[str, Any], *, language: str) -> bytes:
    """Return the report ``closeout.campaign/1`` as a PDF in ``language``."""
    from reportlab.lib.units import mm
    from reportlab.platypus import Flowable, Spacer

    from closeout.records import sheets

    titles = {name: text[language] for name, text in TITLES.items()}
    title = titles["title"].format(name=found["name"])
    people = titles["people"].format(
        planned=found["planned_by"], started=", ".join(found["started_by"]) or "–"
    )
    story: list[Flowable] = [
        Spacer(1, 4 * mm),
        sheets.text(title, 20, lead=1.3),
        sheets.text(people, 10, colour=sheets.SOFT),
        Spacer(1, 3 * mm),
        sheets.pairs([
            (titles["population"], f"{found['population']:,}"),
            (titles["state"], f"{STATES[found['state']][language]} {found['why']}".strip()),
            (titles["digest"], found["digest"]),
        ]),
    ]  # fmt: skip
    for name, rows, widths in _tables(found, language):
        if rows:
            story += sheets.heading([titles[name]])
            story.append(sheets.grid([""] * len(widths), rows, widths))
    target = io.BytesIO()
    footer = f"{found['name']} · {found['zone']}"
    sheets.build(story, target, title=title, author="closeout", footer=footer, on_first=sheets.ribbon)
    return target.getvalue()


def _tables(found: Mapping[str, Any], language: str) -> list[tuple[str, list[list[str]], Sequence[float]]]:
    return [
        (
            "stages",
            [[STAGES[one["stage"]][language], one["at"], f"{one['reached']:,}"] for one in found["stages"]],
            (0.4, 0.4, 0.2),
        ),
        (
            "outcomes",
            [[WORDS[outcome][language], f"{count:,}"] for outcome, count in found["outcomes"].items()],
            (0.7, 0.3),
        ),
        (
            "blockers",
            [[_spoken(codes, language), f"{count:,}"] for codes, count in found["blockers"].items()],
            (0.8, 0.2),
        ),
        (
            "notices",
            [[one["letter"], one["channel"], one["answer"], f"{one['count']:,}"] for one in found["notices"]],
            (0.3, 0.2, 0.3, 0.2),
        ),
        (
            "changes",
            [[one["account"], one["kind"], one["asked_by"], one["decided_by"] or "–", str(one["granted"])]
             for one in found["changes"]],
            (0.2, 0.2, 0.2, 0.2, 0.2),
        ),
    ]  # fmt: skip


def _spoken(codes: str, language: str) -> str:
    """Say the codes of conditions as the self-check says them."""
    known = by_code()
    return " · ".join(known[code].unmet[language] if code in known else code for code in codes.split(","))

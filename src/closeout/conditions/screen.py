"""Screening a population: the same conditions for every account of a folder or of a live database (R-OPS-2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from closeout.conditions import buckets, page, summary
from closeout.conditions.catalog import by_code
from closeout.conditions.check import Report, check, unreadable_relations
from closeout.facts import parquet
from closeout.facts.duck import bounded
from closeout.facts.engine import Engine, FactsUnreachable
from closeout.facts.folders import replaced
from closeout.facts.schema import RELATIONS
from closeout.policy import Policy

MARKER = "summary.json"
KEYS = 250_000  # accounts whose keys are compared at once; keeps the peak below 256 MB
BATCH = 2_000  # accounts of a live database in one query
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """One screening: of what, under which policy, at which moment."""

    folder: parquet.Folder
    policy: Policy
    as_of: datetime
    draft: Policy | None = None  # what-if


def screen(
    asked: Asked, out: Path, *, engine: str = "duckdb", progress: Progress | None = None
) -> dict[str, Any]:
    """Write ``blockers/*.parquet``, ``summary.json`` and ``summary.html`` to ``out``; whole or not at all.

    ``engine``: duckdb or spark. Raises: BadFacts (also for a key that stands there twice, or a file that turns
    out to be damaged), FactsUnreachable, FileExistsError.
    """
    try:
        refuse_duplicates(asked.folder)
        with replaced(out, marker=MARKER) as aside:
            found = _run(asked, asked.policy, aside / "blockers", engine, progress)
            if asked.draft is not None:
                after = _run(asked, asked.draft, aside / "blockers-what-if", engine, progress)
                found["what_if"] = summary.compare(found, after)
            finish(aside, found)
    except (duckdb.Error, FactsUnreachable) as wrong:
        problems = parquet.undecodable(asked.folder)
        if problems:
            raise parquet.BadFacts(problems) from wrong
        raise
    return found


def finish(folder: Path, found: Mapping[str, Any]) -> None:
    """Write the summary as JSON and as a page."""
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    (folder / MARKER).write_text(text, encoding="utf-8")
    (folder / "summary.html").write_text(page.page(found), encoding="utf-8")


def refuse_duplicates(folder: parquet.Folder) -> None:
    """Look for keys that stand there twice, bucket by bucket. Raises: BadFacts naming file and row group."""
    ranges = buckets.split(folder, size=KEYS)
    problems: list[str] = []
    with bounded("160MB") as connection:
        for name in folder.files:
            for bucket in ranges:
                paths = folder.reading(name, bucket.least, bucket.most)
                problems += parquet.duplicates(connection, name, paths, least=bucket.least, most=bucket.most)
                if problems:
                    break
    if problems:
        raise parquet.BadFacts(problems)


def _run(
    asked: Asked, policy: Policy, target: Path, engine: str, progress: Progress | None
) -> dict[str, Any]:
    target.mkdir(parents=True)
    if engine == "spark":
        from closeout.conditions import lake

        groups: Sequence[Sequence[Path]] = [lake.write(asked.folder, policy.row(asked.as_of), target)]
    else:
        groups = list(_on_duckdb(asked, policy, target, progress))
    return summary.summarise(
        groups, accounts=asked.folder.accounts, as_of=asked.as_of, policy=policy, relations=asked.folder.files
    )


def _on_duckdb(
    asked: Asked, policy: Policy, target: Path, progress: Progress | None
) -> Iterator[Sequence[Path]]:
    ranges = buckets.split(asked.folder)
    with closing(buckets.Screen(asked.folder, policy.row(asked.as_of))) as work:
        for done, bucket in enumerate(ranges, start=1):
            path = target / f"part-{bucket.number:05d}.parquet"
            work.write(bucket, path)
            if progress is not None:
                progress(done, len(ranges))
            yield [path]


def screen_live(
    engine: Engine,
    accounts: Sequence[int],
    out: Path,
    *,
    policy: Policy,
    as_of: datetime,
    draft: Policy | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Screen ``accounts`` of a live database through the same check as one account, in batches.

    Raises: FactsUnreachable, FileExistsError.
    """
    with replaced(out, marker=MARKER) as aside:
        found = _live(engine, accounts, aside / "blockers", (policy, as_of), progress)
        if draft is not None:
            after = _live(engine, accounts, aside / "blockers-what-if", (draft, as_of), progress)
            found["what_if"] = summary.compare(found, after)
        finish(aside, found)
    return found


def _live(
    engine: Engine,
    accounts: Sequence[int],
    target: Path,
    judged: tuple[Policy, datetime],
    progress: Progress | None,
) -> dict[str, Any]:
    from closeout.facts.blockers import write

    policy, as_of = judged
    target.mkdir()
    groups: list[Sequence[Path]] = []
    known = 0
    for first in range(0, len(accounts), BATCH):
        reports = check(engine, policy, as_of=as_of, accounts=accounts[first : first + BATCH])
        known += len(reports)
        path = target / f"part-{first // BATCH:05d}.parquet"
        write(path, [row for report in reports.values() for row in rows(report)])
        groups.append([path])
        if progress is not None:
            progress(min(first + BATCH, len(accounts)), len(accounts))
    unreadable = unreadable_relations(engine.sources(), policy.row(as_of))
    readable = [name for name in RELATIONS if name not in unreadable]
    return summary.summarise(groups, accounts=known, as_of=as_of, policy=policy, relations=readable)


def rows(report: Report) -> Iterator[tuple[Any, ...]]:
    """Return the blockers and the rows of data faults of one report, as a screening writes them.

    What a partial source showed is left out: it is no fault of a record, and the summary says "unknown".
    """
    evidence = dict.fromkeys(
        row for one in report.findings for row in one.evidence if by_code()[row.code].faults
    )
    for one in (*report.blockers, *evidence):
        yield (one.account_id, one.code, one.subject, one.item, one.asset, one.amount, one.clears_at)

"""``closeout screen`` and ``closeout population``: the same conditions for everybody, and somebody to try on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from closeout.commands import door


@click.command()
@click.option("--facts", "folder", type=click.Path(path_type=Path), help="Folder with <relation>.parquet.")
@click.option("--venue", type=click.Choice(["sandbox"]), help="Screen the live database instead.")
@click.option(
    "--engine", type=click.Choice(["duckdb", "spark", "postgres"]), help="Default: duckdb for files."
)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--as-of", "as_of", help="Moment to judge at, ISO 8601, UTC unless it says otherwise.")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    help="Policy, TOML. Default: of the database the one in force.",
)
@click.option(
    "--what-if", "draft_file", type=click.Path(path_type=Path), help="Draft policy to compare with."
)
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.screen/1.")
def screen(**asked: Any) -> None:
    """Check everybody: blockers as Parquet, a summary as JSON and as a page.

    Exit code: 0 done, 2 the facts or the policy cannot be used, 4 the database did not answer.
    """
    from closeout.facts.engine import FactsUnreachable
    from closeout.facts.parquet import BadFacts
    from closeout.policy import load

    if (asked["folder"] is None) == (asked["venue"] is None):
        raise click.UsageError("give either --facts DIR or --venue sandbox")
    policy = load(asked["policy_file"]) if asked["policy_file"] else None
    draft = load(asked["draft_file"]) if asked["draft_file"] else None
    try:
        found = _live(asked, policy, draft) if asked["folder"] is None else _files(asked, policy, draft)
    except BadFacts as wrong:
        for problem in wrong.problems:
            click.echo(problem, err=True)
        raise click.exceptions.Exit(door.USAGE) from None
    except FactsUnreachable as wrong:
        click.echo((str(wrong).splitlines() or ["the facts cannot be read"])[0], err=True)
        raise click.exceptions.Exit(door.UNREACHABLE) from None
    except (FileExistsError, NotADirectoryError) as wrong:
        raise click.UsageError(str(wrong)) from None
    if asked["as_json"]:
        door.emit(found)
    else:
        _tell(found)
    click.echo(f"Written to {asked['out']}: blockers/, summary.json, summary.html", err=True)


def _files(asked: dict[str, Any], policy: Any, draft: Any) -> dict[str, Any]:
    from closeout.conditions import screen as screening
    from closeout.facts import parquet
    from closeout.policy import Policy

    folder = parquet.opened(asked["folder"])
    moment = _moment(asked["as_of"]) or parquet.as_of(asked["folder"])
    wanted = screening.Asked(folder, policy or Policy(), moment, draft)
    if asked["engine"] == "postgres":
        return _files_in_postgres(wanted, asked["out"])
    return screening.screen(wanted, asked["out"], engine=asked["engine"] or "duckdb", progress=_progress)


def _files_in_postgres(wanted: Any, out: Path) -> dict[str, Any]:
    """Load the files into a schema that is never committed, and screen that."""
    from contextlib import closing

    from closeout import cluster
    from closeout.conditions import screen as screening
    from closeout.facts import loading

    screening.refuse_duplicates(wanted.folder)
    with closing(cluster.connect(cluster.ensure())) as connection:
        engine = loading.load(connection, wanted.folder, schema="closeout_screening", as_of=wanted.as_of)
        rows = connection.execute("select account_id from closeout_screening.account order by account_id")
        return screening.screen_live(
            engine, [number for (number,) in rows], out, policy=wanted.policy, as_of=wanted.as_of,
            draft=wanted.draft, progress=_progress,
        )  # fmt: skip


def _live(asked: dict[str, Any], policy: Any, draft: Any) -> dict[str, Any]:
    if asked["engine"] not in {None, "postgres"}:
        raise click.UsageError("a live database is screened by postgres")
    from closeout.cases import start

    start.begin()
    from django.db import connection

    from closeout.cases import policies, venues
    from closeout.conditions import screen as screening
    from closeout.facts.postgres import PostgresFacts

    policy = policy or policies.in_force()
    with connection.cursor() as cursor:
        cursor.execute("select account_id from facts.account order by account_id")
        accounts = [number for (number,) in cursor.fetchall()]
        engine = PostgresFacts(cursor)
        moment = _moment(asked["as_of"]) or venues.now().replace(tzinfo=None)
        return screening.screen_live(
            engine, accounts, asked["out"], policy=policy, as_of=moment, draft=draft, progress=_progress
        )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--as-of {text!r} is no moment; write 2026-11-22T00:00:00Z") from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _progress(done: int, all_: int) -> None:
    door.progress(f"{done} of {all_}")


def _tell(found: dict[str, Any]) -> None:
    click.echo(
        f"{found['accounts']:,} accounts: {found['clear']:,} can be closed, {found['blocked']:,} blocked, "
        f"{found['unknown']:,} unknown"
    )
    for one in (*found["conditions"], *found["data_faults"]):
        if one["blockers"]:
            click.echo(f"{one['code']:<28} {one['accounts']:>12,} accounts {one['blockers']:>12,} blockers")
    for key, title in (("who", "must act"), ("remedies", "can be done")):
        for name, count in found[key].items():
            click.echo(f"{name:<28} {count:>12,} accounts ({title})")
    if "what_if" in found:
        change = found["what_if"]
        click.echo(f"What if: {change['clear']:+,} can be closed, {change['blocked']:+,} blocked")


@click.command()
@click.option("--accounts", required=True, type=click.IntRange(1, 1_000_000_000))
@click.option("--seed", default=7, show_default=True, type=int)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--as-of", "as_of", default="2026-11-22T00:00:00", show_default=True)
def population(accounts: int, seed: int, out: Path, as_of: str) -> None:
    """Write facts of generated accounts to try screening on; nobody in it is real."""
    from closeout.facts.population import generate

    moment = _moment(as_of)
    assert moment is not None
    try:
        generate(out, accounts=accounts, seed=seed, as_of=moment, progress=_progress)
    except (FileExistsError, NotADirectoryError) as wrong:
        raise click.UsageError(str(wrong)) from None
    click.echo(f"Written to {out}", err=True)

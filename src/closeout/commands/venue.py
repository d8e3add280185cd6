"""``closeout venue check``: the contract of a venue, run on a throw-away account."""

from __future__ import annotations

import click

from closeout.commands import door

MARKS = {"kept": "✓", "broken": "✗", "untried": "?"}


@click.group()
def venue() -> None:
    """Examine a venue."""


@venue.command()
@click.option(
    "--account", "named", required=True, help="A throw-away account: money is moved between its wallets."
)
@click.option("--venue", "place", type=click.Choice(["sandbox"]), default="sandbox", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.venue/1.")
def check(named: str, place: str, as_json: bool) -> None:
    """Run the contract that every venue keeps: once per key, receipts, rejections, quotes, freezing, closing.

    The account is frozen and unfrozen, and money is gathered in its funding wallet; nothing leaves it.
    Exit code: 0 kept, 1 broken, 5 something could not be tried.
    """
    from closeout.cases import start

    start.begin()
    from closeout.cases import venues
    from closeout.venues.conformance import Bench, examine

    account_id = door.account(named)
    findings = []
    for finding in examine(Bench(venues.venue(place), account_id)):
        findings.append(finding)
        door.progress(f"{MARKS[finding.state]} {finding.meaning} {finding.detail}".rstrip())
    states = {finding.state for finding in findings}
    if as_json:
        door.emit({"schema": "closeout.venue/1", "venue": place, "account_id": account_id,
                   "checks": [finding.__dict__ for finding in findings]})  # fmt: skip
    broken = door.BLOCKED if "broken" in states else door.INCOMPLETE
    raise click.exceptions.Exit(door.DONE if states == {"kept"} else broken)

"""``closeout check``: the self-check of one account."""

from __future__ import annotations

import click

from closeout.commands import door, okx_door


@click.command()
@click.option("--account", "named", help="Number of the account, or the handle of a seeded person.")
@click.option(
    "--venue", type=click.Choice(["sandbox", "okx", "binance"]), default="sandbox", show_default=True
)
@okx_door.options
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.check/1.")
@click.option("--lang", type=door.LANGUAGES, help="Language of the report.")
def check(asked: okx_door.Asked, named: str | None, venue: str, as_json: bool, lang: str | None) -> None:
    """Say what still blocks an account, until when, and who can end it.

    Exit code: 0 closable, 1 blocked, 5 something could not be read.
    """
    if venue == "okx":
        from closeout.commands import okx

        okx.run_check(asked, as_json=as_json, language=door.language(lang))
    if venue == "binance":
        from closeout.commands import binance

        binance.run_check(asked, as_json=as_json, language=door.language(lang))
    if named is None:
        raise click.UsageError("Missing option '--account'.")
    from closeout.cases import start

    start.begin()
    from closeout.cases import policies, queries, venues
    from closeout.conditions import document
    from closeout.reasons import refuse

    policy = policies.in_force()
    report = queries.report(door.account(named), policy, now=venues.now())
    if report is None:
        raise refuse("unknown_account")
    if as_json:
        door.emit(document.document(report, policy))
    else:
        from closeout.commands import pages

        pages.report(report, policy, door.language(lang))
    codes = {"clear": door.DONE, "blocked": door.BLOCKED, "unknown": door.INCOMPLETE}
    raise click.exceptions.Exit(codes[report.result])

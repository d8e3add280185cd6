"""``closeout clear``: the one click, from a terminal."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

from closeout.commands import door, okx_door

if TYPE_CHECKING:
    from closeout.clearing.choices import Consent
    from closeout.clearing.dry_run import DryRun

ASK = {
    "en": "Clear exactly this? Nothing can be taken back.",
    "zh": "确认按以上内容清理？执行后无法撤回。",
}


@click.command()
@click.option("--account", "named", help="Number of the account, or the handle of a seeded person.")
@click.option("--venue", type=click.Choice(["sandbox", "okx"]), default="sandbox", show_default=True)
@okx_door.options
@okx_door.ways
@click.option("--dry-run", is_flag=True, help="Only show every command with its costs; moves nothing.")
@click.option("--yes", is_flag=True, help="Confirm what the dry run shows and do it.")
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.clear/1.")
@click.option("--lang", type=door.LANGUAGES, help="Language of the report.")
@click.option(
    "--leave-out", multiple=True, metavar="THING", help="Leave this item alone, as named in the dry run."
)
@click.option("--only", multiple=True, metavar="THING", help="Do only these items.")
@click.option("--sell", multiple=True, metavar="ASSET", help="Sell this asset instead of withdrawing it.")
@click.option("--sell-rest", is_flag=True, help="Sell what has no address in the address book.")
@click.option("--wait-for-maturity", is_flag=True, help="Pay no penalty for early redemption.")
@click.option(
    "--beyond-slippage", multiple=True, metavar="THING", help="Sell this item although the price is bad."
)
@click.option(
    "--give", multiple=True, metavar="WAY:ASSET:AMOUNT[:ACCOUNT]",
    help="Consent to give up dust: forfeit, donate or send, at most AMOUNT; once per asset.",
)  # fmt: skip
def clear(  # noqa: PLR0917 - click passes options by name
    asked: okx_door.Asked,
    ways: Sequence[str],
    tails: Sequence[str],
    named: str | None,
    venue: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    lang: str | None,
    leave_out: Sequence[str],
    only: Sequence[str],
    sell: Sequence[str],
    sell_rest: bool,
    wait_for_maturity: bool,
    beyond_slippage: Sequence[str],
    give: Sequence[str],
) -> None:
    """Clear an account of all that its holder may clear, after a dry run.

    Without --yes it shows the dry run and asks. Running it again continues where it stopped.
    Exit code: 0 done, 1 something was refused or needs another yes, 4 venue, 5 something could not be read.
    """
    if dry_run and yes:
        raise click.UsageError("--dry-run and --yes exclude each other.")
    if venue == "okx":
        from closeout.commands import okx

        if give:
            raise click.UsageError(
                "--give: OKX has no call for giving up or sending dust; --sell-rest converts it."
            )
        okx.run_clear(
            asked,
            okx.Wanted(
                okx.destinations(ways), tuple(tails), frozenset(sell), sell_rest, frozenset(leave_out), frozenset(only),
                wait_for_maturity, frozenset(beyond_slippage),
            ),
            dry_run=dry_run, yes=yes, as_json=as_json, language=door.language(lang),
        )  # fmt: skip
    if named is None:
        raise click.UsageError("Missing option '--account'.")
    from closeout.cases import start

    start.begin()
    from closeout.cases import clearings, venues
    from closeout.clearing import document
    from closeout.clearing.choices import suggested

    account_id, language = door.account(named), door.language(lang)
    place = venues.venue(venue)
    choices = dataclasses.replace(
        suggested(place.destinations(account_id), now=place.now()),
        left_out=frozenset(leave_out), only=frozenset(only), sell=frozenset(sell), sell_rest=sell_rest,
        redeem_early=not wait_for_maturity, beyond_slippage=frozenset(beyond_slippage), consents=_consents(give),
    )  # fmt: skip
    shown = clearings.show(account_id, venue=venue, choices=choices)
    if as_json and not yes:
        door.emit(document.dry_run(shown))
    elif not as_json:
        from closeout.commands import clear_pages

        clear_pages.dry_run(shown, language)
    if dry_run or not (yes or _confirmed(shown, language)):
        raise click.exceptions.Exit(door.INCOMPLETE if shown.plan.unknown else door.DONE)
    raise click.exceptions.Exit(_run(shown, venue, as_json=as_json, language=language))


def _consents(give: Sequence[str]) -> tuple[Consent, ...]:
    from closeout.clearing.choices import Consent, Way

    consents = []
    for said in give:
        way, asset, amount, account = [*said.split(":"), "", "", "", ""][:4]
        try:
            consents.append(
                Consent(
                    asset=asset, way=Way(way), amount_max=Decimal(amount),
                    to_account=int(account) if account else None,
                )
            )  # fmt: skip
        except (ValueError, InvalidOperation) as wrong:
            raise click.UsageError(
                f"--give {said}: write WAY:ASSET:AMOUNT, for example forfeit:LUNC:40"
            ) from wrong
    return tuple(consents)


def _confirmed(shown: DryRun, language: str) -> bool:
    if not shown.offers or not sys.stdin.isatty():
        return False
    return click.confirm(ASK[language], err=True)


def _run(shown: DryRun, venue: str, *, as_json: bool, language: str) -> int:
    """Do what was shown, and say how it went; return the exit code."""
    from closeout.cases import clearings
    from closeout.clearing import document
    from closeout.clearing.journal import RunState
    from closeout.commands import clear_pages
    from closeout.reasons import Refused

    try:
        opened = clearings.start(shown.account_id, venue=venue, digest=shown.digest, actor="terminal")
    except Refused as no:
        if [reason.code for reason in no.reasons] != ["nothing_to_clear"]:
            raise
        if as_json:
            door.emit({**document.dry_run(shown), "kind": "outcome", "state": "nothing"})
        door.progress(no.sentences(language)[0])
        return door.INCOMPLETE if shown.plan.unknown else door.DONE
    clear_pages.follow(clearings.proceed(opened, venue=venue), total=len(shown.offers), language=language)
    result = clearings.outcome(opened, venue=venue)
    if as_json:
        door.emit(document.outcome(result))
    else:
        clear_pages.outcome(result, language)
    if result.plan.unknown:
        return door.INCOMPLETE
    return (
        door.BLOCKED if result.state in (RunState.ASKING, RunState.STOPPED, RunState.WORKING) else door.DONE
    )

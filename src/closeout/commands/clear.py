"""``closeout clear``: the one click, from a terminal."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

from closeout.commands import door, okx_door

if TYPE_CHECKING:
    from closeout.clearing.choices import Choices, Consent
    from closeout.clearing.dry_run import DryRun
    from closeout.reasons import Refused
    from closeout.venues.base import Destination

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
@click.option(
    "--confirm", metavar="DIGEST", help="Sandbox: do exactly the dry run with this digest, shown before."
)
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.clear/1.")
@click.option("--lang", type=door.LANGUAGES, help="Language of the report.")
@click.option(
    "--leave-out", multiple=True, metavar="THING", help="Leave this item alone, as named in the dry run."
)
@click.option("--only", multiple=True, metavar="THING", help="Do only these items.")
@click.option("--sell", multiple=True, metavar="ASSET", help="Sell this asset instead of withdrawing it.")
@click.option(
    "--into", metavar="ASSET", help="Sandbox: the coin that small balances are pooled in; else USDT."
)
@click.option("--sell-rest", is_flag=True, help="Sell what has no address in the address book.")
@click.option("--wait-for-maturity", is_flag=True, help="Pay no penalty for early redemption.")
@click.option(
    "--beyond-slippage", multiple=True, metavar="THING", help="Sell this item although the price is bad."
)
@click.option(
    "--give", multiple=True, metavar="WAY:ASSET:AMOUNT[:ACCOUNT]",
    help="Consent to give up dust: forfeit, donate or send, at most AMOUNT; once per asset.",
)  # fmt: skip
def clear(
    asked: okx_door.Asked,
    *,
    named: str | None,
    venue: str,
    dry_run: bool,
    yes: bool,
    confirm: str | None,
    as_json: bool,
    lang: str | None,
    **picked: Any,
) -> None:
    """Clear an account of all that its holder may clear, after a dry run.

    Without --yes it shows the dry run and asks. Running it again continues where it stopped. A refusal names its code;
    with --json it is a document with the sentence in both languages.
    Exit code: 0 done, 1 something was refused or needs another yes, 4 venue, 5 something could not be read.
    """
    if dry_run and (yes or confirm):
        raise click.UsageError("--dry-run excludes --yes and --confirm.")
    if venue == "okx":
        _okx(asked, picked, dry_run=dry_run, yes=yes, as_json=as_json, language=door.language(lang))
    if named is None:
        raise click.UsageError("Missing option '--account'.")
    from closeout.cases import start

    start.begin()
    from closeout.reasons import Refused

    language = door.language(lang)
    try:
        account_id = door.account(named)
        if confirm:
            code = _run(account_id, confirm, venue, None, as_json=as_json, language=language)
        else:
            code = _shown(
                account_id, venue, picked, dry_run=dry_run, yes=yes, as_json=as_json, language=language
            )
    except Refused as no:
        code = _refused(no, as_json=as_json, language=language)
    raise click.exceptions.Exit(code)


def _okx(
    asked: okx_door.Asked,
    picked: Mapping[str, Any],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    language: str,
) -> None:
    """Do it behind a key. Raises: Exit with the code of the result, UsageError."""
    from closeout.commands import okx

    if picked["give"]:
        raise click.UsageError(
            "--give: OKX has no call for giving up or sending dust; --sell-rest converts it."
        )
    okx.run_clear(
        asked,
        okx.Wanted(
            okx.destinations(picked["ways"]), tuple(picked["tails"]), frozenset(picked["sell"]), picked["sell_rest"],
            frozenset(picked["leave_out"]), frozenset(picked["only"]), picked["wait_for_maturity"],
            frozenset(picked["beyond_slippage"]),
        ),
        dry_run=dry_run, yes=yes, as_json=as_json, language=language,
    )  # fmt: skip


def _shown(
    account_id: int,
    venue: str,
    picked: Mapping[str, Any],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    language: str,
) -> int:
    """Show the dry run, and do it after a yes; return the exit code. Raises: Refused, Unreachable."""
    from closeout.cases import clearings
    from closeout.clearing import document

    shown = clearings.show(account_id, venue=venue, choices=_choices(account_id, venue, picked))
    if as_json and not yes:
        door.emit(document.dry_run(shown))
    elif not as_json:
        from closeout.commands import clear_pages

        clear_pages.dry_run(shown, language)
    if dry_run or not (yes or _confirmed(shown, language)):
        return door.INCOMPLETE if shown.plan.unknown else door.DONE
    return _run(account_id, shown.digest, venue, shown, as_json=as_json, language=language)


def _choices(account_id: int, venue: str, picked: Mapping[str, Any]) -> Choices:
    """Return what the options say, on top of the suggestion; an address that was named stands for its asset."""
    from closeout.cases import venues
    from closeout.clearing.choices import suggested

    place = venues.venue(venue)
    base = suggested(place.destinations(account_id), now=place.now())
    ways: tuple[Destination, ...] = ()
    if picked["ways"]:
        from closeout.commands import okx

        ways = okx.destinations(picked["ways"])
    assets = {way.asset for way in ways}
    return dataclasses.replace(
        base,
        target_asset=picked["into"] or base.target_asset,
        destinations=(*ways, *(way for way in base.destinations if way.asset not in assets)),
        left_out=frozenset(picked["leave_out"]), only=frozenset(picked["only"]), sell=frozenset(picked["sell"]),
        sell_rest=picked["sell_rest"], redeem_early=not picked["wait_for_maturity"],
        beyond_slippage=frozenset(picked["beyond_slippage"]), consents=_consents(picked["give"]),
    )  # fmt: skip


def _refused(no: Refused, *, as_json: bool, language: str) -> int:
    """Say every reason with its code; nothing was moved."""
    from closeout.clearing import document
    from closeout.clearing.run import PlanChanged
    from closeout.commands import clear_pages

    now = no.shown if isinstance(no, PlanChanged) else None
    if as_json:
        door.emit({**document.refused(no), **({} if now is None else {"now": document.dry_run(now)})})
    elif now is not None:
        clear_pages.dry_run(now, language)
    for reason, sentence in zip(no.reasons, no.sentences(language), strict=True):
        click.echo(f"closeout: {sentence} [{reason.code}]", err=True)
    return door.BLOCKED


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


def _run(
    account_id: int, digest: str, venue: str, shown: DryRun | None, *, as_json: bool, language: str
) -> int:
    """Do what was shown under ``digest``, and say how it went; return the exit code. Raises: Refused, Unreachable."""
    from closeout.cases import clearings
    from closeout.clearing import document
    from closeout.clearing.journal import RunState
    from closeout.commands import clear_pages
    from closeout.reasons import Refused, refuse

    try:
        opened = clearings.start(account_id, venue=venue, digest=digest, actor="terminal")
    except Refused as no:
        if shown is None or [reason.code for reason in no.reasons] != ["nothing_to_clear"]:
            raise
        if shown.asking:
            raise refuse("beyond_slippage", things=", ".join(o.line.things[0] for o in shown.asking)) from no
        if as_json:
            door.emit({**document.dry_run(shown), "kind": "outcome", "state": "nothing"})
        door.progress(no.sentences(language)[0])
        return door.INCOMPLETE if shown.plan.unknown else door.DONE
    total = len(opened.confirmed.terms)
    clear_pages.follow(clearings.proceed(opened, venue=venue), total=total, language=language)
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

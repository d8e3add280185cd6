"""``closeout okx``: your own account at OKX, with your own key, on your own computer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from closeout.commands import door, okx_door
from closeout.commands.okx_door import Asked

if TYPE_CHECKING:
    from closeout.clearing.choices import Choices
    from closeout.clearing.dry_run import DryRun
    from closeout.conditions.check import Report
    from closeout.policy import Policy
    from closeout.venues.base import Destination
    from closeout.venues.okx.collecting import Looked
    from closeout.venues.okx.venue import OkxVenue

LANG = click.option("--lang", type=door.LANGUAGES, help="Language of the report.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
CONFIRM = {
    "clear": {
        "en": "Clear exactly this? Nothing can be taken back.",
        "zh": "确认按以上内容清理？执行后无法撤回。",
    },
    "address": {
        "en": "Type the last six characters of the address {address} for {asset} over {network}",
        "zh": "请输入 {asset}（{network}）提币地址 {address} 的最后六位",
    },
}


NO_WAY = {
    "en": "To withdraw, name an address that you verified at OKX beforehand: --to USDT:TRC20:ADDRESS",
    "zh": "如需提币，请指定事先在 OKX 验证过的地址：--to USDT:TRC20:地址",
}
LOOKED_UP = {
    "en": "{count} commands of an earlier run had no answer; they were looked up.",
    "zh": "上次运行有 {count} 条指令没有得到应答，已逐一查询结果。",
}


@click.group()
def okx() -> None:
    """Check, clear and export your own OKX account; the key never leaves this computer."""


@okx.command()
@okx_door.options
@JSON
@LANG
def check(asked: Asked, as_json: bool, lang: str | None) -> None:
    """Say what still blocks your OKX account.

    The key comes from CLOSEOUT_OKX_KEY, CLOSEOUT_OKX_SECRET and CLOSEOUT_OKX_PASSPHRASE, the system's keyring, or a
    prompt. Exit code: 0 closable, 1 blocked, 3 key, 4 OKX or network, 5 something could not be read.
    """
    run_check(asked, as_json=as_json, language=door.language(lang))


def run_check(asked: Asked, *, as_json: bool, language: str) -> None:
    """Do ``closeout check --venue okx``. Raises: Exit with the code of the result."""
    from closeout.conditions import check as checks
    from closeout.policy import Policy

    with okx_door.sentences(language), okx_door.account(asked, language) as venue:
        looked = venue.look_around()
        number = looked.holder.account_id
        policy = Policy()
        report = checks.check(venue.engine([number]), policy, as_of=looked.as_of, accounts=[number])[number]
    show(looked, report, policy, as_json=as_json, language=language)


def show(looked: Looked, report: Report, policy: Policy, *, as_json: bool, language: str) -> NoReturn:
    """Print the report on an account behind a key. Raises: Exit with the code of the result."""
    from closeout.commands import okx_pages, pages
    from closeout.conditions import document

    if as_json:
        door.emit({**document.document(report, policy), looked.venue.lower(): okx_pages.document(looked)})
    else:
        pages.report(report, policy, language, own_key=True)
        okx_pages.details(looked, language)
        click.echo(f"\n{okx_pages.last(looked, clear=report.result == 'clear', language=language)}")
    okx_pages.warn(looked, language)
    codes = {"clear": door.DONE, "blocked": door.BLOCKED, "unknown": door.INCOMPLETE}
    unknown = any(finding.result == "unknown" for finding in report.findings)
    raise click.exceptions.Exit(door.INCOMPLETE if unknown else codes[report.result])


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the options of a clearing say: addresses, what is sold, what is left alone, what is waited for."""

    destinations: tuple[Destination, ...]
    tails: tuple[str, ...] = ()  # last six characters of addresses, as confirmation
    sell: frozenset[str] = frozenset()
    sell_rest: bool = False
    left_out: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    wait_for_maturity: bool = False
    beyond_slippage: frozenset[str] = frozenset()

    def choices(self, now: datetime) -> Choices:
        """Return the choices of the clearing. ``now``: naive UTC."""
        from closeout.clearing.choices import suggested

        return dataclasses.replace(
            suggested(self.destinations, now=now), sell=self.sell, sell_rest=self.sell_rest, left_out=self.left_out,
            only=self.only, redeem_early=not self.wait_for_maturity, beyond_slippage=self.beyond_slippage,
        )  # fmt: skip


@okx.command()
@okx_door.options
@click.option("--dry-run", is_flag=True, help="Only show every command with its costs; moves nothing.")
@click.option("--yes", is_flag=True, help="Confirm what the dry run shows and do it.")
@okx_door.ways
@click.option("--sell-rest", is_flag=True, help="Convert what has no --to into USDT.")
@click.option(
    "--leave-out", multiple=True, metavar="THING", help="Leave this item alone, as named in the dry run."
)
@click.option("--wait-for-maturity", is_flag=True, help="Pay no penalty for early redemption.")
@JSON
@LANG
def clear(  # noqa: PLR0917 - click passes options by name
    asked: Asked,
    dry_run: bool,
    yes: bool,
    ways: Sequence[str],
    tails: Sequence[str],
    sell_rest: bool,
    leave_out: Sequence[str],
    wait_for_maturity: bool,
    as_json: bool,
    lang: str | None,
) -> None:
    """Clear what a key may clear, after a dry run; what only the app can do is listed.

    Needs a key with Trade, and Withdraw for --to. A command whose answer was lost is looked up, never repeated.
    The same with more options: closeout clear --venue okx.
    """
    if dry_run and yes:
        raise click.UsageError("--dry-run and --yes exclude each other.")
    wanted = Wanted(
        destinations(ways), tuple(tails), sell_rest=sell_rest, left_out=frozenset(leave_out),
        wait_for_maturity=wait_for_maturity,
    )  # fmt: skip
    run_clear(asked, wanted, dry_run=dry_run, yes=yes, as_json=as_json, language=door.language(lang))


def run_clear(
    asked: Asked, wanted: Wanted, *, dry_run: bool, yes: bool, as_json: bool, language: str
) -> NoReturn:
    """Do ``closeout clear --venue okx``. Raises: Exit with the code of the result."""
    from closeout.clearing import document, run
    from closeout.clearing.journal import MemoryJournal
    from closeout.policy import Policy

    with (
        okx_door.sentences(language),
        okx_door.account(asked, language, destinations=wanted.destinations) as venue,
    ):
        looked_up = venue.settle_unknown()
        if looked_up:
            door.progress(LOOKED_UP[language].format(count=looked_up))
        number, journal, policy = venue.look(again=True).holder.account_id, MemoryJournal(), Policy()
        shown = run.show(venue, journal, policy, number, choices=wanted.choices(venue.now()))
        if as_json and not yes:
            door.emit(document.dry_run(shown))
        elif not as_json:
            from closeout.commands import clear_pages

            clear_pages.dry_run(shown, language, own_key=True)
            if any(left.reason == "no_destination" for left in shown.plan.leftovers):
                click.echo(f"\n{NO_WAY[language]}")
        if dry_run or not shown.offers or not _confirmed(shown, asked, wanted, yes=yes, language=language):
            raise click.exceptions.Exit(door.INCOMPLETE if shown.plan.unknown else door.DONE)
        code = _clear(venue, journal, shown, as_json=as_json, language=language)
    raise click.exceptions.Exit(code)


def _clear(venue: OkxVenue, journal: object, shown: DryRun, *, as_json: bool, language: str) -> int:
    from closeout.clearing import document, run
    from closeout.clearing.journal import MemoryJournal, RunState
    from closeout.commands import clear_pages
    from closeout.policy import Policy

    assert isinstance(journal, MemoryJournal)
    policy = Policy()
    opened = run.start(venue, journal, policy, account_id=shown.account_id, digest=shown.digest)
    events = run.proceed(venue, journal, policy, opened, worker="terminal")
    clear_pages.follow(events, total=len(shown.offers), language=language)
    result = run.outcome(venue, journal, policy, opened)
    if as_json:
        door.emit(document.outcome(result))
    else:
        clear_pages.outcome(result, language, own_key=True)
    if result.plan.unknown:
        return door.INCOMPLETE
    return (
        door.BLOCKED if result.state in (RunState.ASKING, RunState.STOPPED, RunState.WORKING) else door.DONE
    )


def destinations(ways: Sequence[str]) -> tuple[Destination, ...]:
    """Read ``ASSET:NETWORK:ADDRESS[:MEMO]``. Raises: UsageError."""
    from closeout.venues.base import Destination

    found = []
    for said in ways:
        parts = said.split(":")
        if len(parts) not in (3, 4) or not all(parts):
            raise click.UsageError(f"--to {said}: write ASSET:NETWORK:ADDRESS or ASSET:NETWORK:ADDRESS:MEMO")
        found.append(Destination(parts[0], parts[1], parts[2], parts[3] if len(parts) == 4 else None))
    return tuple(found)


def _confirmed(shown: DryRun, asked: Asked, wanted: Wanted, *, yes: bool, language: str) -> bool:
    """Ask for the whole once, and for each address by its last characters: money that left does not return."""
    if not yes and not (asked.may_ask and click.confirm(CONFIRM["clear"][language], err=True)):
        return False
    leaving = {
        offer.line.command.params.get("address")
        for offer in (*shown.offers, *shown.later)
        if offer.line.command.kind == "withdraw"
    }
    for way in wanted.destinations:
        if way.address not in leaving or way.address[-6:] in wanted.tails:
            continue
        prompt = CONFIRM["address"][language].format(
            address=way.address, asset=way.asset, network=way.network
        )
        if not asked.may_ask or click.prompt(prompt, err=True) != way.address[-6:]:
            raise click.UsageError(f"{way.asset}: confirm the address with --confirm-address {'.' * 6}")
    return True


@okx.command()
@okx_door.options
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, help="The archive to write (.zip)."
)
@click.option(
    "--since", type=int, default=2021, show_default=True, help="Year in which the account was opened."
)
@click.option(
    "--files/--no-files", default=True, help="Ask OKX for the quarterly files of older trading bills."
)
@LANG
def export(asked: Asked, target: Path, since: int, files: bool, lang: str | None) -> None:
    """Write every record that OKX tells into one signed archive: CSV, JSON and Parquet.

    Trading bills older than a year come as quarterly files that OKX prepares, twelve a day: run the command again and
    it continues. Exit code: 0 complete, 5 files are still being prepared (the message says until when).
    """
    from closeout.commands import okx_export

    okx_export.run(asked, target, door.language(lang), since=since, files=files)


@okx.command()
@LANG
def questions(lang: str | None) -> None:
    """List what no API tells, with the names for --answer."""
    from closeout.venues.okx import declared

    for question in declared.QUESTIONS:
        click.echo(f"{question.code}: {question.zh if door.language(lang) == 'zh' else question.en}")


@okx.command()
@click.option(
    "--since", type=int, default=2021, show_default=True, help="Year in which the account was opened."
)
@click.option("--password-changed", type=click.DateTime(["%Y-%m-%d"]), help="Day of the last change.")
@click.option(
    "--factor-changed", type=click.DateTime(["%Y-%m-%d"]), help="The same for phone, e-mail or authenticator."
)
@click.option(
    "--locked-until", type=click.DateTime(["%Y-%m-%d"]), help="Day on which the last product is paid."
)
@LANG
def steps(
    since: int,
    password_changed: datetime | None,
    factor_changed: datetime | None,
    locked_until: datetime | None,
    lang: str | None,
) -> None:
    """Say in which order a real closing goes, on which day each step can be done, and where the traps are."""
    from closeout.policy import Policy
    from closeout.venues.okx import steps as order

    language, now = door.language(lang), datetime.now(UTC).replace(tzinfo=None)
    days = order.days(
        now, Policy(), since=since, password_changed=password_changed, factor_changed=factor_changed,
        locked_until=locked_until,
    )  # fmt: skip
    trap = {"zh": "（陷阱）", "en": " (trap)"}[language]
    for number, step in enumerate(order.steps(), start=1):
        click.echo(f"{number}. [{days[step.on]:%Y-%m-%d}] {step.text(language)}{trap if step.trap else ''}")


@okx.command()
@click.argument("url")
@JSON
@LANG
def domains(url: str, as_json: bool, lang: str | None) -> None:
    """Say whether URL belongs to the exchange. Nothing is opened. Exit code: 0 yes, 1 no."""
    from closeout.venues.okx.domains import DOMAINS, judge

    found, language = judge(url), door.language(lang)
    if as_json:
        listed = [dataclasses.asdict(one) for one in DOMAINS]
        door.emit({"schema": "closeout.domain/1", **dataclasses.asdict(found), "domains": listed})
    else:
        word = {
            True: {"en": "belongs to OKX", "zh": "属于 OKX"},
            False: {"en": "does not belong to OKX", "zh": "不属于 OKX"},
        }
        click.echo(f"{found.host}: {word[found.official][language]}")
        for reason in found.reasons:
            click.echo(f"  {reason[language]}")
        for one in DOMAINS:
            click.echo({"en": "  Source: ", "zh": "  依据："}[language] + f"{one.name}, {one.source}")
    raise click.exceptions.Exit(door.DONE if found.official else door.BLOCKED)


@okx.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8055, show_default=True,
    help="Port on this computer only; 0 is any.",
)  # fmt: skip
@click.option("--person", default="messy", show_default=True, help="Seeded person for whom a key is made.")
@click.option("--permissions", default="read_only,trade,withdraw", show_default=True)
@click.option("--subs", is_flag=True, help="Make a key for each sub-account too.")
def serve(port: int, person: str, permissions: str, subs: bool) -> None:
    """Let the sandbox speak OKX v5 on a port of its own, and make a key to try it with."""
    from closeout.cases import start

    url = start.begin()
    from closeout.cases import sandbox
    from closeout.commands import okx_serve

    if sandbox.prepare():
        door.progress("closeout: seeded the people of the sandbox (closeout people lists them)")

    okx_serve.run(url, port=port, person=person, permissions=permissions, subs=subs)

"""``closeout venue check``: the contract of a venue, run on a throw-away account."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from closeout.commands import door, okx_door

if TYPE_CHECKING:
    from closeout.venues.conformance import Bench

MARKS = {"kept": "✓", "broken": "✗", "untried": "?", "absent": "–"}
ASK: Mapping[str, str] = {
    "en": "Account {number} at {venue} is not empty ({held}). The promises are tried on it: money is moved between "
    "its own wallets, and it is frozen and unfrozen. Nothing leaves it. Use it?",
    "zh": "{venue} 账户 {number} 不是空账户（{held}）。检查会在其自身钱包之间划转资金，并冻结、解冻该账户；"
    "资金不会转出。确定使用它吗？",
}
KEPT_OUT: Mapping[str, str] = {
    "en": "Account {number} at {venue} is not empty ({held}); nothing was tried. Use a throw-away account, "
    "or say --yes.",
    "zh": "{venue} 账户 {number} 不是空账户（{held}），未执行任何检查。请换用一次性账户，或加上 --yes。",
}
HELD: Mapping[str, Mapping[str, str]] = {
    "balance": {"en": "balances: {count}", "zh": "余额 {count} 项"},
    "open_order": {"en": "open orders: {count}", "zh": "挂单 {count} 笔"},
    "position": {"en": "positions: {count}", "zh": "仓位 {count} 个"},
    "loan": {"en": "loans: {count}", "zh": "借贷 {count} 笔"},
    "earn": {"en": "products: {count}", "zh": "赚币 {count} 项"},
    "p2p_order": {"en": "P2P orders: {count}", "zh": "C2C 订单 {count} 笔"},
    "transfer": {"en": "in flight: {count}", "zh": "在途 {count} 笔"},
    "sub_account": {"en": "sub-accounts: {count}", "zh": "子账户 {count} 个"},
}


@click.group()
def venue() -> None:
    """Examine a venue."""


@venue.command()
@click.option("--account", "named", help="Sandbox: a throw-away account; money is moved between its wallets.")
@click.option(
    "--venue", "place", type=click.Choice(["sandbox", "paper", "okx"]), default="sandbox", show_default=True
)
@okx_door.options
@click.option("--yes", is_flag=True, help="Use the account although it is not empty.")
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.venue/1.")
@click.option("--lang", type=door.LANGUAGES, help="Language of the report.")
def check(
    asked: okx_door.Asked, *, named: str | None, place: str, yes: bool, as_json: bool, lang: str | None
) -> None:
    """Try the promises that every venue keeps: once per key, receipts, rejections, quotes, freezing, closing.

    The account is frozen and unfrozen, and money is gathered in its funding wallet; nothing leaves it. An account
    that is not empty is used only after a yes. The venue paper is in memory and needs no account; okx takes the account
    behind the key, at --base-url or in --demo trading as well.
    Exit code: 0 kept, 1 broken or refused, 5 something could not be tried.
    """
    language = door.language(lang)
    findings = []
    with _bench(place, named, asked, language) as bench:
        from closeout.venues.conformance import examine

        if place != "paper" and not yes:
            _agree(bench, place, language, may_ask=asked.may_ask)
        for finding in examine(bench):
            findings.append(finding)
            (door.progress if as_json else click.echo)(f"{MARKS[finding.state]} {finding.sentence(language)}")
    states = {finding.state for finding in findings} - {"absent"}
    if as_json:
        door.emit({"schema": "closeout.venue/1", "venue": place, "account_id": bench.account_id,
                   "checks": [finding.__dict__ for finding in findings]})  # fmt: skip
    broken = door.BLOCKED if "broken" in states else door.INCOMPLETE
    raise click.exceptions.Exit(door.DONE if states == {"kept"} else broken)


@contextmanager
def _bench(place: str, named: str | None, asked: okx_door.Asked, language: str) -> Iterator[Bench]:
    """Open the venue with its throw-away account. Raises: UsageError, Refused("unknown_account"), Exit."""
    from closeout.venues import conformance

    if place == "okx":
        with okx_door.sentences(language), okx_door.account(asked, language) as opened:
            number = opened.look().holder.account_id
            yield conformance.Bench(opened, number, lambda: opened.look(again=True))
    elif place == "paper":
        yield conformance.on_paper()
    elif named is None:
        raise click.UsageError("Missing option '--account'.")
    else:
        from closeout.cases import start

        start.begin()
        from closeout.cases import venues

        yield conformance.Bench(venues.venue(place), door.account(named))


def _agree(bench: Bench, place: str, language: str, *, may_ask: bool) -> None:
    """Go on only with an empty account or after a yes. Raises: Exit(1)."""
    held = bench.holdings()
    if not held:
        return
    counted = [HELD[relation][language].format(count=count) for relation, count in held.items()]
    joined = ("、" if language == "zh" else ", ").join(counted)
    said = {"number": bench.account_id, "venue": place, "held": joined}
    if not (may_ask and sys.stdin.isatty() and click.confirm(ASK[language].format(**said), err=True)):
        raise okx_door.ends(door.BLOCKED, KEPT_OUT[language].format(**said))

"""``closeout check|export --venue binance``: your own account at Binance, read only, with your own key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from closeout.commands import door, okx_door
from closeout.commands.okx_door import Asked

if TYPE_CHECKING:
    from closeout.venues.binance.venue import BinanceVenue
    from closeout.venues.binance.wire import BinanceWire

PREFIX, RING, PARTS = "CLOSEOUT_BINANCE_", "closeout-binance", ("key", "secret")
UNEXPLAINED = {
    "en": "Not explained by these records: {sums}. Binance tells no complete ledger; see the how-to.",
    "zh": "以下金额无法由这些记录解释：{sums}。币安不提供完整流水，详见操作指南。",
}
EXPLAINED = {"en": "The records explain every balance.", "zh": "这些记录可以解释每一项余额。"}


@contextmanager
def account(asked: Asked, language: str) -> Iterator[BinanceVenue]:
    """Open the account behind the key, with the answers of this computer. Raises: Exit for what goes wrong."""
    from closeout.venues.binance.declared import QUESTIONS
    from closeout.venues.binance.venue import BinanceVenue
    from closeout.venues.binance.wire import BinanceWire
    from closeout.venues.okx import keys

    def prompt(part: str) -> str:
        answer: str = click.prompt(okx_door.PROMPTS[part], hide_input=True, err=True)
        return answer

    with okx_door.sentences(language):
        found = keys.load(
            ring=lambda part: keys.from_keyring(part, ring=RING), ask=prompt if asked.may_ask else None,
            prefix=PREFIX, parts=PARTS,
        )  # fmt: skip
        try:
            wire = BinanceWire(found, base_url=asked.base_url or os.environ.get("CLOSEOUT_BINANCE_URL"))
        except ValueError as wrong:
            raise click.UsageError(str(wrong)) from wrong
        try:
            number = _number(wire)
            if wire.clock_off_ms:
                door.progress(okx_door.SAID["clock"][language].format(off=wire.clock_off_ms / 1000))
            given = okx_door.answers(
                asked, number, language, now=wire.now(), venue="binance", questions=QUESTIONS
            )
            yield BinanceVenue(wire, answers=given)
        finally:
            wire.close()


def _number(wire: BinanceWire) -> int:
    from closeout.venues.binance.errors import BinanceFailure
    from closeout.venues.binance.reading import ACCOUNT
    from closeout.venues.okx.errors import Kind
    from closeout.venues.okx.values import Unreadable, number

    try:
        return number(wire.call(ACCOUNT.endpoint)[0], "uid")
    except (Unreadable, IndexError) as wrong:
        raise BinanceFailure(Kind.SHAPE, "", f"account: {wrong}") from None


def run_check(asked: Asked, *, as_json: bool, language: str) -> None:
    """Do ``closeout check --venue binance``. Raises: Exit with the code of the result."""
    from closeout.commands import okx
    from closeout.conditions import check as checks
    from closeout.policy import Policy

    with account(asked, language) as venue:
        looked, policy = venue.look(), Policy()
        number = looked.holder.account_id
        report = checks.check(venue.engine([number]), policy, as_of=looked.as_of, accounts=[number])[number]
    okx.show(looked, report, policy, as_json=as_json, language=language)


def run_export(asked: Asked, target: Path, language: str, *, since: int) -> None:
    """Do ``closeout export --venue binance``. Raises: Exit."""
    from closeout.records import export
    from closeout.records.signing import KeyStore
    from closeout.venues.binance import history
    from closeout.venues.okx import declared

    with account(asked, language) as venue:
        home = declared.home(venue="binance")
        number, records = venue.look().holder.account_id, venue.records(since=since)
        made = export.build(
            records.stream, history.KINDS, target, account=f"binance:{number}", venue="binance",
            made_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0),
            keys=KeyStore(home / "signing", name="closeout.binance").prepare(datetime.now(UTC)),
            progress=lambda kind, rows: door.progress(f"{kind}: {rows}"),
        )  # fmt: skip
        left = history.unexplained(dict(made.ledger_sums), venue.look().facts)
    rows = sum(made.rows.values())
    click.echo(okx_door.WRITTEN[language].format(path=made.path, rows=rows, sha256=made.sha256))
    sums = ", ".join(f"{export.decimal_text(value)} {asset}" for asset, value in left.items())
    click.echo(UNEXPLAINED[language].format(sums=sums) if left else EXPLAINED[language])

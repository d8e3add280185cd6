"""``closeout okx export``: every record into one signed archive; a job that survives restarts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from closeout.commands import door, okx_door
from closeout.commands.okx_door import Asked

if TYPE_CHECKING:
    from closeout.venues.okx.archive import Archive, Progress
    from closeout.venues.okx.venue import OkxVenue

TEXTS = {
    "waiting": {
        "en": "OKX is still preparing {count} quarterly files (about 30 hours each, twelve applications a day). They "
        "should all be there by {at} (UTC): run this once a day until then.",
        "zh": "OKX 还在准备 {count} 个季度文件（每个约 30 小时，每天最多申请 12 个），预计 {at}（UTC）前全部就绪。"
        "在此之前请每天运行一次。",
    },
    "zero": {"en": "The ledger sums to zero in every asset.", "zh": "每个币种的流水合计均为零。"},
    "rest": {
        "en": "The ledger sums to what is still in the account: {sums}.",
        "zh": "流水合计等于账户中剩余的资产：{sums}。",
    },
    "gap": {
        "en": "The ledger and the balances of now differ by {gap}: older than the records reach, or moved meanwhile.",
        "zh": "流水合计与当前余额相差 {gap}：早于记录范围，或在导出期间发生了变动。",
    },
    "done": {"en": "{path}: {rows} rows, SHA-256 {sha256}", "zh": "{path}：{rows} 行，SHA-256 {sha256}"},
}


def run(asked: Asked, target: Path, language: str, *, since: int, files: bool) -> None:
    """Go on with the export, and write the archive when everything is here. Raises: Exit."""
    from closeout.venues.okx import declared
    from closeout.venues.okx.archive import Archive

    with okx_door.sentences(language), okx_door.account(asked, language) as venue:
        number = venue.look().holder.account_id
        archive = Archive(declared.home() / f"bills-{number}")
        if files:
            progress = archive.proceed(venue.wire, now=venue.now(), since=since)
            if progress.waiting:
                raise okx_door.ends(door.INCOMPLETE, _waiting(progress, language))
        _build(venue, archive, number, target, language)


def _waiting(progress: Progress, language: str) -> str:
    at = f"{progress.ready_at:%Y-%m-%d %H:%M}" if progress.ready_at else "?"
    return TEXTS["waiting"][language].format(count=len(progress.waiting), at=at)


def _build(venue: OkxVenue, archive: Archive, number: int, target: Path, language: str) -> None:
    from closeout.records import export
    from closeout.records.signing import KeyStore
    from closeout.venues.okx import declared, history

    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    records = history.everything(venue.wire)
    records["ledger"] = list(merged(archive, records["ledger"], history.bill_words(venue.wire)))
    made = export.build(
        records.__getitem__, tuple(history.SHELVES), target, account=f"okx:{number}", venue="okx", made_at=now,
        keys=KeyStore(declared.home() / "signing", name="closeout.okx").prepare(datetime.now(UTC)),
    )  # fmt: skip
    sums = {asset: total for asset, total in made.ledger_sums if total != "0"}
    gap = history.unexplained(sums, records["balances"])
    text = TEXTS["gap" if gap else "rest" if sums else "zero"][language]
    click.echo(
        TEXTS["done"][language].format(path=made.path, rows=sum(made.rows.values()), sha256=made.sha256)
    )
    click.echo(text.format(sums=_money(sums), gap=_money(gap)))


def _money(amounts: Mapping[str, object]) -> str:
    return ", ".join(f"{amount} {asset}" for asset, amount in amounts.items())


def merged(
    archive: Archive, told: Sequence[Mapping[str, Any]], words: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the ledger: the files first, then what OKX tells by itself; a bill that both have comes once."""
    from closeout.venues.okx import bills

    seen = set()
    for row in bills.entries(archive.ledger(), words):
        seen.add(row["transfer_id"])
        yield row
    for row in bills.entries(told, words):
        if row["transfer_id"] not in seen:
            yield row

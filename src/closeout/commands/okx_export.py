"""``closeout okx export``: every record into one signed archive; a job that survives restarts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
        "en": "OKX is still preparing {count} quarterly files; run this again at {at} (UTC).",
        "zh": "OKX 还在准备 {count} 个季度文件，最晚 {at}（UTC）可全部申请完。届时请再运行一次。",
    },
    "zero": {"en": "The ledger sums to zero in every asset.", "zh": "每个币种的流水合计均为零。"},
    "rest": {
        "en": "The ledger does not sum to zero: {sums}. It is still in the account, or older than the records.",
        "zh": "流水合计不为零：{sums}。差额为账户中剩余资产，或早于记录范围的变动。",
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
    kept: dict[str, list[Mapping[str, Any]]] = {}

    def records(kind: str) -> list[Mapping[str, Any]]:
        if kind not in kept:  # asked again when columns get wider: OKX is not
            kept.clear()
            door.progress(kind)
            kept[kind] = list(
                merged(venue, archive, number) if kind == "ledger" else venue.records(number, kind)
            )
        return kept[kind]

    made = export.build(
        records, tuple(history.SHELVES), target, account=f"okx:{number}", venue="okx", made_at=now,
        keys=KeyStore(declared.home() / "signing", name="closeout.okx").prepare(datetime.now(UTC)),
    )  # fmt: skip
    sums = {asset: total for asset, total in made.ledger_sums if total != "0"}
    text = TEXTS["rest" if sums else "zero"][language]
    click.echo(
        TEXTS["done"][language].format(path=made.path, rows=sum(made.rows.values()), sha256=made.sha256)
    )
    click.echo(text.format(sums=", ".join(f"{total} {asset}" for asset, total in sums.items())))


def merged(venue: OkxVenue, archive: Archive, number: int) -> Iterator[Mapping[str, Any]]:
    """Yield the ledger: the files first, then what OKX tells by itself; a bill that both have comes once."""
    from closeout.venues.okx import bills

    seen = set()
    for row in bills.entries(archive.ledger()):
        seen.add(row["transfer_id"])
        yield row
    for row in venue.records(number, "ledger"):
        if row["transfer_id"] not in seen:
            yield row

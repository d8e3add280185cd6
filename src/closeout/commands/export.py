"""``closeout export``: every record of an account in one signed archive; and the check of such an archive."""

from __future__ import annotations

from pathlib import Path

import click

from closeout.commands import door, okx_door
from closeout.commands.okx_door import Asked

VERIFIED = {
    "en": "{path}: genuine and whole; {files} files, account {account}, made {made_at}",
    "zh": "{path}：真实且完整；{files} 个文件，账户 {account}，生成于 {made_at}",
}


@click.command()
@click.option("--account", "named", help="Sandbox: number of the account, or the handle of a seeded person.")
@click.option(
    "--venue", type=click.Choice(["sandbox", "okx", "binance"]), default="sandbox", show_default=True
)
@okx_door.options
@click.option("--to", "target", type=click.Path(path_type=Path), help="The archive to write (.zip).")
@click.option(
    "--since", type=int, default=2021, show_default=True, help="Year in which the account was opened."
)
@click.option("--files/--no-files", default=True, help="OKX: ask for quarterly files of older trading bills.")
@click.option(
    "--verify",
    "given",
    type=click.Path(path_type=Path, exists=True),
    help="Only check this archive, offline.",
)
@click.option("--lang", type=door.LANGUAGES, help="Language of the messages.")
def export(  # noqa: PLR0917 - click passes options by name
    asked: Asked,
    named: str | None,
    venue: str,
    target: Path | None,
    since: int,
    files: bool,
    given: Path | None,
    lang: str | None,
) -> None:
    """Write every record of an account into one signed archive: CSV, JSON, Parquet, statement, tax files.

    At OKX older bills come as files that it prepares, twelve a day: run the command again and it continues. Exit
    code: 0 complete, 1 an archive that is not genuine, 5 files are still being prepared.
    """
    language = door.language(lang)
    if given is not None:
        verify(given, language)
        return
    if target is None:
        raise click.UsageError("Missing option '--to'.")
    if venue == "okx":
        from closeout.commands import okx_export

        okx_export.run(asked, target, language, since=since, files=files)
        return
    if venue == "binance":
        from closeout.commands import binance

        binance.run_export(asked, target, language, since=since)
        return
    if named is None:
        raise click.UsageError("Missing option '--account'.")
    _sandbox(named, target, language)


def verify(archive: Path, language: str) -> None:
    """Say whether ``archive`` is what was handed over. Raises: Exit with 1 if it is not."""
    from closeout.records import export as archives

    try:
        said = archives.verify(archive)
    except archives.BadArchive as wrong:
        raise okx_door.ends(door.BLOCKED, str(wrong)) from None
    click.echo(
        VERIFIED[language].format(
            path=archive, files=len(said["files"]), account=said["account"], made_at=said["made_at"]
        )
    )


def _sandbox(named: str, target: Path, language: str) -> None:
    from closeout.cases import start

    start.begin()
    from closeout.cases import transcript, vaults, venues
    from closeout.records import export as archives

    account, now = door.account(named), venues.now()
    made = archives.build(
        transcript.records(venues.SANDBOX, account, until=now), transcript.KINDS, target, account=str(account),
        made_at=now.replace(tzinfo=None, microsecond=0), keys=vaults.signing(now=now), venue="sandbox",
    )  # fmt: skip
    rows = sum(made.rows.values())
    click.echo(okx_door.WRITTEN[language].format(path=made.path, rows=rows, sha256=made.sha256))

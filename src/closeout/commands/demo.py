"""``closeout demo``: one messy account goes from blocked to closed and erased, in a database of its own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from closeout.commands import door

NAME = "closeout_demo"


@click.command()
@click.option("--person", default="messy", show_default=True, help="Handle of the seeded person.")
@click.option("--lang", type=door.LANGUAGES, help="Language of the story.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-output"), show_default=True
)
def demo(person: str, lang: str | None, out: Path) -> None:
    """Walk one messy account from blocked to closed, with real money movements, codes and signatures.

    The proof lies in the output folder: story.json, certificate.pdf, certificate.json, archive.zip. Time
    passes through the sandbox's clock; nothing waits. A new run begins anew, whatever became of the last one.
    """
    language = door.language(lang)
    _fresh(out)
    from closeout.cases import start

    start.begin()
    from closeout.commands.story import Story
    from closeout.commands.telling import Talk

    Story(person, language, out, talk=Talk(sys.stderr)).tell()


def _fresh(out: Path) -> None:
    """Give the demonstration an empty database, keys of its own, and an empty output folder."""
    from closeout import cluster
    from closeout.cluster import databases

    url = databases.with_name(cluster.ensure(), NAME)
    os.environ.pop("CLOSEOUT_KEYRING_URL", None)
    for target in (url, databases.keyring_url(url)):
        databases.drop(target)
    home = cluster.data_dir() / "demo"
    for left in (home, out):
        if left.exists():
            _demand_ours(left, out)
            shutil.rmtree(left)
    out.mkdir(parents=True)
    databases.prepare(url)
    os.environ["CLOSEOUT_DATABASE_URL"] = url
    os.environ["CLOSEOUT_KEYS"] = str(home / "keys")
    os.environ["CLOSEOUT_OUTBOX"] = str(out / "outbox")
    os.environ["CLOSEOUT_ARCHIVES"] = str(home / "archives")


def _demand_ours(left: Path, out: Path) -> None:
    """Refuse to delete a folder that no demonstration has written."""
    if left == out and any(left.iterdir()) and not (left / "story.json").exists():
        raise click.UsageError(
            f"{out} holds other files than those of a demonstration; name an empty folder with --out."
        )

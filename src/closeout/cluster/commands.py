"""``closeout db``: the embedded database by hand."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from closeout.cluster import supervisor
from closeout.cluster.errors import ClusterError

P = ParamSpec("P")
R = TypeVar("R")


class DatabaseProblem(click.ClickException):
    """A :class:`ClusterError` at the door: one sentence, exit status 4."""

    exit_code = 4


def _at_the_door(command: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ClusterError as wrong:
            raise DatabaseProblem(str(wrong)) from wrong

    return wrapped


def _own() -> supervisor.Cluster:
    if os.environ.get("CLOSEOUT_DATABASE_URL"):
        raise click.UsageError(
            "CLOSEOUT_DATABASE_URL names a server that closeout neither starts nor stops; unset it first."
        )
    return supervisor.embedded()


@click.group(name="db")
def db() -> None:
    """The embedded database: start, stop, status, url."""


@db.command()
@_at_the_door
def start() -> None:
    """Start the database and leave it running; print its URL."""
    cluster = _own()
    url = cluster.start()
    click.echo(f"Data directory: {cluster.status().data_dir}", err=True)
    click.echo(url)


@db.command()
@click.option("--force", is_flag=True, help="Stop even while another closeout process uses it.")
@_at_the_door
def stop(*, force: bool) -> None:
    """Shut the database down cleanly."""
    _own().stop(force=force)
    click.echo("The database is stopped.", err=True)


@db.command()
@click.option("--json", "as_json", is_flag=True, help='Print {"schema": "closeout.db/1", …}.')
@_at_the_door
def status(*, as_json: bool) -> None:
    """Say whether the database runs and where its data are. Exit status 4 if it does not run."""
    found = _own().status()
    if as_json:
        shown = {
            "schema": "closeout.db/1", "running": found.running, "data_dir": str(found.data_dir),
            "pid": found.pid, "url": found.url, "kept": found.kept, "in_use": found.in_use,
        }  # fmt: skip
        click.echo(json.dumps(shown))
    else:
        state = f"runs as process {found.pid}" if found.running else "does not run"
        click.echo(f"The database {state}. Data directory: {found.data_dir}")
    if not found.running:
        raise click.exceptions.Exit(DatabaseProblem.exit_code)


@db.command()
@_at_the_door
def url() -> None:
    """Print the URL of the database in use."""
    named = os.environ.get("CLOSEOUT_DATABASE_URL")
    found = named or supervisor.embedded().status().url
    if found is None:
        raise ClusterError("The database does not run; start it with: closeout db start")
    click.echo(found)

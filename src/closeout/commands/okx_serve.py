"""``closeout okx serve``: the sandbox behind OKX v5, until interrupted."""

from __future__ import annotations

import contextlib

import click
import psycopg

from closeout.commands import door
from closeout.venues.okx_server import keys
from closeout.venues.okx_server.admission import Limits
from closeout.venues.okx_server.server import Listening, OkxServer
from closeout.venues.sandbox.venue import SandboxVenue


def run(database_url: str, *, port: int, person: str, permissions: str) -> None:
    """Serve until interrupted. Raises: Refused("unknown_account"), OSError if the port is taken."""
    account = door.account(person)
    with psycopg.connect(database_url, autocommit=True) as connection:
        keys.set_up(connection)
        key = keys.issue(connection, account, permissions=permissions, label="closeout okx serve")
    with SandboxVenue(database_url) as venue:
        listening = Listening(OkxServer(venue, database_url, limits=Limits()), port=port)
        click.echo(f"export CLOSEOUT_OKX_URL={listening.url}")
        click.echo(f"export CLOSEOUT_OKX_KEY={key.api_key}")
        click.echo(f"export CLOSEOUT_OKX_SECRET={key.secret}")
        click.echo(f"export CLOSEOUT_OKX_PASSPHRASE={key.passphrase}")
        door.progress(f"OKX v5 for {person} ({account}) at {listening.url}; stop with Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            listening.serve_forever()
        listening.server_close()
        listening.okx.close()

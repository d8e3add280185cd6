"""``closeout okx serve``: the sandbox behind OKX v5, until interrupted."""

from __future__ import annotations

import contextlib
import signal
from types import FrameType
from typing import NoReturn

import click
import psycopg

from closeout.commands import door
from closeout.venues.okx_server import keys
from closeout.venues.okx_server.admission import Limits
from closeout.venues.okx_server.keys import Key
from closeout.venues.okx_server.server import Listening, OkxServer
from closeout.venues.sandbox.venue import SandboxVenue

SUBS = "select account_id from sandbox.account where parent_id = %s and state <> 'closed' order by account_id"


def run(database_url: str, *, port: int, person: str, permissions: str, subs: bool) -> None:
    """Serve until interrupted. Raises: Refused("unknown_account"), UsageError if the port is taken."""
    account = door.account(person)
    with psycopg.connect(database_url, autocommit=True) as connection:
        keys.set_up(connection)
        key = keys.issue(connection, account, permissions=permissions, label="closeout okx serve")
        below = connection.execute(SUBS, (account,)).fetchall() if subs else []
        sub_keys = {
            number: keys.issue(connection, number, permissions=permissions, label="closeout okx serve")
            for (number,) in below
        }
    with SandboxVenue(database_url) as venue:
        try:
            listening = Listening(OkxServer(venue, database_url, limits=Limits()), port=port)
        except OSError as wrong:
            said = f"Port {port} cannot be used ({wrong.strerror}); choose another with --port."
            raise click.UsageError(said) from wrong
        signal.signal(signal.SIGTERM, _interrupt)
        click.echo(f"export CLOSEOUT_OKX_URL={listening.url}\n{_shown(key)}")
        for number, one in sub_keys.items():
            click.echo(f"# for sub-account {number} instead:\n{_shown(one, '# ')}")
        door.progress(f"OKX v5 for {person} ({account}) at {listening.url}; stop with Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            listening.serve_forever()
        listening.server_close()
        listening.okx.close()


def _shown(key: Key, mark: str = "") -> str:
    parts = (("KEY", key.api_key), ("SECRET", key.secret), ("PASSPHRASE", key.passphrase))
    return "\n".join(f"{mark}export CLOSEOUT_OKX_{name}={part}" for name, part in parts)


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt

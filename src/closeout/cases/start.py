"""Start: the database runs, its tables are there, Django is set up. The doors call it first, and once."""

from __future__ import annotations

import os
import secrets
from contextlib import closing

import django
from django.core.management import call_command

from closeout import cluster
from closeout.cluster import migrations

SETTINGS = "closeout.web.settings"


def begin(*, behind: bool = False) -> str:
    """Start the database if it is ours, migrate under a lock, set Django up; return the database's URL.

    A database that is older than its ledger of erasures does not serve, unless it is opened to be brought up to it
    (``behind``). Idempotent. Raises: ClusterError, MigrationError, PolicyError, Behind,
    BadParties.
    """
    url = cluster.ensure()
    os.environ["CLOSEOUT_DATABASE_URL"] = url
    os.environ.setdefault("CLOSEOUT_SECRET_KEY", _secret())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    django.setup()
    migrate(url)
    from closeout.cases import erasures, parties

    parties.parties()  # a mistake there stops the start, not a closing
    if not behind:
        erasures.demand_seen()
    return url


def migrate(url: str) -> None:
    """Bring the tables of every room up to date; waits while another process does the same.

    Raises: ClusterError, MigrationError.
    """
    with closing(cluster.connect(url, autocommit=True)) as connection:
        connection.execute("select pg_advisory_lock(%s)", (migrations.LOCK,))
        migrations.apply_all(connection)
        call_command("migrate", verbosity=0, interactive=False)
    with closing(cluster.connect(cluster.keyring_url(url), autocommit=True)) as keyring:
        migrations.apply_keyring(keyring)


def _secret() -> str:
    """Return the key of sessions and signed links: made once, readable by the owner only."""
    from closeout.cases import vaults

    directory = vaults.key_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / "secret"
    try:
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(made, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="ascii")

"""Keys of the v5 server: issued for an account of the sandbox, found again by their name."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import psycopg

from closeout.cluster import migrations

Connection = psycopg.Connection[Any]
LETTERS = {"R": "read_only", "T": "trade", "W": "withdraw"}


@dataclass(frozen=True)
class Key:
    """One key as the server checks it."""

    api_key: str
    secret: str
    passphrase: str
    account_id: int
    key_id: int
    permissions: tuple[str, ...]
    addresses: tuple[str, ...]
    simulated: bool
    label: str
    revoked: bool

    def may(self, permission: str) -> bool:
        """Say whether the key has the permission that the documents ask for (R, T or W)."""
        return permission == "-" or LETTERS[permission] in self.permissions


def set_up(connection: Connection) -> None:
    """Apply the server's own tables; the sandbox's must be there."""
    migrations.apply(connection, room="okx_server", package="closeout.venues.okx_server.schema")


def issue(
    connection: Connection,
    account_id: int,
    *,
    permissions: str = "read_only",
    label: str = "closeout",
    addresses: str = "",
    simulated: bool = False,
    passphrase: str = "",
) -> Key:
    """Make a key for ``account_id``; it is an API key in the facts too, and ends when that is revoked."""
    api_key, secret = secrets.token_hex(16), secrets.token_hex(16).upper()
    passphrase = passphrase or secrets.token_urlsafe(12)
    row = connection.execute(
        "insert into sandbox.api_key (account_id, kind, label, can_trade) values (%s, 'key', %s, %s) returning key_id",
        (account_id, label, "trade" in permissions),
    ).fetchone()
    assert row is not None
    connection.execute(
        "insert into okx_server.key (api_key, secret, passphrase, account_id, key_id, permissions, addresses, "
        "simulated) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (api_key, secret, passphrase, account_id, row[0], permissions, addresses, simulated),
    )
    found = find(connection, api_key)
    assert found is not None
    return found


def find(connection: Connection, api_key: str) -> Key | None:
    """Return the key of that name; ``None`` if there is none."""
    row = connection.execute(
        "select k.api_key, k.secret, k.passphrase, k.account_id, k.key_id, k.permissions, k.addresses, k.simulated, "
        "a.label, a.revoked_at is not null from okx_server.key as k join sandbox.api_key as a using (key_id) "
        "where k.api_key = %s",
        (api_key,),
    ).fetchone()
    if row is None:
        return None
    permissions, addresses = (tuple(part for part in said.split(",") if part) for said in row[5:7])
    return Key(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        permissions,
        addresses,
        simulated=row[7],
        label=row[8],
        revoked=row[9],
    )

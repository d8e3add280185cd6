"""The vault of this installation: its keyring connection, its keys, and what they are used for."""

from __future__ import annotations

import functools
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg_pool import ConnectionPool

from closeout import cluster
from closeout.records import key_address
from closeout.records.keys import KeyPort
from closeout.records.signing import KeyStore
from closeout.records.vault import Vault


def subject_of(venue: str, account_id: int) -> str:
    """Return the name under which the vault keeps a person's keys."""
    return f"{venue}:{account_id}"


def key_directory() -> Path:
    """Return where key-encryption keys and signing keys lie: CLOSEOUT_KEYS, else ``keys`` in the data directory."""
    return Path(os.environ.get("CLOSEOUT_KEYS") or cluster.data_dir() / "keys")


def archives() -> Path:
    """Return where sealed files lie: CLOSEOUT_ARCHIVES, else ``archives`` in the data directory."""
    return Path(os.environ.get("CLOSEOUT_ARCHIVES") or cluster.data_dir() / "archives")


@functools.cache
def keys() -> KeyPort:
    """Return the key-encryption keys: where CLOSEOUT_KEK says, else files. Raises: BadAddress."""
    return key_address.port(os.environ.get("CLOSEOUT_KEK", ""), key_directory() / "vault")


@functools.cache
def _store(directory: Path) -> KeyStore:
    return KeyStore(directory)


def signing(*, now: datetime) -> KeyStore:
    """Return the keys that sign certificates, manifests and checkpoints; made when missing. ``now``: aware UTC."""
    return _store(key_directory() / "signing").prepare(now.replace(tzinfo=None))


def stamper() -> Any:
    """Return what stamps certificates: the authority that CLOSEOUT_TSA names (RFC 3161 over HTTP), else none.

    Its root certificate must be published first: ``closeout certificate authority ROOT.pem``.
    """
    address = os.environ.get("CLOSEOUT_TSA")
    if not address:
        return None
    from closeout.records import pdf_signature

    return pdf_signature.stamper(address)


@functools.cache
def _pool(url: str) -> ConnectionPool:
    return ConnectionPool(url, min_size=0, max_size=4, open=True, name="keyring")


def vault() -> Vault:
    """Return the vault over the keyring database that belongs to Django's database."""
    return Vault(_pool(cluster.keyring_url(url())).connection, keys())


def pepper() -> bytes:
    """Return the secret that codes are hashed with; it never lies in the database."""
    return keys().mac("verification", b"pepper")


def url() -> str:
    """Return the address of Django's database as it is now (a test runs in one of another name)."""
    named = str(connection.settings_dict["NAME"])
    return cluster.with_name(os.environ["CLOSEOUT_DATABASE_URL"], named)


def forget() -> None:
    """Close pools, so that databases can be dropped or a process can end."""
    if _pool.cache_info().currsize:
        _pool(cluster.keyring_url(url())).close()
        _pool.cache_clear()

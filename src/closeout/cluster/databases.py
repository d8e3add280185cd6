"""Databases on a server: reached with a clear sentence, made when missing."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import conninfo, errors, sql

from closeout.cluster import server
from closeout.cluster.errors import ClusterError

MAIN = "closeout"
OLDEST = 150000
CONNECT_SECONDS = 10


def embedded_url(sockets: Path, *, name: str = MAIN) -> str:
    """Return the URL of database ``name`` on the server whose socket is in ``sockets``."""
    return f"postgresql://{server.ROLE}@/{quote(name)}?host={quote(str(sockets), safe='')}"


@functools.lru_cache(maxsize=64)
def with_name(url: str, name: str) -> str:
    """Return ``url`` (a URL or key=value words) with another database, as a URL."""
    return _url({**_parts(url), "dbname": name})


def keyring_url(url: str) -> str:
    """Return where the keyring is: CLOSEOUT_KEYRING_URL, else ``<name>_keyring`` beside the main database."""
    return os.environ.get("CLOSEOUT_KEYRING_URL") or with_name(url, f"{_name(url)}_keyring")


def _parts(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo.conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        raise ClusterError("CLOSEOUT_DATABASE_URL is not a postgresql:// address; correct it.") from None


def _name(url: str) -> str:
    parts = _parts(url)
    return str(parts.get("dbname") or parts.get("user") or MAIN)


def _url(parts: Mapping[str, Any]) -> str:
    rest = dict(parts)
    login = quote(str(rest.pop("user", "")), safe="")
    if "password" in rest:
        login += ":" + quote(str(rest.pop("password")), safe="")
    host, port, name = (
        str(rest.pop("host", "")),
        rest.pop("port", None),
        quote(str(rest.pop("dbname")), safe=""),
    )
    if host.startswith("/") or "," in host or ":" in host:
        rest["host"], host = host, ""
        if port is not None:
            rest["port"], port = port, None
    query = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in rest.items())
    address = (f"{login}@" if login else "") + host + (f":{port}" if port is not None else "")
    return f"postgresql://{address}/{name}" + (f"?{query}" if query else "")


def where(url: str) -> str:
    """Describe the address for a message: no user, no password."""
    parts = _parts(url)
    host = parts.get("host") or "the local socket"
    port = f" port {parts['port']}" if parts.get("port") else ""
    return f"database {_name(url)} at {host}{port}"


def connect(url: str, *, autocommit: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a connection. Raises: ClusterError if there is no answer, or the server does not suit."""
    try:
        connection = psycopg.connect(url, autocommit=autocommit, connect_timeout=CONNECT_SECONDS)
    except psycopg.OperationalError as wrong:
        raise ClusterError(_sentence(url, wrong)) from wrong
    except psycopg.ProgrammingError:
        raise ClusterError("CLOSEOUT_DATABASE_URL is not a postgresql:// address; correct it.") from None
    problem = _unfit(connection)
    if problem:
        connection.close()
        raise ClusterError(problem)
    return connection


def _sentence(url: str, wrong: psycopg.OperationalError) -> str:
    reason = (str(wrong).strip().splitlines() or ["no answer"])[-1].split("FATAL:")[-1].strip()
    password = _parts(url).get("password")
    if password:
        reason = reason.replace(str(password), "…")
    return (
        f"The {where(url)} cannot be reached ({reason}); start that server or correct "
        "CLOSEOUT_DATABASE_URL, or unset it to use the embedded one."
    )


def _unfit(connection: psycopg.Connection[Any]) -> str | None:
    found = connection.info.server_version
    if found < OLDEST:
        return f"The server is PostgreSQL {found // 10000}, but closeout needs 15 or newer; upgrade it."
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        return (
            f"The database is encoded in {encoding}, but closeout needs UTF8; create it with encoding 'UTF8'."
        )
    return None


def exists(url: str) -> bool:
    """Say whether the database of ``url`` is there. Raises: ClusterError if the server does not answer."""
    try:
        psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.OperationalError as wrong:
        if "does not exist" in str(wrong) and "role" not in str(wrong):
            return False
        raise ClusterError(_sentence(url, wrong)) from wrong
    except psycopg.ProgrammingError:
        raise ClusterError("CLOSEOUT_DATABASE_URL is not a postgresql:// address; correct it.") from None
    return True


def demand_direct(url: str) -> None:
    """Refuse an address behind which each transaction gets another session, as PgBouncer's transaction mode does.

    Locks of a session and settings of a connection would be lost there without a word. A real server takes a setting
    with the connection and gives it back; such a pooler refuses it or forgets it. Raises: ClusterError.
    """
    options = f"{_parts(url).get('options') or ''} -c closeout.direct=on".strip()
    pooled = (
        f"The {where(url)} answers through a pooler that gives each transaction another session (PgBouncer in "
        "transaction mode?); closeout holds locks for a session. Let CLOSEOUT_DATABASE_URL lead to PostgreSQL itself."
    )
    try:
        with psycopg.connect(url, options=options, connect_timeout=CONNECT_SECONDS) as connection:
            row = connection.execute("select current_setting('closeout.direct', true)").fetchone()
        connection.close()
    except psycopg.OperationalError as wrong:
        raise ClusterError(pooled if "startup parameter" in str(wrong) else _sentence(url, wrong)) from wrong
    if row is None or row[0] != "on":
        raise ClusterError(pooled)


def prepare(url: str) -> None:
    """Create the main database of ``url`` and its keyring where they are missing.

    Idempotent, also when several processes do it at once.
    Raises: ClusterError if the server does not answer, is too old, or does not let us create them.
    """
    for target, variable in ((url, "CLOSEOUT_DATABASE_URL"), (keyring_url(url), "CLOSEOUT_KEYRING_URL")):
        if not exists(target):
            _create(target, variable=variable)
        demand_direct(target)
    connect(url).close()


def drop(url: str) -> None:
    """Drop the database of ``url`` with all that is in it, if it is there; whoever uses it is disconnected.

    Raises: ClusterError if the server does not answer or does not let us.
    """
    name = _name(url)
    statement = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    with connect(with_name(url, "postgres"), autocommit=True) as connection:
        try:
            connection.execute(statement)
        except errors.InsufficientPrivilege:
            raise ClusterError(
                f"The database {name} may not be dropped by this user; drop it by hand."
            ) from None


def _create(url: str, *, variable: str) -> None:
    name = _name(url)
    statement = sql.SQL("create database {} encoding 'UTF8' template template0").format(sql.Identifier(name))
    with connect(with_name(url, "postgres"), autocommit=True) as connection:
        try:
            connection.execute(statement)
        except errors.InsufficientPrivilege:
            raise ClusterError(
                f"The database {name} is missing and this user may not create it; create it and set "
                f"{variable} to it."
            ) from None
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            pass  # another process was faster


def admit_role(sockets: Path) -> None:
    """Create the role that closeout works as on its own server: not a superuser. Idempotent."""
    url = f"postgresql://{server.SUPERUSER}@/postgres?host={quote(str(sockets), safe='')}"
    with connect(url, autocommit=True) as connection:
        found = connection.execute("select 1 from pg_roles where rolname = %s", (server.ROLE,)).fetchone()
        if not found:
            connection.execute(
                sql.SQL("create role {} login createdb createrole").format(sql.Identifier(server.ROLE))
            )

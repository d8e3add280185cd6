"""A furnished exchange per run, and a copy of it per test: real commits, real parallel connections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from psycopg import sql
from tests.cases.exchange import Exchange, furnish
from tests.cases.noted import noted_archive, noted_certificate

from closeout.cases import documents, vaults, venues
from closeout.cluster import databases

BEGINS = datetime(2026, 1, 5, 8)  # naive UTC

REAL_ARCHIVE, REAL_CERTIFICATE = documents.build_archive, documents.issue_certificate


def _copy(url: str, name: str, template: str) -> str:
    with databases.connect(url, autocommit=True) as opened:
        opened.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return databases.with_name(url, name)


def _drop(url: str, *names: str) -> None:
    with databases.connect(url, autocommit=True) as opened:
        for name in names:
            opened.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def _at(name: str, keyring: str) -> Iterator[None]:
    """Let Django, the venue and the vault work on the databases of these names."""
    before = connection.settings_dict["NAME"]
    connections.close_all()
    connection.settings_dict["NAME"] = name
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CLOSEOUT_KEYRING_URL", databases.with_name(vaults.url(), keyring))
        try:
            yield
        finally:
            venues.forget()
            vaults.forget()
            connections.close_all()
            connection.settings_dict["NAME"] = before


@pytest.fixture(scope="session")
def furnished(cluster_url: str, case_template: str, django_db_blocker: Any) -> Iterator[str]:
    """The name of a database with holders whose accounts can be closed; its keyring is beside it."""
    name = f"furnished{os.getpid()}"
    _copy(cluster_url, name, case_template)
    _copy(cluster_url, f"{name}_keyring", "closeout_template_keyring")
    with django_db_blocker.unblock():
        with _at(name, f"{name}_keyring"), venues.sandbox().connection() as opened:
            furnish(opened, BEGINS)
        yield name
    _drop(cluster_url, name, f"{name}_keyring")


@pytest.fixture
def keyring(furnished: str, cluster_url: str) -> Iterator[str]:
    """The name of a keyring of one's own, for a test that destroys keys; asked for before ``exchange``."""
    name = f"keyring{os.getpid()}"
    _copy(cluster_url, name, f"{furnished}_keyring")
    yield name
    _drop(cluster_url, name)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters go to a folder of the test; archives and certificates are only noted, not made."""
    monkeypatch.setenv("CLOSEOUT_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("CLOSEOUT_ARCHIVES", str(tmp_path / "archives"))
    monkeypatch.setattr(documents, "build_archive", noted_archive)
    monkeypatch.setattr(documents, "issue_certificate", noted_certificate)


@pytest.fixture
def real(exchange: Exchange, keyring: str, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """An exchange whose archives and certificates are made, not noted, with a keyring of its own."""
    monkeypatch.setattr(documents, "build_archive", REAL_ARCHIVE)
    monkeypatch.setattr(documents, "issue_certificate", REAL_CERTIFICATE)
    return exchange


@pytest.fixture
def exchange(
    request: pytest.FixtureRequest, furnished: str, cluster_url: str, django_db_blocker: Any, workshop: None
) -> Iterator[Exchange]:
    """A copy of the furnished exchange, with a keyring of its own where the test asks for ``keyring``."""
    name = f"exchange{os.getpid()}"
    asked = "keyring" in request.fixturenames
    keyring = request.getfixturevalue("keyring") if asked else f"{furnished}_keyring"
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        _copy(cluster_url, name, furnished)
        stack.callback(_drop, cluster_url, name)
        stack.enter_context(_at(name, keyring))
        with venues.sandbox().connection() as opened:
            rows = opened.execute("select account_id from sandbox.account order by account_id").fetchall()
        yield Exchange([account for (account,) in rows])


@pytest.fixture
def capture() -> Any:
    """Return a context manager that collects the statements on Django's connection."""

    @contextmanager
    def collected() -> Iterator[list[str]]:
        statements: list[str] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's
            statements.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            yield statements

    return collected

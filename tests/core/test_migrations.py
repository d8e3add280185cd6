"""The migrator: each file once, in order, all or nothing, under a lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from closeout.cluster import databases, migrations
from closeout.cluster.migrations import MigrationError, apply

Connection = psycopg.Connection[Any]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``room_schema`` with one file."""
    folder = tmp_path / "room_schema"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "0001_first.sql").write_text(
        "create table a (n int); insert into a values (1);", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    import sys

    sys.modules.pop("room_schema", None)


def run(connection: Connection) -> tuple[str, ...]:
    return apply(connection, room="room", package="room_schema")


def test_each_file_is_applied_once_and_in_order(connection: Connection, package: Path) -> None:
    """A new file is added later; the old one is not run again."""
    assert run(connection) == ("0001_first.sql",)
    (package / "0002_second.sql").write_text("insert into a values (2)", encoding="utf-8")
    assert run(connection) == ("0002_second.sql",)
    assert run(connection) == ()
    assert connection.execute("select array_agg(n order by n) from a").fetchone() == ([1, 2],)


def test_a_changed_file_is_refused_by_name(connection: Connection, package: Path) -> None:
    """A file that was applied is history."""
    run(connection)
    (package / "0001_first.sql").write_text("create table b (n int)", encoding="utf-8")
    with pytest.raises(MigrationError, match=r"0001_first\.sql of room was changed .* add a new file"):
        run(connection)


def test_a_newer_database_is_refused(connection: Connection, package: Path) -> None:
    """An older closeout does not write into tables that it does not know."""
    (package / "0002_second.sql").write_text("select 1", encoding="utf-8")
    run(connection)
    (package / "0002_second.sql").unlink()
    with pytest.raises(MigrationError, match=r"0002_second\.sql of room, which this closeout does not know"):
        run(connection)


@pytest.mark.parametrize(
    "name", ["0003_gap.sql", "0001_twice.sql", "first.sql", "01_short.sql", "0002_Upper.sql"]
)
def test_wrong_names_and_gaps_are_refused_before_anything_runs(
    connection: Connection, package: Path, name: str
) -> None:
    """Two builders that took the same number find out at once."""
    (package / name).write_text("create table wrong (n int)", encoding="utf-8")
    with pytest.raises(MigrationError, match=r"rename it|without a gap"):
        run(connection)
    assert connection.execute("select to_regclass('public.wrong')").fetchone() == (None,)


def test_a_failing_file_leaves_nothing_behind(database: str, package: Path) -> None:
    """All of a room's files or none, the record included."""
    (package / "0002_fails.sql").write_text("create table c (n int); select 1/0", encoding="utf-8")
    with databases.connect(database, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            run(connection)
        assert connection.execute("select to_regclass('a'), to_regclass('c')").fetchone() == (None, None)
        found = connection.execute("select count(*) from closeout_schema where room = 'room'").fetchone()
        assert found == (0,)
    connection.close()


def test_eight_at_once_apply_it_once(database: str, package: Path) -> None:
    """Every process of a deployment migrates at its start."""
    results: list[tuple[str, ...]] = []

    def one() -> None:
        with databases.connect(database) as connection:
            results.append(run(connection))
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [()] * 7 + [("0001_first.sql",)]


def test_percent_signs_and_several_statements_are_plain_text(connection: Connection, package: Path) -> None:
    """SQL files are not templates."""
    (package / "0002_percent.sql").write_text(
        "create table d (t text); insert into d values ('5 %s %%'); -- 100 %", encoding="utf-8"
    )
    run(connection)
    assert connection.execute("select t from d").fetchone() == ("5 %s %%",)


def test_every_room_applies_to_an_empty_database(database: str, keyring_database: str) -> None:
    """The template of the tests is made of all rooms: applying them again does nothing."""
    with databases.connect(database) as connection:
        assert migrations.apply_all(connection) == ()
        rooms = connection.execute("select distinct room from closeout_schema").fetchall()
    connection.close()
    assert {room for (room,) in rooms} <= set(migrations.ROOMS)
    with databases.connect(keyring_database) as connection:
        assert migrations.apply_keyring(connection) == ()
    connection.close()

"""Databases that somebody else runs, and the sentences when they do not suit."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from psycopg import conninfo

from closeout.cluster import ClusterError, commands, connect, ensure, keyring_url, prepare, with_name
from closeout.cluster import databases as room


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keyring lies beside its database; other tests of the process name theirs."""
    monkeypatch.delenv("CLOSEOUT_KEYRING_URL", raising=False)


def sentence(caught: pytest.ExceptionInfo[ClusterError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", "one."))
    return text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s%40fe%2Fcret@127.0.0.1:1/closeout",
        "host=127.0.0.1 port=1 user=me password='s@fe/cret' dbname=closeout",
        "postgresql://me:s%40fe%2Fcret@/closeout?host=/nowhere",
    ],
)
def test_an_unreachable_database_is_one_sentence_without_the_password(url: str) -> None:
    """Bad input: it says what to do."""
    with pytest.raises(ClusterError) as caught:
        prepare(url)
    text = sentence(caught)
    assert "cannot be reached" in text
    assert "correct CLOSEOUT_DATABASE_URL, or unset it" in text
    assert "cret" not in text


def test_nonsense_instead_of_a_url() -> None:
    with pytest.raises(ClusterError, match="is not a postgresql:// address"):
        prepare("mysql://nowhere")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://closeout@/closeout?host=%2Ftmp%2Fa%20b",
        "postgresql://me:s%40fe%2F%3Fcret@db.example:5433/closeout?sslmode=verify-full",
        "postgresql://me@/closeout?host=pg1,pg2&target_session_attrs=read-write",
        "postgresql://me@[::1]:5432/closeout",
        "host=/tmp user='me too' dbname=closeout application_name='a b'",
    ],
)
def test_another_name_keeps_everything_else(url: str) -> None:
    """The keyring is beside the main database, whatever the address looks like."""
    before, after = conninfo.conninfo_to_dict(url), conninfo.conninfo_to_dict(with_name(url, "other name"))
    assert {**before, "dbname": "other name"} == after
    assert conninfo.conninfo_to_dict(keyring_url(url))["dbname"] == "closeout_keyring"


def test_the_keyring_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSEOUT_KEYRING_URL", "postgresql://keys.example/k")
    assert keyring_url("postgresql:///closeout") == "postgresql://keys.example/k"


def test_missing_databases_are_created(cluster_url: str) -> None:
    """Both, and once; the second time nothing happens."""
    url = with_name(cluster_url, "theirs")
    prepare(url)
    prepare(url)
    with connect(cluster_url, autocommit=True) as connection:
        found = connection.execute("select datname from pg_database where datname like 'theirs%' order by 1")
        assert found.fetchall() == [("theirs",), ("theirs_keyring",)]
        connection.execute("drop database theirs")
        connection.execute("drop database theirs_keyring")


def test_a_user_who_may_not_create_reads_which_variable_to_set(cluster_url: str) -> None:
    with connect(cluster_url, autocommit=True) as connection:
        connection.execute("drop role if exists weak")
        connection.execute("create role weak")
        connection.execute("grant weak to closeout")
    with pytest.raises(ClusterError, match=r"closeout2_keyring is missing .* set CLOSEOUT_KEYRING_URL to it"):
        room._create(
            with_name(f"{cluster_url}&options=-crole%3Dweak", "closeout2_keyring"),
            variable="CLOSEOUT_KEYRING_URL",
        )


def test_an_old_server_and_a_foreign_encoding_are_refused(
    cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL 15 is the floor; text is UTF-8."""
    with connect(cluster_url, autocommit=True) as connection:
        connection.execute(
            "create database ascii encoding 'SQL_ASCII' locale_provider libc template template0"
        )
        with pytest.raises(ClusterError, match="encoded in SQL_ASCII, but closeout needs UTF8"):
            connect(with_name(cluster_url, "ascii"))
        connection.execute("drop database ascii with (force)")
    monkeypatch.setattr(room, "OLDEST", 990000)
    with pytest.raises(ClusterError, match=r"The server is PostgreSQL \d+, but closeout needs"):
        connect(cluster_url)


def test_a_named_database_is_used_and_nothing_is_started(
    database: str, keyring_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CLOSEOUT_DATABASE_URL wins over the embedded server."""
    monkeypatch.setenv("CLOSEOUT_DATABASE_URL", database)
    monkeypatch.setenv("CLOSEOUT_DATA_DIR", str(tmp_path / "data"))
    assert ensure() == database
    assert not (tmp_path / "data").exists()


def test_closeout_db_does_not_touch_a_server_of_somebody_else() -> None:
    """The tests themselves run with CLOSEOUT_DATABASE_URL set."""
    for command in ("start", "stop", "status"):
        done = CliRunner().invoke(commands.db, [command])
        assert done.exit_code == 2
        assert "unset it first" in done.output

"""What every test can use: one throw-away PostgreSQL per run, and a fresh database per test.

The server lies in a temporary directory, forces nothing to disk, and starts when the first test asks for it.
Its address is known before: Django's settings read it when they are imported, which is here.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from closeout.cluster import ClusterError, databases, locks, migrations, places, supervisor

settings.register_profile("no clock", deadline=None)  # a slow machine is no bug
settings.load_profile("no clock")

SCRATCH = "CLOSEOUT_TEST_SCRATCH"  # set by the first process of a run for the workers of pytest-xdist
KEPT = ("CLOSEOUT_PG_BIN", "CLOSEOUT_BROWSER")  # programs of this machine
PREFIX = "closeout-test-"
DJANGO_FOLDERS = ("cases", "web", "journeys")
LONGEST = (
    "web",
    "crash",
    "venues/okx_server",
    "journeys",
    "conditions",
)  # files that nobody should wait for alone
TEMPLATE, TEMPLATE_KEYRING = "closeout_template", "closeout_template_keyring"
TEMPLATE_CASES = "closeout_template_cases"

_first = SCRATCH not in os.environ
_session_lock: int | None = None
_django_problem: Exception | None = None
_number = itertools.count(1)


def _remove(scratch: Path) -> None:
    with contextlib.suppress(ClusterError):
        supervisor.Cluster(scratch / "pg", durable=False).stop(force=True)
    with contextlib.suppress(ClusterError):
        shutil.rmtree(places.settle(scratch / "pg").path, ignore_errors=True)
    shutil.rmtree(scratch, ignore_errors=True)


def _sweep() -> None:
    """Remove what a killed run left behind; the lock of a living run is taken."""
    for left in Path(tempfile.gettempdir()).glob(PREFIX + "*/session.lock"):
        with contextlib.suppress(ClusterError):
            if left.stat().st_uid == os.geteuid() and not locks.is_taken(left):
                _remove(left.parent)


def _begin() -> Path:
    """Make the scratch directory of this run and name the database in the environment."""
    global _session_lock  # noqa: PLW0603 - held for as long as this process lives
    if not _first:
        return Path(os.environ[SCRATCH])
    _sweep()
    scratch = Path(tempfile.mkdtemp(prefix=PREFIX))
    scratch.chmod(0o755)  # root's server is another user and must walk through
    _session_lock = locks.open_lock(scratch / "session.lock")
    locks.try_lock(_session_lock, fcntl.LOCK_EX)
    place = places.settle(scratch / "pg")
    place.make()
    place.start_lock.touch(mode=0o600)
    for name in [name for name in os.environ if name.startswith("CLOSEOUT_") and name not in KEPT]:
        del os.environ[name]
    os.environ[SCRATCH] = str(scratch)
    os.environ["CLOSEOUT_DATA_DIR"] = str(scratch / "data")
    os.environ["CLOSEOUT_DATABASE_URL"] = databases.embedded_url(place.socket_dir())
    os.environ["CLOSEOUT_SECRET_KEY"] = "only for tests " + "x" * 40
    return scratch


def _set_up_django() -> None:
    """Set Django up if the site exists; what goes wrong stops only a run that needs it."""
    global _django_problem  # noqa: PLW0603
    if importlib.util.find_spec("closeout.web.settings") is None:
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "closeout.web.settings"
    try:
        import django
        from django.conf import settings

        settings.DATABASES  # noqa: B018 - reads the settings
        django.setup()
    except Exception as wrong:  # noqa: BLE001 - reported below
        _django_problem = wrong


_scratch = _begin()
_set_up_django()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stop loudly where pytest-django would skip in silence: Django does not start. Begin with the longest files."""
    here = Path(__file__).parent
    items.sort(key=lambda item: not any(item.path.is_relative_to(here / folder) for folder in LONGEST))
    if _django_problem is not None and any(
        item.path.is_relative_to(here / folder) for item in items for folder in DJANGO_FOLDERS
    ):
        raise pytest.UsageError(f"Django does not start: {_django_problem!r}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many mutants were caught and, after a run of everything, what was not part of it: a Spark cluster."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    counted = [value for report in reports for name, value in report.user_properties if name == "mutants"]
    if counted:
        caught, made = (sum(pair[place] for pair in counted) for place in (0, 1))
        terminalreporter.section("mutants", sep="=")
        terminalreporter.line(
            f"{caught} of {made} mutants of {len(counted)} conditions caught: {100 * caught / made:.1f} %"
        )
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    folder = Path(__file__).parent / "lake"
    many = sum(path.read_text(encoding="utf-8").count("\ndef test_") for path in folder.glob("test_*.py"))
    terminalreporter.section("not run here", sep="=", yellow=True)
    terminalreporter.line(f"{many} tests on a real Spark cluster (tests/lake): make test-spark", yellow=True)


def pytest_unconfigure() -> None:
    """Throw the cluster away when the first process of the run ends."""
    if _first:
        _remove(_scratch)


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """The URL of the main database on this run's server; both templates exist with every room's tables."""
    cluster = supervisor.Cluster(_scratch / "pg", durable=False)
    url = cluster.hold()
    with locks.exclusive(_scratch / "template.lock"):
        _make_template(url, TEMPLATE, migrations.apply_all)
        _make_template(url, TEMPLATE_KEYRING, migrations.apply_keyring)
    yield url
    cluster.release()


def _make_template(url: str, name: str, apply: Any) -> None:
    target = databases.with_name(url, name)
    if databases.exists(target):
        return
    unfinished = f"{name}_unfinished"
    with databases.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(unfinished)))
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(unfinished)))
        with databases.connect(databases.with_name(url, unfinished)) as fresh:
            apply(fresh)
        fresh.close()
        connection.execute(
            sql.SQL("alter database {} rename to {}").format(sql.Identifier(unfinished), sql.Identifier(name))
        )


@pytest.fixture(scope="session")
def case_template(cluster_url: str, django_db_blocker: Any) -> str:
    """The name of a database with every room's tables and those of the case file: to be copied, never used.

    The first process of a run that asks makes it: Django's migrations take seconds.
    """
    from django.core.management import call_command
    from django.db import connection as django_connection

    settings = django_connection.settings_dict
    kept = settings["NAME"]

    def migrate(fresh: psycopg.Connection[Any]) -> None:
        migrations.apply_all(fresh)
        fresh.commit()
        settings["NAME"] = fresh.info.dbname
        try:
            with django_db_blocker.unblock():
                django_connection.close()  # it may still point to the database of other tests
                call_command("migrate", verbosity=0, interactive=False)
                django_connection.close()
        finally:
            settings["NAME"] = kept

    with locks.exclusive(_scratch / "template.lock"):
        _make_template(cluster_url, TEMPLATE_CASES, migrate)
    return TEMPLATE_CASES


@contextlib.contextmanager
def _clone(url: str, template: str) -> Iterator[str]:
    name = f"t{os.getpid()}_{next(_number)}"
    with databases.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield databases.with_name(url, name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database(cluster_url: str) -> Iterator[str]:
    """The URL of a database of one's own with every room's tables; dropped after the test."""
    with _clone(cluster_url, TEMPLATE) as url:
        yield url


@pytest.fixture
def keyring_database(cluster_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a keyring of one's own; CLOSEOUT_KEYRING_URL names it during the test."""
    with _clone(cluster_url, TEMPLATE_KEYRING) as url:
        monkeypatch.setenv("CLOSEOUT_KEYRING_URL", url)
        yield url


@pytest.fixture(scope="session")
def _shared_database(cluster_url: str) -> Iterator[str]:
    with _clone(cluster_url, TEMPLATE) as url:
        yield url


@pytest.fixture
def connection(_shared_database: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to a database with every room's tables, rolled back after the test: fast.

    It is inside a transaction from the start, so that ``connection.transaction()`` in the code under test is a
    savepoint. Code that commits needs the fixture ``database``.
    """
    with psycopg.connect(_shared_database) as opened:
        opened.execute("select")
        yield opened
        opened.rollback()


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, cluster_url: str, case_template: str, django_db_blocker: Any
) -> Iterator[str]:
    """Make Django's test database with the tables of the core rooms as well, and a keyring beside it: its URL."""
    from django.db import connection as django_connection
    from django.test.utils import setup_databases, teardown_databases

    suffix = getattr(request.config, "workerinput", {}).get("workerid", "")
    asked = {"NAME": f"django{os.getpid()}{suffix}", "TEMPLATE": case_template}
    django_connection.settings_dict["TEST"].update(asked)
    with _clone(cluster_url, TEMPLATE_KEYRING) as keyring:
        with django_db_blocker.unblock():
            made = setup_databases(verbosity=0, interactive=False)
        yield keyring
        with django_db_blocker.unblock():
            teardown_databases(made, verbosity=0)


@pytest.fixture(autouse=True)
def _keyring_of_django(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name Django's keyring during a test of Django's database, and to no other test of this process."""
    if request.node.get_closest_marker("django_db") is not None:
        monkeypatch.setenv("CLOSEOUT_KEYRING_URL", request.getfixturevalue("django_db_setup"))

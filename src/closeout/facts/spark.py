"""Facts in a lake: Spark reads the same Parquet files and runs the same text.

The optional extra ``spark`` brings PySpark; Java 17 or newer is the machine's.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from closeout.facts.ddl import blocker_shape_select, policy_select
from closeout.facts.engine import FactsUnreachable, Row
from closeout.facts.parquet import Folder
from closeout.facts.schema import RELATIONS, Source, columns

SETTINGS: Mapping[str, str] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # facts are naive UTC
    "spark.sql.ansi.enabled": "true",  # an overflow is an error, never a null
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.ui.enabled": "false",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.shuffle.partitions": "8",
}


BLOCKER_SHAPE = blocker_shape_select().replace("VARCHAR", "STRING")


def session(master: str | None = None, *, settings: Mapping[str, str] | None = None) -> Any:
    """Return a Spark session: of the cluster that runs this program, of ``master``, or on this machine.

    ``master`` defaults to CLOSEOUT_SPARK_MASTER; without either, spark-submit and spark-defaults.conf decide, and
    else this machine. A session that already exists (Databricks, a notebook) is taken as it is.
    Raises: FactsUnreachable when PySpark or Java is missing.
    """
    try:
        sql = importlib.import_module("pyspark.sql")
    except ModuleNotFoundError as wrong:
        raise FactsUnreachable("Spark is not installed: pip install 'closeout[spark]'") from wrong
    _find_java()
    wanted = master or os.environ.get("CLOSEOUT_SPARK_MASTER")
    if (wanted or "local").startswith("local") and "PYSPARK_GATEWAY_PORT" not in os.environ:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # workers elsewhere could not call back
    builder = sql.SparkSession.builder.appName("closeout")
    if wanted and sql.SparkSession.getActiveSession() is None:
        builder = builder.master(wanted)
    for name, value in {**SETTINGS, **(settings or {})}.items():
        builder = builder.config(name, value)
    try:
        opened = builder.getOrCreate()
    except _failures() as wrong:
        raise FactsUnreachable(f"Spark did not start: {wrong}") from wrong
    opened.sparkContext.setLogLevel("ERROR")
    return opened


def _find_java() -> None:
    """Say so before Spark does, in a hundred lines."""
    if shutil.which("java") or os.environ.get("JAVA_HOME"):
        return
    raise FactsUnreachable("Spark needs Java 17 or newer: install one, or set JAVA_HOME")


def _failures() -> tuple[type[Exception], ...]:
    """Return what PySpark raises when a query or a start fails."""
    ours: type[Exception] = importlib.import_module("pyspark.errors").PySparkException
    java: type[Exception] = importlib.import_module("py4j.protocol").Py4JError
    return (ours, java)


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Turn what Spark raises into FactsUnreachable."""
    try:
        yield
    except _failures() as wrong:
        raise FactsUnreachable(str(wrong)) from wrong


class SparkFacts:
    """An engine over temporary views of one Spark session."""

    def __init__(self, spark: Any, sources: Mapping[str, Source]) -> None:
        self.spark = spark
        self._sources = dict(sources)

    @classmethod
    def folder(cls, spark: Any, folder: Folder, *, as_of: datetime) -> SparkFacts:
        """Read the files of ``folder``; relations that are not there are empty and count as not fetched."""
        for name, relation in RELATIONS.items():
            paths = folder.files.get(name)
            if paths:
                spark.read.parquet(*map(str, paths)).createOrReplaceTempView(name)
            else:
                cells = ", ".join(f"cast(null as {one.type}) as {one.name}" for one in columns(relation))
                _view(spark, name, f"select {cells} where false")
        spark.sql(BLOCKER_SHAPE).createOrReplaceTempView("blocker_shape")
        return cls(spark, {name: Source(name, "complete", as_of) for name in folder.files})

    def sources(self) -> Mapping[str, Source]:
        """Return every relation that has files."""
        return self._sources

    def rows(
        self, sql: str, *, policy: Mapping[str, object], accounts: Sequence[int] | None = None
    ) -> Sequence[Row]:
        """Run ``sql`` for ``accounts``, or for all if None. Raises: FactsUnreachable."""
        set_policy(self.spark, policy)
        if accounts is not None:
            numbers = ", ".join(str(int(number)) for number in accounts) or "null"
            sql = f"select * from (\n{sql}\n) as answer where answer.account_id in ({numbers})"
        with answering():
            return [tuple(row) for row in self.spark.sql(sql).collect()]


def set_policy(spark: Any, row: Mapping[str, object]) -> None:
    """(Re)place the one-row relation ``policy``."""
    text = policy_select(row, "{name}")
    for name, value in row.items():
        literal = f"'{value.isoformat(sep=' ')}'" if isinstance(value, datetime) else str(value)
        text = text.replace(f"cast({name} as", f"cast({literal} as")
    _view(spark, "policy", text)


def _view(spark: Any, name: str, text: str) -> None:
    spark.sql(text.replace("VARCHAR", "STRING")).createOrReplaceTempView(name)

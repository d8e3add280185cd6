"""Screening on Spark: the same union of the same texts, written by the cluster itself."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from closeout.conditions.catalog import catalog, data_faults
from closeout.conditions.check import statement
from closeout.facts import spark
from closeout.facts.parquet import Folder
from closeout.facts.schema import RELATIONS

COLUMNS = "account_id, code, subject, item, asset, amount, clears_at"


def write(
    folder: Folder, policy_row: Mapping[str, object], target: Path, *, session: Any = None
) -> list[Path]:
    """Write every blocker and every row of a data fault into ``target`` and return the files.

    Raises: FactsUnreachable.
    """
    running = session or spark.session()
    as_of = policy_row["as_of"]
    with spark.answering():
        spark.SparkFacts.folder(running, folder, as_of=as_of)  # type: ignore[arg-type]
        files = 4 * running.sparkContext.defaultParallelism  # not one small file per condition and file
        found = blockers(running, policy_row, fetched=folder.files.keys())
        found.coalesce(files).write.mode("overwrite").parquet(str(target))
        running.catalog.uncacheTable("doubt_row")
    for extra in (*target.glob("_*"), *target.glob(".*")):
        shutil.rmtree(extra) if extra.is_dir() else extra.unlink()
    return sorted(target.glob("*.parquet"))


def blockers(
    session: Any, policy_row: Mapping[str, object], *, fetched: Collection[str] = tuple(RELATIONS)
) -> Any:
    """Return every blocker and every row of a data fault as a DataFrame, for a lake that has the relations.

    ``fetched``: the relations that are there, as tables or views under their names in the current schema of
    ``session``; what reads another one is left out. What a data fault doubts is left out too, by account.
    """
    session.sql(spark.BLOCKER_SHAPE).createOrReplaceTempView("blocker_shape")
    spark.set_policy(session, policy_row)
    asked = tuple(one.code for one in catalog() if one.reads.keys() <= set(fetched))
    faults = tuple(one.code for one in data_faults() if one.reads.keys() <= set(fetched))
    session.sql(statement(asked, present=False)).createOrReplaceTempView("found")
    doubt = session.sql(statement(faults, present=False)).cache()  # few rows, asked for twice
    doubt.createOrReplaceTempView("doubt_row")
    return session.sql(
        f"""
        select {COLUMNS} from found as f left anti join (
            select distinct d.account_id, r.code from doubt_row as d
            inner join (values {_pairs({one.code: one.faults for one in data_faults()})}) as m(fault, relation)
                on d.code = m.fault
            inner join (values {_pairs({one.code: tuple(sorted(one.reads)) for one in catalog()})})
                as r(code, relation) on r.relation = m.relation
        ) as doubted on f.account_id = doubted.account_id and f.code = doubted.code
        union all select {COLUMNS} from doubt_row
        """
    )


def _pairs(by_code: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"('{code}', '{relation}')" for code, many in by_code.items() for relation in many)

"""The peers of the screening benchmark: plain Python, CEL, zen-engine, rule-engine, each as its docs advise."""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from screening_common import AT, measured

HERE = Path(__file__)


def _facts(folder: Path) -> dict[str, list[Any]]:
    import duckdb

    from closeout.facts.schema import RELATIONS

    with duckdb.connect() as connection:
        return {
            name: [
                relation(*row)
                for row in connection.execute(
                    f"select * from read_parquet('{folder / name}/*.parquet')"
                ).fetchall()
            ]
            for name, relation in RELATIONS.items()
        }


def _write(rows: Any, out: str) -> None:
    from closeout.facts.blockers import write

    write(Path(out) / "blockers.parquet", list(rows))


def part_python(folder: Path) -> dict[str, float]:
    """Plain Python over dataclasses, Parquet in, Parquet out."""
    from closeout.policy import Policy

    sys.path.insert(0, str(HERE.parents[1]))
    from tests.conditions import oracle

    with tempfile.TemporaryDirectory() as out:

        def work() -> None:
            found: Counter[Any] = oracle.answers(_facts(folder), Policy(), AT)
            _write(found.elements(), out)

        return measured(work)


def _plain(value: Any) -> Any:
    return int((value - datetime(1970, 1, 1)).total_seconds() * 1_000_000)


CELLS = {"DECIMAL(36,18)": "{0}::double as {0}", "TIMESTAMP": "epoch_us({0}) as {0}"}


def _rows_as_dicts(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what a peer is given: dictionaries with floats and microseconds, converted by DuckDB on the way in."""
    import duckdb

    from closeout.facts.schema import RELATIONS, columns

    found = {}
    with duckdb.connect() as connection:
        for name, relation in RELATIONS.items():
            cells = ", ".join(CELLS.get(one.type, "{0}").format(one.name) for one in columns(relation))
            names = [one.name for one in columns(relation)]
            rows = connection.execute(f"select {cells} from read_parquet('{folder / name}/*.parquet')")
            found[name] = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return found


def _rules(change: Callable[[str], str]) -> dict[str, list[tuple[str, str]]]:
    """Return code and expression by relation: the same predicates in a peer's own language."""
    from closeout.conditions.catalog import by_code
    from closeout.policy import Policy

    row = {f"p.{name}": str(_plain(value)) for name, value in Policy().row(AT).items()}
    found: dict[str, list[tuple[str, str]]] = {}
    for one in by_code().values():
        if one.where is not None:
            text = re.sub(r"p\.\w+", lambda name: row[name[0]], one.where)
            found.setdefault(one.drives, []).append((one.code, change(text)))
    return found


def _peer(folder: Path, decide: Callable[[str, dict[str, Any]], Iterator[str]]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as out:
        found: list[Any] = []

        def work() -> None:
            found[:] = (
                (row["account_id"], code, None, None, None, None, None)
                for relation, rows in _rows_as_dicts(folder).items()
                for row in rows
                for code in decide(relation, row)
            )
            _write(found, out)

        figures = measured(work)
    return figures | {"differing": float(_differing(folder, Counter(row[1] for row in found)))}


def _differing(folder: Path, answered: Counter[str]) -> int:
    """Return how many conditions a peer counts otherwise than we do."""
    from closeout.conditions import buckets
    from closeout.facts import parquet
    from closeout.policy import Policy

    opened = parquet.opened(folder)
    work = buckets.Screen(opened, Policy().row(AT))
    ours: Counter[str] = Counter()
    for bucket in buckets.split(opened):
        ours.update(work.counts(bucket))
    return sum(ours[one.code] != answered[one.code] for one in work.conditions if one.where is not None)


def _to_cel(text: str) -> str:
    text = re.sub(r"NOT (r\.\w+) IN \(([^)]*)\)", r"!(\1 in [\2])", text)
    text = re.sub(r"(r\.\w+) IS NULL", r"\1 == null", text)
    text = re.sub(r"(?<![<>=])=(?!=)", "==", text.replace(">=", "≥").replace("<=", "≤"))
    text = text.replace("≥", ">=").replace("≤", "<=").replace("<>", "!=")
    text = re.sub(r"\b0\b", "0.0", text)
    for old, new in ((" AND ", " && "), (" and ", " && "), (" OR ", " || "), ("NOT ", "!")):
        text = text.replace(old, new)
    return text


def part_cel(folder: Path) -> dict[str, float]:
    """Google's CEL in C++, compiled once, evaluated per row."""
    from cel_expr_python import cel

    environment = cel.NewEnv(variables={"r": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})
    rules = {
        relation: [(code, environment.compile(text)) for code, text in many]
        for relation, many in _rules(_to_cel).items()
    }

    def decide(relation: str, row: dict[str, Any]) -> Iterator[str]:
        for code, rule in rules.get(relation, ()):
            if rule.eval(data={"r": row}).value() is True:
                yield code

    return _peer(folder, decide)


NULLABLE = "posted_at|valid_until|released_at|withdraw_min|amount|happened_at"


def _to_zen(text: str) -> str:
    text = re.sub(r"NOT (r\.\w+) IN \(([^)]*)\)", r"(\1 not in [\2])", text)
    text = re.sub(r"(r\.\w+) IS NULL", r"\1 == null", text)
    text = re.sub(r"(?<![<>=])=(?!=)", "==", text.replace(">=", "≥").replace("<=", "≤"))
    text = text.replace("≥", ">=").replace("≤", "<=").replace("<>", "!=").replace("r.", "")
    text = re.sub(r"NOT (\w+)", r"not (\1)", text)
    text = re.sub(rf"\b({NULLABLE}) (<|>)", r"\1 != null and \1 \2", text)  # it refuses to compare null
    return text.replace(" AND ", " and ").replace(" OR ", " or ")


def part_zen(folder: Path) -> dict[str, float]:
    """zen-engine, compiled expressions, evaluated per row."""
    import zen

    rules = {
        relation: [(code, zen.compile_expression(text)) for code, text in many]
        for relation, many in _rules(_to_zen).items()
    }

    def decide(relation: str, row: dict[str, Any]) -> Iterator[str]:
        for code, rule in rules.get(relation, ()):
            if rule.evaluate(row) is True:
                yield code

    return _peer(folder, decide)


def part_rule_engine(folder: Path) -> dict[str, float]:
    """rule-engine, compiled once, matched per row."""
    import rule_engine

    rules = {
        relation: [(code, rule_engine.Rule(text)) for code, text in many]
        for relation, many in _rules(_to_zen).items()
    }

    def decide(relation: str, row: dict[str, Any]) -> Iterator[str]:
        for code, rule in rules.get(relation, ()):
            try:
                if rule.matches(row):
                    yield code
            except rule_engine.errors.EvaluationError:  # nothing compared with a number
                continue

    return _peer(folder, decide)

"""The subset of SQL in which conditions are written, and what a condition reads.

Runs when the catalogue is built and in tests, never while an account is checked: only this module imports
SQLGlot. Every rule stands for a disagreement that was measured between engines (docs/adr/0004).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from closeout.facts.schema import BLOCKER_COLUMNS, POLICY_COLUMNS, RELATIONS, columns

PROJECTION = tuple(name for name, _ in BLOCKER_COLUMNS)
TYPES: Mapping[str, Mapping[str, str]] = {
    **{name: {column.name: column.type for column in columns(kind)} for name, kind in RELATIONS.items()},
    "policy": dict(POLICY_COLUMNS),
}
REFUSED: Mapping[type[exp.Expression], str] = {
    exp.Div: "division gives four different answers on five engines",
    exp.IntDiv: "division gives four different answers on five engines",
    exp.Mod: "division gives four different answers on five engines",
    exp.Avg: "avg is a float on some engines",
    exp.Round: "rounding differs between engines",
    exp.Mul: "a product of amounts loses digits on Spark",
    exp.Cast: "casts of amounts, times and account_id differ between engines",
    exp.TryCast: "casts of amounts, times and account_id differ between engines",
    exp.Like: "escapes in like differ; compare text only by =, <> and in",
    exp.ILike: "escapes in like differ; compare text only by =, <> and in",
    exp.Upper: "upper differs for ß; compare text only by =, <> and in",
    exp.Lower: "lower differs for İ; compare text only by =, <> and in",
    exp.Length: "compare text only by =, <> and in",
    exp.Order: "order depends on collation and hinders the account filter",
    exp.Limit: "limit hinders the account filter",
    exp.Offset: "offset hinders the account filter",
    exp.Interval: "intervals move with the session's time zone; use the cut-offs of policy",
    exp.CurrentTimestamp: "time comes from policy.as_of",
    exp.CurrentDate: "time comes from policy.as_of",
    exp.With: "a CTE can keep the account filter out",
    exp.Parameter: "a condition has no parameters",
    exp.Placeholder: "a condition has no parameters",
    exp.SetOperation: "one condition is one select",
}
ALLOWED = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Column, exp.Identifier, exp.Table,
    exp.TableAlias, exp.Alias, exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT,
    exp.GTE, exp.Is, exp.Null, exp.In, exp.Literal, exp.Case, exp.If, exp.Exists, exp.Coalesce, exp.Count,
    exp.Star, exp.Add, exp.Sub, exp.Window, exp.Distinct, exp.Boolean,
)  # fmt: skip
ORDERED = (exp.LT, exp.LTE, exp.GT, exp.GTE)


class NotPortable(ValueError):
    """The select leaves the subset. ``problems`` holds every reason, never only the first."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def lint(sql: str) -> list[str]:
    """Return every reason why ``sql`` may not be a condition; an empty list if it may."""
    try:
        parsed = sqlglot.parse(sql, dialect="postgres")
    except SqlglotError as wrong:
        return [f"cannot be parsed: {wrong}"]
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Select):
        return ["one condition is one select"]
    tree = parsed[0]
    rules = (_nodes, _shape, _amounts, _account, _exists, _names)
    return [*_text(sql), *(problem for rule in rules for problem in rule(tree))]


def _text(sql: str) -> Iterator[str]:
    if '"' in sql:
        yield 'double quotes: Spark reads "x" as a string'
    if "\\" in sql or "''" in sql:
        yield "escapes in strings differ between engines"
    if re.search(r"\bat\b", sql, re.IGNORECASE):
        yield "no column called at: DuckDB reads it as time travel"


def _nodes(tree: exp.Select) -> Iterator[str]:
    for node in tree.walk():
        why = next((why for kind, why in REFUSED.items() if isinstance(node, kind)), None)
        if why is not None:
            yield f"{node.key}: {why}"
        elif isinstance(node, exp.In) and node.args.get("query"):
            yield "in (select …): use exists"
        elif not isinstance(node, ALLOWED):
            yield f"{node.key}: not in the allowed subset"


def _shape(tree: exp.Select) -> Iterator[str]:
    if tuple(column.alias_or_name for column in tree.expressions) != PROJECTION:
        yield f"the select returns {', '.join(PROJECTION)}, in this order"
    first = tree.expressions[0]
    if not (isinstance(first, exp.Column) and first.table and first.name == "account_id"):
        yield "the first column is account_id of a relation, unchanged"
    if tree.args.get("distinct"):
        yield "select distinct hinders the account filter; group by account_id instead"


def _amounts(tree: exp.Select) -> Iterator[str]:
    types = _column_types(tree)
    for number in tree.find_all(exp.Literal):
        if number.is_string:
            continue
        inside = isinstance(number.parent, exp.Select) or number.find_ancestor(exp.Having)
        if number.this != "0" and not (number.this == "1" and inside):
            yield f"number {number.this}: thresholds come from policy; only 0 is a literal"
    for sum_ in tree.find_all(exp.Add, exp.Sub):
        if not isinstance(sum_.parent, exp.Add | exp.Sub) and len(list(sum_.find_all(exp.Add, exp.Sub))) > 2:
            yield "more than two additions: Spark loses digits beyond 38"
    for comparison in tree.find_all(*ORDERED):
        for side in (comparison.left, comparison.right):
            if (isinstance(side, exp.Literal) and side.is_string) or types.get(side.sql()) == "VARCHAR":
                yield f"{comparison.sql()}: text is compared only by =, <> and in"


def _column_types(tree: exp.Select) -> dict[str, str]:
    tables = {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    return {
        column.sql(): TYPES.get(tables.get(column.table, ""), {}).get(column.name, "")
        for column in tree.find_all(exp.Column)
    }


def _account(tree: exp.Select) -> Iterator[str]:
    for select in tree.find_all(exp.Select):
        for join in select.args.get("joins") or []:
            if join.this.name == "policy":
                if join.args.get("on") or join.kind != "CROSS":
                    yield "policy is cross joined"
            elif not _ties_account(join.args.get("on")):
                yield f"the join of {join.this.name} must be on account_id"
        grouped = select.args.get("group")
        if grouped and not any(column.name == "account_id" for column in grouped.expressions):
            yield "group by must contain account_id"
    for window in tree.find_all(exp.Window):
        if not any(column.name == "account_id" for column in window.args.get("partition_by") or []):
            yield "a window must be partitioned by account_id"


def _ties_account(on: exp.Expression | None) -> bool:
    terms = on.flatten() if isinstance(on, exp.And) else [on]
    return any(
        isinstance(term, exp.EQ)
        and isinstance(term.left, exp.Column)
        and isinstance(term.right, exp.Column)
        and term.left.name == term.right.name == "account_id"
        and term.left.table != term.right.table
        for term in terms
    )


def _exists(tree: exp.Select) -> Iterator[str]:
    for exists in tree.find_all(exp.Exists):
        outer = exists.parent
        if isinstance(outer, exp.Not):
            outer = outer.parent
        while isinstance(outer, exp.And):
            outer = outer.parent
        if not (isinstance(outer, exp.Where) and outer.parent is tree):
            yield "exists stands only as a top-level AND term: elsewhere PostgreSQL scans the whole relation"
        where = exists.this.args.get("where")
        if where is None or not _ties_account(where.this):
            yield "exists must be tied by account_id"


def _names(tree: exp.Select) -> Iterator[str]:
    for table in tree.find_all(exp.Table):
        if table.name not in TYPES or table.db:
            yield f"unknown relation {table.sql()}"
            return
    try:
        qualify(tree.copy(), schema=dict(TYPES), dialect="postgres")
    except SqlglotError as wrong:
        yield f"unknown column: {str(wrong).splitlines()[0]}"


def reads(sql: str) -> dict[str, object]:
    """Return ``{"from": relation, "reads": {relation: [columns]}}`` of a condition's select.

    The relation ``policy`` is always there and is left out. Raises: NotPortable.
    """
    problems = lint(sql)
    if problems:
        raise NotPortable(problems)
    tree = qualify(sqlglot.parse_one(sql, dialect="postgres"), schema=dict(TYPES), dialect="postgres")
    found: dict[str, set[str]] = {}
    for select in tree.find_all(exp.Select):
        for table in select.find_all(exp.Table):
            found.setdefault(table.name, set())
    tables = {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    for column in tree.find_all(exp.Column):
        found[tables[column.table]].add(column.name)
    found.pop("policy", None)
    first = tree.find(exp.From)
    assert first is not None
    return {
        "from": first.this.name,
        "reads": {name: sorted(found[name]) for name in sorted(found)},
        **_alone(sqlglot.parse_one(sql, dialect="postgres")),
    }


def _alone(tree: exp.Expr) -> dict[str, object]:
    """Return what decides about one row of the driving relation, called ``r``, with the policy as ``p``.

    ``where`` is the whole decision, or None if another row takes part in it; ``implied`` is what must be true
    of the row in any case. For a whole decision ``yields`` are the columns of the blocker, and ``terms`` the
    alternatives of which one must hold, each as what must hold together. With them a population is read once
    per relation instead of once per condition.
    """
    first = tree.find(exp.From)
    assert first is not None
    driving = first.this.alias_or_name
    joins = [join.this.name for join in tree.args.get("joins") or []]
    if tree.args.get("group") or any(name != "policy" for name in joins):
        return {"where": None, "implied": "true", **_lacks(tree, driving)}
    terms = _all_of(tree.args.get("where"))
    kept = [term for term in terms if not term.find(exp.Exists)]
    missing = _lacks(tree, driving) if len(kept) < len(terms) else {}
    _rename(tree, driving)
    implied = " and ".join(f"({_text_of(term)})" for term in kept) or "true"
    if len(kept) < len(terms):
        return {"where": None, "implied": implied, **missing}
    alternatives = list(kept[0].flatten()) if len(kept) == 1 and isinstance(kept[0], exp.Or) else None
    return {
        "where": implied,
        "implied": implied,
        "yields": {one.alias_or_name: _text_of(one.unalias()) for one in tree.expressions[1:]},
        "terms": [[_text_of(part) for part in _all_of(one)] for one in alternatives]
        if alternatives
        else [[_text_of(term) for term in kept]],
    }


def _lacks(tree: exp.Expr, driving: str) -> dict[str, object]:
    """Return what a select says that asks for rows of ``driving`` without a row in another relation.

    ``relation``: the other one; ``of``: what is true of the rows of ``driving`` that are asked about;
    ``otherwise``: what is true of a row of the other one that blocks too, or None; ``yields``: the columns of that
    blocker, or None if the other row does not have them all. Both rows are called ``r``.
    """
    tree = tree.copy()
    terms = _all_of(tree.args.get("where"))
    joins = tree.args.get("joins") or []
    exists = [term.this for term in terms if isinstance(term, exp.Not) and isinstance(term.this, exp.Exists)]
    if len(joins) == 1 and joins[0].side == "LEFT" and isinstance(terms[-1].unnest(), exp.Or):
        other = joins[0].this
        either = list(terms.pop().unnest().flatten())
        rest = [one for one in either if _text_of(one) != f"{other.alias_or_name}.account_id IS NULL"]
        if len(rest) == len(either):
            return {}
    elif exists and len(_all_of(exists[0].this.args["where"])) == 1:
        terms = [term for term in terms if term.this is not exists[0]]
        other, rest = exists[0].this.args["from_"].this, []
    else:
        return {}
    if any(column.table != driving for term in terms for column in term.find_all(exp.Column)):
        return {}
    cells = tree.expressions[1:] if rest else []
    foreign = any(one.table != other.alias_or_name for cell in cells for one in cell.find_all(exp.Column))
    for part in (*terms, *rest, *cells):
        for column in part.find_all(exp.Column):
            column.set("table", exp.to_identifier("r"))
    yields = {one.alias_or_name: _text_of(one.unalias()) for one in cells}
    of = " and ".join(f"({_text_of(term)})" for term in terms) or "true"
    otherwise = " or ".join(f"({_text_of(one)})" for one in rest) or None
    found = {"relation": other.name, "of": of, "otherwise": otherwise}
    return {"lacks": {**found, "yields": None if foreign or not rest else yields}}


def _all_of(term: exp.Expr | None) -> list[exp.Expr]:
    """Return what must hold together."""
    if isinstance(term, exp.Where):
        term = term.this
    inner = term.unnest() if term is not None else None
    if inner is None:
        return []
    return list(inner.flatten()) if isinstance(inner, exp.And) else [inner]


def _rename(tree: exp.Expr, driving: str) -> None:
    for column in tree.find_all(exp.Column):
        column.set("table", exp.to_identifier("r" if column.table == driving else "p"))


def _text_of(term: exp.Expr) -> str:
    return term.sql(dialect="postgres")


def derive() -> str:
    """Return the text of ``reads.json`` for all files of the catalogue. Raises: NotPortable."""
    folder = files("closeout.conditions")
    found = {}
    for path in (*folder.iterdir(), *(folder / "faults").iterdir()):
        if path.name.endswith(".sql"):
            sql = path.read_text(encoding="utf-8").rpartition("*/\n")[2]
            try:
                found[path.name.removesuffix(".sql")] = reads(sql)
            except NotPortable as wrong:
                raise NotPortable([f"{path.name}: {problem}" for problem in wrong.problems]) from wrong
    return json.dumps(dict(sorted(found.items())), indent=1) + "\n"


def main() -> None:
    """Write ``reads.json`` beside the conditions."""
    target = Path(__file__).parent / "reads.json"
    target.write_text(derive(), encoding="utf-8")


if __name__ == "__main__":
    main()

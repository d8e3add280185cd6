"""Mutants of a condition: one small wrong change each, as SQL text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlglot
from sqlglot import exp

SWAPS: dict[type[exp.Expression], tuple[type[exp.Expression], ...]] = {
    exp.LT: (exp.LTE, exp.GT),
    exp.LTE: (exp.LT, exp.GTE),
    exp.GT: (exp.GTE, exp.LT),
    exp.GTE: (exp.GT, exp.LTE),
    exp.EQ: (exp.NEQ,),
    exp.NEQ: (exp.EQ,),
    exp.Add: (exp.Sub,),
    exp.Sub: (exp.Add,),
}


def mutants(sql: str) -> Iterator[tuple[str, str]]:
    """Yield what was changed, and the changed text: comparisons, terms, negations, lists, joins, outputs."""
    tree = sqlglot.parse_one(sql, dialect="postgres")
    for place, node in enumerate(tree.walk()):
        for what, change in _changes(node):
            copy = tree.copy()
            target = list(copy.walk())[place]
            replacement = change(target)
            if replacement is not None:
                target.replace(replacement)
            yield f"{what}: {node.sql(dialect='postgres')}", copy.sql(dialect="postgres")


def _changes(node: Any) -> Iterator[tuple[str, Callable[[Any], Any]]]:  # noqa: C901, PLR0912 - a list
    for other in SWAPS.get(type(node), ()):
        if not _ties_accounts(node):
            yield f"to {other.key}", lambda one, other=other: other(this=one.this, expression=one.expression)
    if isinstance(node, exp.And | exp.Or):
        yield "left only", lambda one: one.this
        yield "right only", lambda one: one.expression
        swapped = exp.Or if isinstance(node, exp.And) else exp.And
        yield "and for or", lambda one: swapped(this=one.this, expression=one.expression)
    if isinstance(node, exp.Not):
        yield "without not", lambda one: one.this
    if isinstance(node, exp.Is):
        yield "never", lambda _: exp.false()
        yield "negated", lambda one: exp.Not(this=one.copy())
    if isinstance(node, exp.In):
        for index in range(len(node.expressions)):
            yield (
                f"without item {index}",
                lambda one, index=index: exp.In(
                    this=one.this, expressions=[e for i, e in enumerate(one.expressions) if i != index]
                ),
            )
    if isinstance(node, exp.Join) and node.side == "LEFT":
        yield "inner join", lambda one: one.set("side", None)
    if isinstance(node, exp.Case):
        yield "always", lambda one: one.args["ifs"][0].args["true"]
    if isinstance(node, exp.Coalesce):
        yield "first only", lambda one: one.this
    if isinstance(node, exp.Column) and node.find_ancestor(exp.Where) and not _ties_accounts(node.parent):
        boolean = isinstance(node.parent, exp.Where | exp.And | exp.Or)
        if boolean:
            yield "negated", lambda one: exp.Not(this=one.copy())
    if isinstance(node, exp.Select) and node.parent is None:
        for index in range(1, len(node.expressions)):
            if not isinstance(node.expressions[index].unalias(), exp.Null):
                yield f"output {index} lost", lambda one, index=index: _lose(one, index)
        if node.args.get("where"):
            yield "without where", lambda one: one.set("where", None)


def _lose(select: exp.Select, index: int) -> None:
    name = select.expressions[index].alias_or_name
    select.expressions[index].replace(exp.alias_(exp.null(), name))


def _ties_accounts(node: exp.Expression | None) -> bool:
    return isinstance(node, exp.EQ) and all(
        isinstance(side, exp.Column) and side.name == "account_id" for side in (node.left, node.right)
    )

"""One select per relation instead of one per condition: what DuckDB is asked about a bucket of accounts.

Everything here is put together from what the build derived from the conditions' own texts (``reads.json``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from closeout.conditions.catalog import Condition
from closeout.facts.parquet import Bounds
from closeout.facts.schema import BLOCKER_COLUMNS

YIELDED = tuple(name for name, _ in BLOCKER_COLUMNS[1:])
COLUMNS = f"account_id, code, {', '.join(YIELDED)}"
CODE = "blocker_code"  # an enumeration: written without hashing the same few words again and again
_POLICY = re.compile(r"\bp\.(\w+)")
_TERM = re.compile(r"r\.(?P<column>\w+) (?:(?P<null>IS NULL)|(?P<sign><|>) (?P<than>0|p\.\w+))")


def literal(text: str, policy_row: Mapping[str, object]) -> str:
    """Put the policy's values into a predicate: a scan can compare with them, a join cannot."""
    return _POLICY.sub(lambda found: f"timestamp '{policy_row[found[1]]}'", text)


def decides(
    condition: Condition, bounds: Sequence[Mapping[str, Bounds]], policy_row: Mapping[str, object]
) -> str:
    """Return ``condition.where`` without the alternatives that the files' footers rule out.

    ``bounds``: of the files that are read. "false" if nothing is left.
    """
    left = [
        " and ".join(f"({term})" for term in terms) or "true"
        for terms in condition.terms
        if not any(all(_is_ruled_out(term, one, policy_row) for one in bounds) for term in terms)
    ]
    return literal(" or ".join(f"({one})" for one in left) or "false", policy_row)


def _is_ruled_out(term: str, bounds: Mapping[str, Bounds], policy_row: Mapping[str, object]) -> bool:
    found = _TERM.fullmatch(term)
    if found is None or found["column"] not in bounds:
        return False
    column = bounds[found["column"]]
    if found["null"]:
        return column.nulls == 0
    edge = column.least if found["sign"] == "<" else column.most
    than = Decimal(0) if found["than"] == "0" else policy_row[found["than"].removeprefix("p.")]
    if isinstance(edge, Decimal) and isinstance(than, Decimal):
        return edge >= than if found["sign"] == "<" else edge <= than
    if isinstance(edge, datetime) and isinstance(than, datetime):
        return edge >= than if found["sign"] == "<" else edge <= than
    return False


def branch(source: str, asked: Sequence[tuple[Condition, str]], policy_row: Mapping[str, object]) -> str:
    """Return every blocker that rows of ``source`` decide alone, from one pass over it.

    ``asked``: conditions with what decides. Each row meets each condition: DuckDB hands a block of rows on once
    per condition, without copying it, and only the rows that block go further.
    """
    cells = [
        f"{literal(_yielded([one for one, _ in asked], name, kind), policy_row)} as {name}"
        for name, kind in BLOCKER_COLUMNS[1:]
    ]
    if len(asked) == 1:
        ((condition, decision),) = asked
        return (
            f"select r.account_id, '{condition.code}'::{CODE} as code, {', '.join(cells)} "
            f"from ({source}) as r where {decision}"
        )
    rows = ", ".join(f"({n}::utinyint, '{one.code}'::{CODE})" for n, (one, _) in enumerate(asked))
    decision = " ".join(f"when {n} then {text}" for n, (_, text) in enumerate(asked))
    return (
        f"select r.account_id, v.code, {', '.join(cells)} from ({source}) as r "
        f"cross join (values {rows}) as v(n, code) where case v.n {decision} end"
    )


def _yielded(conditions: Sequence[Condition], name: str, kind: str) -> str:
    """Return what the conditions yield as a column: one expression if they agree, else a choice."""
    texts = [one.yields[name] for one in conditions]
    if set(texts) == {"NULL"}:
        return f"cast(null as {kind})"
    if len(set(texts)) == 1:
        return texts[0]
    return f"case v.n {' '.join(f'when {n} then {text}' for n, text in enumerate(texts))} end"

"""The subset of SQL: every rule bites, and every condition keeps to it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from closeout.conditions import lint
from closeout.conditions.catalog import Condition, catalog, data_faults
from closeout.facts.schema import RELATIONS

HEAD = """select b.account_id, b.wallet as subject, null as item, b.asset, b.available as amount,
null as clears_at """
GOOD = HEAD + "from balance as b where b.available > 0"

BITES = [
    ("division", HEAD + "from balance as b where b.available / b.locked > 0", "division"),
    ("average", HEAD + "from balance as b where avg(b.locked) > 0", "float"),
    ("round", HEAD + "from balance as b where round(b.locked) > 0", "rounding"),
    ("product", HEAD + "from balance as b where b.available * b.locked > 0", "product"),
    ("cast", HEAD + "from balance as b where cast(b.available as bigint) > 0", "casts"),
    (
        "cast of the account",
        GOOD.replace("b.account_id,", "cast(b.account_id as text) as account_id,"),
        "casts",
    ),
    ("like", HEAD + "from balance as b where b.wallet like 'f%'", "like"),
    ("upper", HEAD + "from balance as b where upper(b.wallet) = 'X'", "upper"),
    ("lower", HEAD + "from balance as b where lower(b.wallet) = 'x'", "lower"),
    ("length", HEAD + "from balance as b where length(b.wallet) = 0", "text only"),
    ("text compared by order", HEAD + "from balance as b where b.wallet < 'x'", "text is compared only"),
    (
        "two texts compared by order",
        HEAD + "from balance as b where b.wallet >= b.asset",
        "text is compared only",
    ),
    ("order by", GOOD + " order by b.account_id", "order"),
    ("limit", GOOD + " limit 1", "limit"),
    ("now", GOOD + " and now() > p.as_of", "time comes from"),
    ("current date", GOOD + " and current_date > p.as_of", "time comes from"),
    ("interval", HEAD + "from balance as b where b.available > 0 + interval '1 day'", "intervals"),
    ("decimal literal", GOOD.replace("> 0", "> 0.5"), "number 0.5"),
    ("other number", GOOD.replace("> 0", "> 7"), "number 7"),
    (
        "three additions",
        GOOD.replace("> 0", "+ b.locked + b.locked + b.locked > 0"),
        "more than two additions",
    ),
    ("CTE", "with x as (select 1 from loan) " + GOOD, "CTE"),
    ("union", GOOD + " union all " + GOOD, "one condition is one select"),
    ("two statements", GOOD + "; " + GOOD, "one condition is one select"),
    ("not a select", "delete from balance", "one condition is one select"),
    ("not SQL", "select from where", "cannot be parsed|one condition"),
    ("distinct", GOOD.replace("select", "select distinct", 1), "distinct"),
    (
        "columns out of order",
        GOOD.replace("b.asset, b.available as amount", "b.available as amount, b.asset"),
        "returns",
    ),
    (
        "a computed account",
        GOOD.replace("b.account_id,", "b.account_id + 0 as account_id,"),
        "first column",
    ),
    (
        "join without the account",
        GOOD.replace("where", "inner join loan as l on b.asset = l.asset where"),
        "join of loan",
    ),
    ("cross join of facts", GOOD.replace("where", "cross join loan as l where"), "join of loan"),
    (
        "policy joined otherwise",
        GOOD.replace("where", "inner join policy as p on b.asset is null where"),
        "policy",
    ),
    ("group without the account", HEAD + "from balance as b group by b.wallet", "group by"),
    (
        "window without the account",
        GOOD.replace("> 0", "> count(*) over (partition by b.wallet)"),
        "window",
    ),
    (
        "exists under or",
        GOOD + " or exists (select 1 from loan as l where l.account_id = b.account_id)",
        "top-level",
    ),
    (
        "exists without the account",
        GOOD + " and exists (select 1 from loan as l where l.asset = b.asset)",
        "tied",
    ),
    ("exists without where", GOOD + " and exists (select 1 from loan as l)", "tied"),
    ("in a select", GOOD + " and b.account_id not in (select l.account_id from loan as l)", "use exists"),
    ("unknown column", GOOD.replace("b.available >", "b.availible >"), "unknown column"),
    ("unknown relation", GOOD.replace("balance as b", "balances as b"), "unknown relation"),
    ("a schema of one's own", GOOD.replace("balance as b", "facts.balance as b"), "unknown relation"),
    ("double quotes", GOOD.replace("b.wallet", 'b."wallet"'), "double quotes"),
    ("backslash", GOOD + r" and b.wallet = 'a\n'", "escapes"),
    ("doubled quote", GOOD + " and b.wallet = 'it''s'", "escapes"),
    ("a column called at", GOOD.replace("b.available as amount", "b.available as at"), "called at"),
    ("parameter", GOOD.replace("> 0", "> $1"), "parameters"),
    ("another function", GOOD.replace("> 0", "> abs(b.locked)"), "not in the allowed subset"),
    ("concatenation", GOOD.replace("b.wallet as", "b.wallet || b.asset as"), "not in the allowed subset"),
]


@pytest.mark.parametrize(("sql", "problem"), [bite[1:] for bite in BITES], ids=[bite[0] for bite in BITES])
def test_rule_bites(sql: str, problem: str) -> None:
    found = lint.lint(sql)
    assert any(word in one for one in found for word in problem.split("|")), found


def test_a_plain_condition_passes() -> None:
    assert lint.lint(GOOD) == []


@pytest.mark.parametrize("condition", [*catalog(), *data_faults()], ids=lambda condition: condition.code)
def test_condition_keeps_to_the_subset(condition: Condition) -> None:
    assert lint.lint(condition.sql) == []


def test_what_conditions_read_is_current() -> None:
    """``reads.json`` is written by ``python -m closeout.conditions.lint``."""
    assert (files("closeout.conditions") / "reads.json").read_text(encoding="utf-8") == lint.derive()


def test_every_relation_has_a_condition() -> None:
    """Coverage is a test: what is a fact about an account can stand in the way of closing it."""
    assert set().union(*(condition.reads for condition in catalog())) == RELATIONS.keys()

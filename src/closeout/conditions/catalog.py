"""The catalogue: every condition read from its ``.sql`` file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

GROUPS = ("assets", "trading", "products", "links", "security", "people", "data")
LANGUAGES = ("en", "zh")
_FILE = re.compile(r"\A/\*\n(?P<header>.*?)\n\*/\n(?P<sql>.*)\Z", re.DOTALL)
_KEYS = frozenset(
    {
        "rows", "group", "met", "unmet", "many", "who", "remedy", "no_remedy", "reason", "legal_basis",
        "longest", "source", "faults",
    }
)  # fmt: skip


class Who(StrEnum):
    """Who can end a blocker."""

    HOLDER = "holder"  # with one button
    HOLDER_ELSEWHERE = "holder_elsewhere"
    SUPPORT = "support"
    OPERATOR = "operator"
    NOBODY = "nobody"  # passes by itself


class CatalogueError(ValueError):
    """A condition file cannot be read; the message names the file and the key."""


@dataclass(frozen=True)
class Lacks:
    """What a condition says that asks for rows without a row in another relation; rows are called ``r``."""

    relation: str  # the other one
    of: str  # which rows of the driving relation are asked about
    otherwise: str | None  # which rows of the other relation block too
    yields: Mapping[str, str] | None  # what such a row yields: column of the blocker → expression


@dataclass(frozen=True)
class Condition:
    """One condition as compliance reads it: texts in both languages and one select."""

    code: str  # name of the file without .sql
    rows: tuple[str, ...]  # requirement ids, for example R-CHK-11
    group: str  # assets, trading, products, links, security, people or data
    met: Mapping[str, str]  # by language: the goal, shown when it holds
    unmet: Mapping[str, str]  # by language: the fact, shown when it does not; {subject}, {amount}, {asset}
    who: Who
    remedy: str | None  # value of venues.base.Remedy
    no_remedy: Mapping[str, str] | None  # by language: why there is none
    reason: Mapping[str, str]  # by language: why the rule exists
    legal_basis: str | None
    longest: str | None  # longest duration, for example "90 days"
    source: str
    sql: str
    reads: Mapping[str, frozenset[str]]  # relation → columns, derived from the select
    faults: tuple[str, ...] = ()  # for a data fault: the relations that it makes unknown
    many: Mapping[str, str] | None = None  # by language: the fact when several block; {count}
    drives: str = ""  # the relation after FROM: without a row in it the condition cannot block
    where: str | None = None  # what decides, if one row of ``drives`` (as r) and policy (as p) decide alone
    implied: str = "true"  # what is true of a row of ``drives`` (as r) whenever it blocks
    terms: tuple[tuple[str, ...], ...] = ()  # ``where``, as alternatives of what must hold together
    yields: Mapping[str, str] = field(
        default_factory=dict
    )  # with ``where``: column of the blocker → expression
    lacks: Lacks | None = None


@cache
def catalog() -> tuple[Condition, ...]:
    """Return all conditions in the order in which a report lists them; read once per process.

    Data faults are not among them: see :func:`data_faults`. Raises: CatalogueError.
    """
    return _read(files(__package__))


@cache
def data_faults() -> tuple[Condition, ...]:
    """Return the data faults: what makes relations contradict themselves, and thereby *unknown* (R-CHK-17).

    Raises: CatalogueError.
    """
    return _read(files(__package__) / "faults")


@cache
def by_code() -> Mapping[str, Condition]:
    """Return every condition and every data fault by its code."""
    return {condition.code: condition for condition in (*catalog(), *data_faults())}


def _read(folder: Traversable) -> tuple[Condition, ...]:
    reads = json.loads((files(__package__) / "reads.json").read_text(encoding="utf-8"))
    found = [
        parse(path.name.removesuffix(".sql"), path.read_text(encoding="utf-8"), reads)
        for path in folder.iterdir()
        if path.name.endswith(".sql")
    ]
    return tuple(sorted(found, key=_place))


def _place(condition: Condition) -> tuple[int, int, str]:
    number = int(condition.rows[0].rpartition("-")[2])
    return GROUPS.index(condition.group), number, condition.code


def parse(code: str, text: str, reads: Mapping[str, Mapping[str, Any]]) -> Condition:
    """Read one condition file; ``reads`` is what the build derived from the selects (``reads.json``).

    Raises: CatalogueError naming the file and what is wrong.
    """
    found = _FILE.match(text)
    if found is None:
        raise CatalogueError(f"{code}.sql: must begin with a header between /* and */")
    try:
        header = tomllib.loads(found["header"])
    except tomllib.TOMLDecodeError as wrong:
        raise CatalogueError(f"{code}.sql: {wrong}") from wrong
    problems = _problems(header)
    if problems:
        raise CatalogueError(f"{code}.sql: {'; '.join(problems)}")
    derived: Mapping[str, Any] = reads.get(code, {"from": "", "reads": {}})
    return Condition(
        code=code, rows=tuple(header["rows"]), group=header["group"], met=header["met"],
        unmet=header["unmet"], who=Who(header["who"]), remedy=header.get("remedy"),
        no_remedy=header.get("no_remedy"), reason=header["reason"], legal_basis=header.get("legal_basis"),
        longest=header.get("longest"), source=header["source"], sql=found["sql"].strip(),
        reads={relation: frozenset(names) for relation, names in derived["reads"].items()},
        faults=tuple(header.get("faults", ())), many=header.get("many"), drives=str(derived["from"]),
        where=derived.get("where"), implied=str(derived.get("implied", "true")),
        terms=tuple(tuple(one) for one in derived.get("terms", ())), yields=derived.get("yields", {}),
        lacks=Lacks(**derived["lacks"]) if "lacks" in derived else None,
    )  # fmt: skip


def _problems(header: Mapping[str, object]) -> list[str]:
    problems = [f"unknown key {key!r}" for key in header if key not in _KEYS]
    needed = ("rows", "group", "met", "unmet", "who", "reason", "source")
    problems += [f"{key} is missing" for key in needed if key not in header]
    for key in ("met", "unmet", "many", "reason", "no_remedy"):
        texts = header.get(key)
        if texts is not None and (not isinstance(texts, dict) or set(texts) != set(LANGUAGES)):
            problems.append(f"{key} needs {' and '.join(LANGUAGES)}")
    if ("remedy" in header) == ("no_remedy" in header):
        problems.append("exactly one of remedy and no_remedy")
    if header.get("group") not in GROUPS:
        problems.append(f"group is one of {', '.join(GROUPS)}")
    if header.get("who") not in set(Who):
        problems.append(f"who is one of {', '.join(Who)}")
    return problems

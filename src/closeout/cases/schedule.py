"""The schedule of personal data: for every table, what it holds of a person and what ends it.

The texts lie in ``schedule.toml``. The statements there are the erasure: what runs at the end of the observation is
what runs after a restored backup.
"""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RULES = ("shred", "retain", "delete", "expire", "keep")


@dataclass(frozen=True)
class Table:
    """One table: its rule, its columns that hold personal data, those that only look so, why, and the erasure."""

    rule: str
    personal: tuple[str, ...]
    harmless: tuple[str, ...]
    why: str
    erase: str


@functools.cache
def tables() -> Mapping[str, Table]:
    """Return the schedule by ``schema.table``."""
    said = tomllib.loads(
        importlib.resources.files("closeout.cases").joinpath("schedule.toml").read_text(encoding="utf-8")
    )
    return {
        f"{schema}.{name}": Table(
            one["rule"], tuple(one.get("personal", ())), tuple(one.get("harmless", ())), one.get("why", ""),
            one.get("erase", "").replace(":subjects", "%(subjects)s"),
        )
        for schema, inner in said.items()
        for name, one in inner.items()
    }  # fmt: skip


def rule_of(place: str) -> str | None:
    """Return what ends ``schema.table.column``: its rule, ``harmless``, or none if the schedule does not know it."""
    name, _, column = place.rpartition(".")
    table = tables().get(name)
    if table is None:
        return None
    if column in table.harmless:
        return "harmless"
    return table.rule if column in table.personal or table.rule == "keep" else None


def erasures() -> Sequence[str]:
    """Return the statements that make this database forget the persons named by ``subjects``."""
    return [table.erase for table in tables().values() if table.erase]

"""What the oracle looks at, and how it remembers its rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any

from closeout.facts.schema import Relation
from closeout.policy import Policy

Found = tuple[Any, ...]  # account_id, code, subject, item, asset, amount, clears_at
Rule = Callable[["World"], Iterator[Found]]
RULES: dict[str, Rule] = {}


class World:
    """The facts, the policy and the moment that the rules look at."""

    def __init__(self, facts: Mapping[str, Sequence[Relation]], policy: Policy, now: datetime) -> None:
        self.facts = facts
        self.policy = policy
        self.now = now
        self._of: dict[str, dict[int, list[Any]]] = {}

    def all(self, relation: str) -> Sequence[Any]:
        """Return the rows of a relation."""
        return self.facts.get(relation, ())

    def of(self, relation: str, account_id: int) -> list[Any]:
        """Return the rows of a relation that belong to one account."""
        if relation not in self._of:
            found: dict[int, list[Any]] = {}
            for one in self.all(relation):
                found.setdefault(one.account_id, []).append(one)
            self._of[relation] = found
        return self._of[relation].get(account_id, [])


def rule(check: Rule) -> Rule:
    """Remember a rule by its name."""
    RULES[check.__name__] = check
    return check


def add(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Add exactly; nothing if either is missing."""
    if one is None or other is None:
        return None
    with localcontext(prec=80):  # the default rounds a sum to 28 digits
        return one + other

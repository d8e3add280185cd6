"""The generated people of the sandbox, for its sign-in page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from closeout.cases import venues


@dataclass(frozen=True)
class Person:
    """One generated person: the handle to sign in with, a name, and what stops them."""

    handle: str
    name: str
    about: str


def people(language: str) -> Sequence[Person]:
    """Return everybody who can be chosen, in the order of the seed."""
    return [Person(found.handle, found.name, found.about[language]) for found in venues.sandbox().people()]


def account_of(named: str) -> int | None:
    """Return the account of the person called ``named``, or with that account number; None if there is nobody."""
    known = {found.handle: found.account_id for found in venues.sandbox().people()}
    return known.get(named) or next((number for number in known.values() if str(number) == named), None)

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


def account_of(handle: str) -> int | None:
    """Return the account of ``handle``, or None if there is nobody of that name."""
    return next((found.account_id for found in venues.sandbox().people() if found.handle == handle), None)

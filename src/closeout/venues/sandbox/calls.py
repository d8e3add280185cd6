"""Counting: how often the venue was asked, and what that cost the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass
class Calls:
    """What a venue did since it was opened, or since the counts were set back.

    ``engine``, ``quote``, ``submit`` and ``receipts`` are round trips to the venue; ``facts`` are questions to an
    engine; ``transactions`` and ``statements`` are what submitting and quoting cost the database.
    """

    engine: int = 0
    facts: int = 0
    quote: int = 0
    submit: int = 0
    receipts: int = 0
    commands: int = 0
    transactions: int = 0
    statements: int = 0

    def reset(self) -> None:
        """Begin at zero."""
        self.__init__()  # type: ignore[misc]

    def cursor(self) -> type[psycopg.Cursor[Any]]:
        """Return a cursor class that counts its statements here."""
        calls = self

        class Counting(psycopg.Cursor[Any]):
            def execute(self, *arguments: Any, **named: Any) -> Any:
                calls.statements += 1
                return super().execute(*arguments, **named)

        return Counting

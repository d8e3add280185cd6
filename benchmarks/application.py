"""What one application costs the database: a holder goes from the risk list to "received" on the pages.

Counted are the transactions of the pages themselves, sessions included: those that write, and all (a question outside a
transaction is one of its own). What the worker does meanwhile is the engine's and is counted there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

WRITES = ("INSERT", "UPDATE", "DELETE")
MARKS = {"BEGIN": True, "COMMIT": False, "ROLLBACK": False}


@dataclass
class Cost:
    """Transactions by kind, and statements in all, marks of transactions left out."""

    writing: int = 0
    transactions: int = 0
    statements: int = 0

    def add(self, statements: Sequence[str]) -> None:
        """Count what was said on one connection, from a moment at which no transaction was open."""
        inside = wrote = False
        for said in statements:
            word = said.split(maxsplit=1)[0].upper().rstrip(";")
            if word in MARKS:
                inside = MARKS[word]
                if not inside:
                    self._end(wrote=wrote and word == "COMMIT")
                wrote = False
            elif word not in ("SAVEPOINT", "RELEASE"):
                self.statements += 1
                writes = (
                    any(f"{verb} " in said.upper() for verb in WRITES) and "FOR UPDATE" not in said.upper()
                )
                wrote = inside and (wrote or writes)
                if not inside:
                    self._end(wrote=writes)
        assert not inside

    def _end(self, *, wrote: bool) -> None:
        self.transactions += 1
        self.writing += wrote


@contextmanager
def counted(cost: Cost) -> Iterator[None]:
    """Add to ``cost`` what Django's connection says in the block."""
    from django.db import connection

    before, connection.force_debug_cursor = connection.force_debug_cursor, True
    connection.queries_log.clear()
    try:
        yield
        cost.add([str(query["sql"]) for query in connection.queries_log])
    finally:
        connection.force_debug_cursor = before
        connection.queries_log.clear()


def browser(account: int) -> Any:
    """Return a browser in which the holder of ``account`` is signed in."""
    from django.conf import settings
    from django.test import Client

    client = Client(headers={"accept-language": "en"}, SERVER_NAME="localhost")
    session = client.session
    session.update({"venue": "sandbox", "account": account, "masked": "***",
                    "signed_in_at": datetime.now(UTC).isoformat()})  # fmt: skip
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client


def apply(account: int) -> Cost:
    """Apply for the holder of ``account`` on the pages; return what it cost."""
    from closeout.cases import consent, queries, sandbox, venues, worker

    client, cost = browser(account), Cost()
    with counted(cost):
        assert client.get("/application").status_code == 200
    sandbox.pass_time(timedelta(seconds=60))  # it is read
    ticked = [point.code for point in consent.POINTS]
    with counted(cost):
        filled = {"points": ticked, "records": "declined", "phrase": "close my account"}
        answer = client.post("/application", filled)
        assert answer.headers.get("Location") == "/verification", answer.status_code
    worker.run_until_idle(now=venues.now())
    case = queries.open_case_of(account, venue=venues.SANDBOX)
    typed = received(case)
    with counted(cost):
        assert client.get("/verification").status_code == 200
        answer = client.post("/verification", typed)
        assert answer.headers.get("Location") == "/case?received=1", answer.content.decode()
    return cost


def received(case: Any) -> dict[str, str]:
    """Return the codes that were sent to the holder of ``case``, and what the authenticator shows."""
    from closeout.cases import messages, sandbox

    typed = {"code_totp": sandbox.authenticator(case.account_id)}
    for letter in messages.inbox(case):
        if letter["template"] == "code":
            words = [word for word in letter["body"].split() if word.isdigit() and len(word) == 8]
            typed[f"code_{letter['channel']}"] = words[0]
    return typed

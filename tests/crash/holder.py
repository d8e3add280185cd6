"""A holder and a worker in one process that knows nothing of an earlier one: it goes on from what is there."""

from __future__ import annotations

import email
import email.policy
import itertools
import os
import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from closeout import failpoints

WRITES = ("insert", "update", "delete", "with")
ROUNDS_MAX = 60


def aim(at: int, point: str = "") -> None:
    """Let this process be killed at the ``at``-th pass of any commit point or named point; 0 counts only.

    ``point``: only passes of that one count, as ``name:pass``.
    """
    failpoints._named, failpoints._nth = "*", str(at or 10**9)
    if point:
        failpoints._named, _, failpoints._nth = point.partition(":")
    failpoints._passes = itertools.count(1)


def passes() -> int:
    """Return how many points were passed since :func:`aim`."""
    return next(failpoints._passes) - 1


def watch_commits() -> None:
    """Make every commit of this process, of whatever room and database, a point at which it can be killed."""
    wrap(
        psycopg.Connection, "commit", lambda connection, *_: connection.info.transaction_status.name != "IDLE"
    )
    wrap(psycopg.Transaction, "__exit__", lambda transaction, *_: not transaction.savepoint_name)
    wrap(psycopg.Cursor, "execute", _writes_alone)


def _writes_alone(cursor: Any, query: object, *_: object) -> bool:
    if not cursor.connection.autocommit or cursor.connection.info.transaction_status.name != "IDLE":
        return False
    return isinstance(query, str) and query.strip().lower().startswith(WRITES)


def wrap(owner: Any, name: str, counts: Callable[..., bool]) -> None:
    """Pass a point before and after ``owner.name`` where ``counts`` says so."""
    genuine = getattr(owner, name)

    def watched(self: Any, *values: Any, **named: Any) -> Any:
        counted = counts(self, *values)
        if counted:
            failpoints.failpoint("commit.before")
        answer = genuine(self, *values, **named)
        if counted:
            failpoints.failpoint("commit.after")
        return answer

    setattr(owner, name, watched)


class Holder:
    """Does the next thing that is to be done for one account, until the case is over."""

    def __init__(self, account: int) -> None:
        self._account = account

    def go_on(self) -> None:
        """Bring the account from wherever it stands to the erased end. Raises: RuntimeError (stuck)."""
        from closeout.cases import queries, venues, worker
        from closeout.lifecycle import FINAL, State

        for _ in range(ROUNDS_MAX):
            worker.run_until_idle(now=venues.now())
            case = queries.case_of(self._account, venue=venues.SANDBOX)
            if case is None or case.state == State.APPLICATION:
                self._apply(case)
            elif case.state in FINAL:
                return
            elif case.due_at is not None:
                self._until(case.due_at + timedelta(seconds=1))
            else:
                self._until(venues.now() + timedelta(minutes=1))
        raise RuntimeError("the case is stuck")

    def _until(self, instant: datetime) -> None:
        """Move the clock to ``instant``, never back: a second process that wants the same changes nothing."""
        from closeout.cases import venues
        from closeout.venues.sandbox import world

        if instant > venues.now():
            with venues.sandbox().connection() as opened:
                world.set_clock(opened, instant.replace(tzinfo=None))

    def _apply(self, case: Any) -> None:
        from closeout.cases import applications, consent, venues

        if case is not None and case.action_digest:
            self._verify(case)
            return
        case = applications.begin(self._account, venue=venues.SANDBOX, language="en", now=venues.now())
        shown = applications.show_consent(case, language="en", now=venues.now())
        self._until(shown.shown_at + timedelta(seconds=5))
        points = [point.code for point in consent.POINTS]
        applications.accept(
            case, points, choice="declined", why="moving away", language="en", now=venues.now()
        )

    def _verify(self, case: Any) -> None:
        from closeout.cases import applications, codes, queries, sandbox, venues, verification, worker

        lacking = verification.missing(case, now=venues.now())
        if not lacking:
            applications.submit(case, now=venues.now())
            return
        live = queries.live_factors(case, now=venues.now())
        if unsent := [factor for factor in lacking if factor not in live]:
            self._until(venues.now() + timedelta(seconds=61))
            codes.send(case, *unsent, now=venues.now())
            worker.run_until_idle(now=venues.now())
        typed = {
            factor: sandbox.authenticator(self._account)
            if factor == "totp"
            else newest_code(sandbox.outbox(), factor)
            for factor in lacking
        }
        for why in codes.confirm_all(case, typed, now=venues.now()).values():
            raise why


def newest_code(outbox: Path, factor: str) -> str:
    """Read the newest code from the mailbox or the phone."""
    ending = {"email": "eml", "sms": "txt"}[factor]
    newest = max(outbox.glob(f"code-*.{ending}"), key=lambda path: path.stat().st_mtime_ns)
    text = newest.read_text(encoding="utf-8")
    if ending == "eml":
        body = email.message_from_string(text, policy=email.policy.default).get_body(("plain",))
        text = body.get_content() if body else ""
    found = re.search(r"(?<!\d)\d{8}(?!\d)", text)
    assert found is not None, text
    return found.group()


def live(account: int, *, at: int, light: bool, count: Path | None, point: str = "") -> None:
    """Be that process; called in a child that does nothing else.

    ``light``: archive and certificate are noted, not made. ``count``: where the number of points goes.
    """
    from closeout.cases import effects

    if light:
        note_documents()
    effects.LEASE = timedelta(0)  # the worker before is dead: nobody need wait for its lease
    watch_commits()
    aim(at, point)
    Holder(account).go_on()
    if count is not None:
        count.write_text(str(passes()), encoding="ascii")


def note_documents() -> None:
    """Note archive and certificate instead of making them: their own rooms test what is in them."""
    from tests.cases.noted import noted_archive, noted_certificate

    from closeout.cases import documents

    documents.build_archive = noted_archive
    documents.issue_certificate = noted_certificate


if __name__ == "__main__":
    sys.exit(f"started by tests.crash.closing only, not alone ({os.getpid()})")

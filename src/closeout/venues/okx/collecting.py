"""What one look at an account brings: rows, failures, and how complete each relation is. Shared by venues."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from closeout.facts.schema import RELATIONS, Account, Balance, Dispute, Hold, Identity, Relation, Source
from closeout.venues.okx import declared
from closeout.venues.okx.declared import QUESTIONS, Answer, Question
from closeout.venues.okx.errors import DISPUTES, HOLDS, Failure, Kind
from closeout.venues.okx.hidden import Residual
from closeout.venues.okx.links import Holder
from closeout.venues.okx.reading import Reading, translate
from closeout.venues.okx.seen import Seen


@dataclass(frozen=True)
class Looked:
    """What one look at the account brought: facts, how complete they are, and why not."""

    holder: Holder
    as_of: datetime
    facts: Mapping[str, Sequence[Relation]]
    sources: Mapping[str, Source]
    failures: Mapping[str, Failure]  # by name of the reading
    residuals: Sequence[Residual] = ()
    declared: Mapping[str, Answer] = field(default_factory=dict)
    questions: Sequence[Question] = QUESTIONS
    venue: str = "OKX"

    @property
    def account_ids(self) -> tuple[int, ...]:
        """Return the account and its sub-accounts, the account first."""
        accounts = self.facts.get("account", ())
        return tuple(dict.fromkeys([self.holder.account_id, *(row.account_id for row in accounts)]))


class Collected:
    """Rows and marks while they are gathered."""

    def __init__(self, venue: str = "okx", *, failure: type[Failure] = Failure) -> None:
        self._venue = venue
        self._failure = failure  # whose sentences name the venue
        self.rows: list[Relation] = []
        self.failures: dict[str, Failure] = {}
        self.good: set[str] = set()
        self.bad: set[str] = set()

    def take(self, one: Reading, answer: object, seen: Seen) -> None:
        """Translate one answer; its relations are good or bad accordingly."""
        assert isinstance(answer, list | Failure)
        rows = translate(one, answer, seen)
        if isinstance(rows, Failure):
            self.fail(one, rows, seen)
        else:
            self.rows.extend(rows)
            self.good.update(one.feeds)

    def fail(self, one: Reading, failed: Failure, seen: Seen) -> None:
        """Note a failed reading; some errors are facts themselves (a freeze, an abnormal P2P order)."""
        if not isinstance(failed, self._failure):
            failed = self._failure(failed.kind, failed.code, failed.detail)
        self.failures[one.name] = failed
        self.bad.update(one.feeds)
        number = f"{self._venue}-{failed.code}"
        if failed.code in HOLDS or (failed.kind is Kind.STATE and self._venue != "okx"):
            self.rows.append(
                Hold(
                    account_id=seen.account_id,
                    hold_id=number,
                    kind="compliance",
                    scope="closing",
                    placed_at=seen.as_of,
                    released_at=None,
                )
            )
        elif failed.code in DISPUTES:
            self.rows.append(
                Dispute(account_id=seen.account_id, dispute_id=number, kind="appeal", state="open")
            )


def tables(rows: Sequence[Relation], posted_at: datetime | None) -> dict[str, list[Relation]]:
    """Sort rows into relations, each key once; the account learns when it was posted last."""
    tables: dict[str, dict[tuple[object, ...], Relation]] = {name: {} for name in RELATIONS}
    names = {
        name: [spec.name for spec in dataclasses.fields(RELATIONS[name]) if spec.metadata["key"]]
        for name in RELATIONS
    }
    for row in rows:
        if isinstance(row, Account) and row.parent_id is None:
            row = dataclasses.replace(row, posted_at=posted_at)  # noqa: PLW2901
        key = tuple(getattr(row, name) for name in names[row.name])
        known = tables[row.name].get(key)
        if isinstance(known, Balance) and isinstance(row, Balance):
            row = dataclasses.replace(  # noqa: PLW2901
                known, available=known.available + row.available, locked=known.locked + row.locked
            )
        elif known is not None and not (isinstance(known, Identity) and known.state == "verified"):
            continue
        tables[row.name][key] = row
    return {name: list(table.values()) for name, table in tables.items()}


def sources(
    collected: Collected,
    residuals: Sequence[Residual],
    kept: Mapping[str, Answer],
    now: datetime,
    *,
    questions: Sequence[Question] = QUESTIONS,
) -> dict[str, Source]:
    """Judge each relation: complete, partial (something is known to be missing) or failed (nothing was read).

    A relation about which a question is open and that no reading feeds is left out: it was not fetched.
    """
    unanswered = declared.missing(kept, questions=questions)
    doubted = {residual.relation for residual in residuals if residual.leaves_open}
    fed = collected.good | collected.bad
    sources = {}
    for name in RELATIONS:
        if name in collected.bad:
            state = "partial" if name in collected.good else "failed"
        elif name in unanswered:
            if name not in declared.API_TOO or name not in fed:
                continue
            state = "partial"
        elif name in doubted:
            state = "partial"
        else:
            state = "complete"
        sources[name] = Source(name, state, now)
    return sources

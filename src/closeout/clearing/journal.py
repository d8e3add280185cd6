"""What a clearing writes down before and after it acts, so that whoever comes next can go on."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from closeout.clearing.confirmed import Confirmed
from closeout.clearing.lines import Line
from closeout.venues.base import Receipt, ReceiptState


class RunState(StrEnum):
    """How a clearing stands."""

    WORKING = "working"
    WAITING = "waiting"  # time or a limit of the venue; goes on by itself
    ASKING = "asking"  # something is not covered by the confirmation
    STOPPED = "stopped"  # the venue refused something; the rest is done
    REST = "rest"  # over: only work of people and what was left out remains
    CLEARED = "cleared"  # over: nothing is left
    REPLACED = "replaced"  # over: the holder confirmed another dry run


OVER = frozenset({RunState.REST, RunState.CLEARED, RunState.REPLACED})


@dataclass(frozen=True)
class Run:
    """One clearing of one account; at most one of an account is not over."""

    run_id: str
    account_id: int
    confirmed: Confirmed
    state: RunState
    wakes_at: datetime | None = None
    rested_round: int = 0  # rounds up to here came before the last rest: going on after it tries anew


@dataclass(frozen=True)
class Entry:
    """One command of a run: written before it is sent, completed by the receipt."""

    key: str
    round: int
    line: Line
    receipt: Receipt | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One step that a page or a terminal shows; ``id`` grows, so that a stream can be resumed after it."""

    id: int = 0
    at: datetime
    kind: str  # started, resumed, round, queued, done, pending, rejected, unknown, asked, or a RunState
    stage: str | None = None
    command: str | None = None  # id of the line
    account_id: int | None = None
    things: tuple[str, ...] = ()
    asset: str | None = None
    amount: Decimal | None = None
    reason: str | None = None
    round: int = 0
    done: int = 0
    total: int = 0


class RunOver(Exception):
    """The run was ended by somebody else; nothing more may be sent for it."""


class Journal(Protocol):
    """Where runs are kept. Each method is one transaction: all of it is written, or nothing."""

    def show(self, confirmed: Confirmed) -> None:
        """Remember what was shown, under its digest; again is once."""

    def shown(self, digest: str) -> Confirmed | None:
        """Return what was shown under ``digest``."""

    def unfinished(self, account_id: int) -> Run | None:
        """Return the run of the account that is not over, if there is one."""

    def open(self, confirmed: Confirmed) -> Run:
        """Open a run, or return the account's run that is not over."""

    def claim(self, run_id: str, *, worker: str) -> Run | None:
        """Take or renew the lease and return the run at work; None while another worker's has not ended.

        A run that was at rest forgets what its earlier rounds taught (``rested_round``). A lease saves double
        work; it is not what keeps money safe: rounds and keys are.
        """

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return every command of the run in the order in which it was written down."""

    def intend(
        self, run_id: str, round_: int, lines: Sequence[Line], events: Sequence[Event]
    ) -> tuple[Sequence[Entry], Sequence[Event]]:
        """Write down what a round is about to send, before anything of it is sent.

        A round is decided once: if another worker wrote it first, its entries are returned and ``lines``
        are dropped. Raises: RunOver.
        """

    def record(
        self, run_id: str, receipts: Mapping[str, Receipt], events: Sequence[Event]
    ) -> Sequence[Event]:
        """Write down receipts by key; a receipt that is there already stays as it is."""

    def rest(self, run_id: str, state: RunState, event: Event, *, wakes_at: datetime | None = None) -> Event:
        """Set how the run stands, release the lease and write the event."""

    def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
        """Return the events whose id is greater than ``after``, in order."""


def key_of(run_id: str, round_: int, line: Line) -> str:
    """Return the idempotency key of a command: the same for the same run, round and command.

    32 hex digits, the longest client id that OKX takes.
    """
    said = f"closeout.clearing/1:{run_id}:{round_}:{line.command.digest()}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def new_run_id() -> str:
    """Return a name that no run of any journal ever had: a venue's memory for keys outlives a journal."""
    return secrets.token_hex(10)


@dataclass
class _Kept:
    run: Run
    entries: list[Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    worker: str | None = None


class MemoryJournal:
    """A journal that lives as long as the process: for tests and for venues without a database."""

    def __init__(self) -> None:
        self._runs: dict[str, _Kept] = {}
        self._shown: dict[str, Confirmed] = {}
        self._last_event = 0

    def show(self, confirmed: Confirmed) -> None:
        """Remember what was shown."""
        self._shown.setdefault(confirmed.digest, confirmed)

    def shown(self, digest: str) -> Confirmed | None:
        """Return what was shown under ``digest``."""
        return self._shown.get(digest)

    def unfinished(self, account_id: int) -> Run | None:
        """Return the account's run that is not over."""
        runs = (kept.run for kept in self._runs.values())
        return next((run for run in runs if run.account_id == account_id and run.state not in OVER), None)

    def open(self, confirmed: Confirmed) -> Run:
        """Open a run, or return the account's run that is not over."""
        run = self.unfinished(confirmed.account_id)
        if run is None:
            run_id = new_run_id()
            run = Run(run_id, confirmed.account_id, confirmed, RunState.WORKING)
            self._runs[run_id] = _Kept(run)
        return run

    def claim(self, run_id: str, *, worker: str) -> Run | None:
        """Take the lease unless another worker has it."""
        kept = self._runs[run_id]
        if kept.worker not in (None, worker) or kept.run.state in OVER:
            return None
        kept.worker = worker
        if kept.run.state is not RunState.WORKING:
            rounds = max((entry.round for entry in kept.entries), default=0)
            kept.run = dataclasses.replace(kept.run, state=RunState.WORKING, rested_round=rounds)
        return kept.run

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return every command of the run."""
        return tuple(self._runs[run_id].entries)

    def intend(
        self, run_id: str, round_: int, lines: Sequence[Line], events: Sequence[Event]
    ) -> tuple[Sequence[Entry], Sequence[Event]]:
        """Write down a round unless it is there already."""
        kept = self._runs[run_id]
        if kept.run.state in OVER:
            raise RunOver(run_id)
        standing = [entry for entry in kept.entries if entry.round == round_]
        if standing:
            return standing, ()
        entries = [Entry(key_of(run_id, round_, line), round_, line) for line in lines]
        kept.entries.extend(entries)
        return entries, self._keep(kept, events)

    def record(
        self, run_id: str, receipts: Mapping[str, Receipt], events: Sequence[Event]
    ) -> Sequence[Event]:
        """Complete entries by their receipts."""
        kept = self._runs[run_id]
        kept.entries = [
            dataclasses.replace(entry, receipt=entry.receipt or receipts.get(entry.key))
            for entry in kept.entries
        ]
        return self._keep(kept, events)

    def rest(self, run_id: str, state: RunState, event: Event, *, wakes_at: datetime | None = None) -> Event:
        """Set how the run stands."""
        kept = self._runs[run_id]
        if kept.run.state not in OVER:
            kept.run = dataclasses.replace(kept.run, state=state, wakes_at=wakes_at)
        kept.worker = None
        return self._keep(kept, (event,))[0]

    def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
        """Return the events after ``after``."""
        return tuple(event for event in self._runs[run_id].events if event.id > after)

    def _keep(self, kept: _Kept, events: Sequence[Event]) -> Sequence[Event]:
        numbered = []
        for event in events:
            self._last_event += 1
            numbered.append(dataclasses.replace(event, id=self._last_event))
        kept.events.extend(numbered)
        return numbered


def refused(receipt: Receipt | None) -> str | None:
    """Return the reason of a rejection, or None."""
    if receipt is None or receipt.state is not ReceiptState.REJECTED:
        return None
    return receipt.reason or "rejected"

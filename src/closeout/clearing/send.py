"""Send commands exactly once: written down first, looked up when the answer is lost, then sent again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from closeout.clearing.journal import Entry, Event, Journal, Run, RunState, refused
from closeout.clearing.lines import Line
from closeout.failpoints import failpoint
from closeout.venues.base import Command, Receipt, Stepwise, Unreachable, Venue

BATCH_MAX = 50  # commands in one call; a lost answer costs one look-up for all of them
SENDS_MAX = 5  # of one command within one call; afterwards the venue counts as down


class Sender:
    """Sends for one run and turns what happens into events."""

    def __init__(self, venue: Venue, journal: Journal, run: Run) -> None:
        self.venue, self.journal, self.run = venue, journal, run
        self.done, self.total = 0, len(run.confirmed.terms)
        self.at = venue.now()  # of the last look: events are written at the time of what they tell

    def count(self, entries: Sequence[Entry]) -> None:
        """Count on from ``entries``, so that progress goes on where it stopped."""
        self.done = sum(entry.receipt is not None for entry in entries)
        self.total = max(self.total, len(entries))

    def say(self, kind: str, line: Line | None = None, *, reason: str | None = None) -> Event:
        """Write one event and return it with its id."""
        return self.journal.record(self.run.run_id, {}, [self.event(kind, line, reason=reason)])[0]

    def rest(self, state: RunState, *, reason: str | None = None, wakes_at: datetime | None = None) -> Event:
        """Bring the run to rest."""
        failpoint("clearing.before_rest")
        said = self.event(state, reason=reason)
        event = self.journal.rest(self.run.run_id, state, said, wakes_at=wakes_at)
        failpoint("clearing.rested")
        return event

    def round(self, number: int, lines: Sequence[Line], *, first: Sequence[Event] = ()) -> Iterator[Event]:
        """Write the round down, ``first`` before it, then send it. Raises: Unreachable, RunOver."""
        failpoint("clearing.claimed")
        self.total = max(self.total, self.done + len(lines))
        said = [*first, self.event("round", round_=number)]
        said += [self.event("queued", line, round_=number) for line in lines]
        entries, events = self.journal.intend(self.run.run_id, number, lines, said)
        failpoint("clearing.intent_committed")
        yield from events
        yield from self.send([entry for entry in entries if entry.receipt is None])

    def send(self, entries: Sequence[Entry]) -> Iterator[Event]:
        """Send entries that are written down, in the order of their stages. Raises: Unreachable."""
        for first in range(0, len(entries), BATCH_MAX):
            yield from self._batch(entries[first : first + BATCH_MAX])

    def _batch(self, batch: Sequence[Entry]) -> Iterator[Event]:
        left = list(batch)
        for attempt in range(SENDS_MAX):
            try:
                if attempt:
                    found = self.venue.receipts([entry.key for entry in left])
                    yield from self.record(left, found)
                    left = [entry for entry in left if entry.key not in found]
                    if not left:
                        return
                failpoint("clearing.before_call")
                for answers in self._answers([(entry.key, entry.line.command) for entry in left]):
                    failpoint("clearing.after_call")
                    by_key = {receipt.key: receipt for receipt in answers}
                    yield from self.record(left, by_key)
                    left = [entry for entry in left if entry.key not in by_key]
                if not left:
                    return
            except Unreachable:
                if attempt + 1 == SENDS_MAX:
                    raise
                yield from self.journal.record(
                    self.run.run_id, {}, [self.event("unknown", entry.line) for entry in left]
                )
        raise Unreachable(f"no complete answer after {SENDS_MAX} tries")

    def _answers(self, commands: Sequence[tuple[str, Command]]) -> Iterator[Sequence[Receipt]]:
        """Yield receipts as they come: a few at a time where the venue can, otherwise all at once."""
        if isinstance(self.venue, Stepwise):
            yield from self.venue.steps(commands)
        else:
            yield self.venue.submit(commands)

    def record(self, entries: Sequence[Entry], receipts: Mapping[str, Receipt]) -> Iterator[Event]:
        """Write down the receipts of ``entries`` and yield one event for each."""
        answered = [entry for entry in entries if entry.key in receipts]
        if not answered:
            return
        events = []
        for entry in answered:
            self.done += 1
            receipt = receipts[entry.key]
            self.at = receipt.at
            events.append(self.event(receipt.state, entry.line, reason=refused(receipt), round_=entry.round))
        failpoint("clearing.before_record")
        yield from self.journal.record(
            self.run.run_id, {entry.key: receipts[entry.key] for entry in answered}, events
        )
        failpoint("clearing.committed")

    def event(
        self, kind: str, line: Line | None = None, *, reason: str | None = None, round_: int = 0
    ) -> Event:
        """Return an event that is not written yet."""
        if line is None:
            return Event(at=self.at, kind=kind, reason=reason, round=round_, done=self.done, total=self.total)
        command = line.command
        return Event(
            at=self.at, kind=kind, stage=line.stage, command=line.id, account_id=command.account_id,
            things=line.things, asset=command.asset or line.about_asset, amount=command.amount or line.about,
            reason=reason, round=round_, done=self.done, total=max(self.total, self.done),
        )  # fmt: skip


def settled(sender: Sender, entries: Sequence[Entry]) -> Iterator[Event]:
    """Bring every command that was written down to a known end: look its key up, and only then send it.

    Raises: Unreachable.
    """
    sender.count(entries)
    open_ = [entry for entry in entries if entry.receipt is None]
    if not open_:
        return
    found = sender.venue.receipts([entry.key for entry in open_])
    yield from sender.record(open_, found)
    yield from sender.send([entry for entry in open_ if entry.key not in found])

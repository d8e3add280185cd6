"""Bugs planted on purpose: the crash matrix must see each of them, or its zeros say nothing."""

from __future__ import annotations

import dataclasses
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from tests.clearing import crash, people, sandbox_people
from tests.clearing.doing import clear, show

from closeout.cases import clearing_journal
from closeout.cases.clearing_journal import DatabaseJournal
from closeout.clearing import run, send
from closeout.clearing.journal import Entry, Event, MemoryJournal
from closeout.clearing.lines import Line
from closeout.clearing.send import Sender
from closeout.venues.base import Receipt, ReceiptState
from closeout.venues.paper import Fault
from closeout.venues.sandbox.venue import SandboxVenue

Plant = Callable[[pytest.MonkeyPatch], None]


def _once_more(sender: Sender, entries: Sequence[Entry]) -> Iterator[Event]:
    """Send what has no answer again, under another key, without looking it up."""
    sender.count(entries)
    for entry in [entry for entry in entries if entry.receipt is None]:
        (answer,) = sender.venue.submit([(secrets.token_hex(16), entry.line.command)])
        yield from sender.record([entry], {entry.key: dataclasses.replace(answer, key=entry.key)})


def no_look_up(patch: pytest.MonkeyPatch) -> None:
    """Forget to look a key up after an unknown outcome, and send anew."""
    patch.setattr(run, "settled", _once_more)


def done_before_sent(patch: pytest.MonkeyPatch) -> None:
    """Mark commands as done before they are sent."""
    real = Sender._batch

    def batch(self: Sender, entries: Sequence[Entry]) -> Iterator[Event]:
        claimed = {entry.key: Receipt(entry.key, ReceiptState.DONE, self.venue.now()) for entry in entries}
        list(self.record(entries, claimed))
        yield from real(self, entries)

    patch.setattr(Sender, "_batch", batch)
    patch.setattr(Sender, "record", _silent_after_first(Sender.record))


def _silent_after_first(real: Callable[..., Iterator[Event]]) -> Callable[..., Iterator[Event]]:
    def record(self: Sender, entries: Sequence[Entry], receipts: Mapping[str, Receipt]) -> Iterator[Event]:
        known = self.__dict__.setdefault("told", set())
        fresh = [entry for entry in entries if entry.key not in known]
        known |= {entry.key for entry in fresh if entry.key in receipts}
        return real(self, fresh, receipts)

    return record


def sent_before_written(patch: pytest.MonkeyPatch) -> None:
    """Send first and write the commands down afterwards."""

    def round_(
        self: Sender, number: int, lines: Sequence[Line], *, first: Sequence[Event] = ()
    ) -> Iterator[Event]:
        keys = [(clearing_journal.key_of(self.run.run_id, number, line), line.command) for line in lines]
        answers = {answer.key: answer for answer in self.venue.submit(keys)}
        send.failpoint("clearing.after_call")
        entries, _ = self.journal.intend(self.run.run_id, number, lines, first)
        yield from self.record(entries, answers)

    patch.setattr(Sender, "round", round_)


def told_apart(patch: pytest.MonkeyPatch) -> None:
    """Write receipts and what is told about them in two transactions."""
    real = DatabaseJournal.record

    def record(
        self: DatabaseJournal, run_id: str, receipts: Mapping[str, Receipt], events: Sequence[Event]
    ) -> Sequence[Event]:
        if receipts:
            real(self, run_id, receipts, ())
            send.failpoint("planted")
        return real(self, run_id, {}, events)

    patch.setattr(DatabaseJournal, "record", record)


@pytest.mark.parametrize(
    ("plant", "point", "differing"),
    [
        (no_look_up, "clearing.after_call", {"done", "unwritten"}),
        (done_before_sent, "clearing.before_call", {"invented"}),
        (sent_before_written, "clearing.after_call", {"unwritten"}),
        (told_apart, "planted", {"told"}),
    ],
)
def test_the_crash_matrix_sees_a_planted_bug(  # noqa: PLR0917 - fixtures come by name
    clone_with_cases: Callable[[], AbstractContextManager[str]],
    copy_of: Callable[[str], AbstractContextManager[str]],
    monkeypatch: pytest.MonkeyPatch,
    plant: Plant,
    point: str,
    differing: set[str],
) -> None:
    """R-CLR-4: without a crash the bug shows nothing; with one, the end differs."""
    with clone_with_cases() as url:
        with SandboxVenue(url) as venue:
            account_id = sandbox_people.open_account(venue, sandbox_people.furnish)
        plant(monkeypatch)
        with copy_of(url) as target:
            assert crash.in_a_process(lambda: crash.clear_to_the_end(target, account_id)) == 0
            expected = crash.state_of(target, told=True)
        with copy_of(url) as target:
            assert os.WTERMSIG(crash.in_a_process(lambda: crash.die_at(target, account_id, point))) == 9
            assert crash.in_a_process(lambda: crash.clear_to_the_end(target, account_id)) == 0
            end = crash.state_of(target, told=True)
    assert all(expected[name] == [] for name in ("sums", "unanswered"))
    assert {name for name in end if end[name] != expected[name]} == differing


def test_a_retry_under_a_new_key_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """R-CLR-4: a retry without the idempotency key does a command twice, and the counts of effects tell."""
    real = send.Sender._batch

    def batch(self: Sender, entries: Sequence[Entry]) -> Iterator[Event]:
        submit, tries = self.venue.submit, []

        def renamed(commands: Sequence[tuple[str, Any]]) -> Sequence[Receipt]:
            tries.append(1)
            if len(tries) == 1:
                return submit(commands)
            answers = submit([(secrets.token_hex(16), command) for _, command in commands])
            return [
                dataclasses.replace(said, key=key) for said, (key, _) in zip(answers, commands, strict=True)
            ]

        monkeypatch.setattr(self.venue, "submit", renamed)
        monkeypatch.setattr(self.venue, "receipts", lambda _: {})
        yield from real(self, entries)
        monkeypatch.setattr(self.venue, "submit", submit)

    def effects(*, planted: bool) -> list[Any]:
        venue, journal, calls = people.messy(), MemoryJournal(), []
        shown = show(venue, journal)

        def faults(call: str) -> Fault | None:
            calls.append(call)
            return Fault.AFTER if call == "submit" and calls.count("submit") == 1 else None

        venue.faults = faults
        with monkeypatch.context() as patch:
            if planted:
                patch.setattr(Sender, "_batch", batch)
            clear(venue, journal, shown)
        return sorted(repr(command) for _, command in venue.effects)

    right, wrong = effects(planted=False), effects(planted=True)
    assert wrong != right

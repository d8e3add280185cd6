"""Planted bugs: each is a closing that is wrong in one place; the crash schedules must find every one.

``python -m tests.crash.mutants`` prints after how many schedules each was found, at most 200. The first schedule of
each is undisturbed; the next are killed at points drawn from the seed. What is compared is what the crash matrix
compares, and that every letter that counts as sent was really written.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

SCHEDULES_MAX = 200


def _text(module: Any, name: str, before: str, after: str) -> None:
    """Replace part of a statement of the product."""
    text = getattr(module, name)
    assert before in text, (name, before)
    setattr(module, name, text.replace(before, after))


def fresh_key() -> None:
    """Every attempt sends another key."""
    from closeout.cases import effects

    effects.Claimed.key = property(lambda self: f"closeout-effect-{self.id}-{self.attempts}")


def done_when_claimed() -> None:
    """An effect counts as done as soon as somebody takes it."""
    from closeout.cases import effects

    _text(effects, "CLAIM", "state = 'running'", "state = 'done'")


def leases_never_end() -> None:
    """Nobody takes over what a dead worker held."""
    from closeout.cases import effects, worker

    effects.requeue = worker.effects.requeue = lambda: 0


def dead_means_done() -> None:
    """What a dead worker held counts as done."""
    from closeout.cases import effects

    _text(effects, "REQUEUE", "set state = 'ready'", "set state = 'done'")


def dead_means_failed() -> None:
    """What a dead worker held is given up."""
    from closeout.cases import effects

    _text(effects, "REQUEUE", "set state = 'ready'", "set state = 'failed'")


def answer_without_step() -> None:
    """The venue's answer moves no case."""
    from closeout.cases import effects

    effects.advance = lambda *_, **__: []


def effect_never_completed() -> None:
    """An effect that is done stays open, and is done again."""
    from closeout.cases import effects

    _text(effects, "COMPLETE", "set state = s.state", "set state = 'ready'")


def follow_up_forgotten() -> None:
    """What comes after an effect is not asked for."""
    from closeout.cases import effects

    genuine = effects.Outcome.__init__

    def without(self: Any, *values: Any, **named: Any) -> None:
        named.pop("follow", None)
        genuine(self, *values, **named)

    effects.Outcome.__init__ = without


def _after_commit(module: Any, name: str) -> None:
    from django.db import transaction

    genuine = getattr(module, name)

    def later(*values: Any, **named: Any) -> None:
        transaction.on_commit(lambda: genuine(*values, **named))

    setattr(module, name, later)


def effects_after_commit() -> None:
    """What a step asks for is written when the step is committed, not with it."""
    from django.db import transaction

    from closeout.cases import journal

    genuine = journal.record
    journal._effects = lambda *_, **__: []

    def record(steps: Any, *, actor: str, now: Any) -> None:
        genuine(steps, actor=actor, now=now)
        rows = [
            (step.case.pk, effect, journal._data(step, effect, now=now), now)
            for step in steps
            for effect in step.effects
        ]
        transaction.on_commit(lambda: journal.enqueue(rows))

    journal.record = record


def audit_after_commit() -> None:
    """The audit entry is written when the step is committed, not with it."""
    from closeout.cases import audit

    _after_commit(audit, "append")


def audit_twice() -> None:
    """Every entry of the audit log is written twice."""
    from closeout.cases import audit

    genuine = audit.append
    audit.append = lambda lines, *, now: genuine([*lines, *lines], now=now)


def audit_forgotten() -> None:
    """Steps leave nothing in the audit log."""
    from closeout.cases import audit, journal

    journal.audit.append = audit.append = lambda _lines, *, now: None  # noqa: ARG005


def no_history() -> None:
    """A step leaves no line of history."""
    from closeout.cases import journal

    told = "from moved as m join step as s on s.place = m.place"
    _text(journal, "RECORD", told, f"{told} where false")


def date_forgotten() -> None:
    """A step does not write the next date."""
    from closeout.cases import journal

    _text(journal, "RECORD", "due_at = s.due_at", "due_at = c.due_at")


def state_forgotten() -> None:
    """A step writes history and effects, but not the state."""
    from closeout.cases import journal

    _text(journal, "RECORD", "set\n        state = s.state", "set\n        state = c.state")


def letter_key_by_attempt() -> None:
    """A letter that is written again gets another key."""
    from closeout.cases import messages

    genuine = messages.keep

    def keep(*values: Any, key: str, **named: Any) -> Any:
        return genuine(*values, key=f"{key}-{random.random()}", **named)

    messages.keep = keep


def sent_before_it_is_sent() -> None:
    """A letter counts as sent before it has left."""
    from closeout import failpoints
    from closeout.cases import messages
    from closeout.cases.models import Message

    genuine = messages.dispatch

    def dispatch(case: Any, message: Any, *, now: Any) -> Any:
        if message.sent_at is not None:
            return genuine(case, message, now=now)
        Message.objects.filter(pk=message.pk).update(sent_at=now)
        failpoints.failpoint("mutant.sent")
        return genuine(case, message, now=now)

    messages.dispatch = dispatch


def freeze_forgotten() -> None:
    """A submitted application does not freeze the account."""
    _effects_without("venue.freeze")


def certificate_forgotten() -> None:
    """A closing issues no certificate."""
    _effects_without("certificate.issue")


def letters_forgotten() -> None:
    """Steps are told to nobody."""
    _effects_without("message.send")


def _effects_without(kind: str) -> None:
    from closeout.cases import journal

    enqueue, of_step = journal.enqueue, journal._effects
    journal.enqueue = lambda rows, **named: enqueue([row for row in rows if row[1].value != kind], **named)
    journal._effects = lambda *values, **named: [
        row for row in of_step(*values, **named) if row["kind"] != kind
    ]


def closed_without_archive() -> None:
    """The venue closes before the archive is sealed."""
    from closeout.cases import ordered
    from closeout.lifecycle import Effect

    swap = {Effect.ARCHIVE: Effect.CLOSE}
    operations_effects = ordered.effects_of
    ordered.effects_of = lambda case, event, effects: operations_effects(
        case, event, tuple(swap.get(one, one) for one in effects)
    )


def keys_kept() -> None:
    """The keys survive the erasure."""
    from closeout.records.vault import Destroyed, Vault

    def kept(self: Any, subjects: Any, cls: str, at: Any) -> list[Destroyed]:
        del self
        return [Destroyed(1, subject, cls, 1, at, "0" * 64) for subject in subjects]

    Vault.destroy_all = kept


def erased_twice_asked() -> None:
    """The end of observation asks the venue twice."""
    from closeout.cases import journal

    genuine = journal._effects

    def twice(*values: Any, **named: Any) -> list[dict[str, Any]]:
        rows = genuine(*values, **named)
        return [*rows, *(row for row in rows if row["kind"] == "venue.erase")]

    journal._effects = twice


def closes_without_asking_the_venue() -> None:
    """A case counts as closed although the venue was never told."""
    from closeout.cases import closing
    from closeout.cases.effects import Outcome
    from closeout.lifecycle import Effect, Event

    def pretend(batch: Any, now: Any) -> Any:
        del now
        return [Outcome(effect, receipt={}, event=Event.CONFIRM_CLOSED) for effect in batch]

    closing.HANDLERS[Effect.CLOSE.value] = pretend
    _handlers()[Effect.CLOSE.value] = pretend


def _handlers() -> dict[str, Any]:
    from closeout.cases import worker

    handlers: dict[str, Any] = worker.HANDLERS
    return handlers


def submitted_twice() -> None:
    """A step counts as two."""
    from closeout.cases import journal

    _text(journal, "RECORD", "revision = c.revision + 1", "revision = c.revision + 2")


MUTANTS: Mapping[str, Callable[[], None]] = {
    plant.__name__: plant
    for plant in (
        fresh_key, done_when_claimed, leases_never_end, dead_means_done, dead_means_failed, answer_without_step,
        effect_never_completed, follow_up_forgotten, effects_after_commit, audit_after_commit, audit_twice,
        audit_forgotten, no_history, date_forgotten, state_forgotten, letter_key_by_attempt, sent_before_it_is_sent,
        freeze_forgotten, certificate_forgotten, letters_forgotten, closed_without_archive, keys_kept,
        erased_twice_asked, closes_without_asking_the_venue, submitted_twice,
    )
}  # fmt: skip


def plant_each() -> list[str]:
    """Plant every bug in a process of its own; return those for which the product has no such place any more."""
    from tests.crash.closing import FORK

    lost = []
    for name, plant in MUTANTS.items():
        child = FORK.Process(target=plant)
        child.start()
        child.join()
        if child.exitcode:
            lost.append(name)
    return lost


def hunt(bench: Any, name: str, wanted: dict[str, Any], points: int, *, seed: int, most: int) -> int:
    """Return after how many schedules the mutant was found; 0 if it never was."""
    from tests.crash.closing import Tally, judge

    chance = random.Random(f"{seed}-{name}")
    for number in range(1, most + 1):
        copy, folder = bench.schedule()
        if number > 1:
            bench.run(copy, folder, at=chance.randint(1, points), mutant=name)
        code = bench.run(copy, folder, mutant=name)
        tally = Tally()
        if code == 0:
            judge(tally, str(number), bench.standing(copy), wanted)
        lost = bench.letters_lost(copy, folder)
        bench.drop(copy)
        if code != 0 or not tally.equal or lost:
            return number
    return 0


def main() -> int:
    """Print after how many schedules each planted bug was found; exit 1 if one was not."""
    from tests.crash import closing, process

    wanted_by = argparse.ArgumentParser(description=__doc__)
    wanted_by.add_argument("--most", type=int, default=SCHEDULES_MAX)
    wanted_by.add_argument("--seed", type=int, default=1)
    wanted_by.add_argument("--plant", action="store_true", help="only see whether each bug can be planted")
    wanted_by.add_argument("--only", action="append", choices=sorted(MUTANTS), default=[])
    asked = wanted_by.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    process.prepare()
    if asked.plant:
        lost = plant_each()
        closing.say(f"{len(MUTANTS) - len(lost)} of {len(MUTANTS)} bugs can be planted")
        return 1 if lost else 0
    missed = []
    with closing.bench_on(durable=False, light=True) as (bench, _):
        wanted, points = closing.undisturbed(bench)
        for name in asked.only or MUTANTS:
            found = hunt(bench, name, wanted, points, seed=asked.seed, most=asked.most)
            closing.say(f"{name:34} {f'found by schedule {found}' if found else 'NOT FOUND'}")
            missed += [] if found else [name]
    closing.say(
        f"{len(asked.only or MUTANTS) - len(missed)} of {len(asked.only or MUTANTS)} planted bugs found"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

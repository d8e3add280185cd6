"""Clear an account: act, look at the facts again, plan again, until nothing is left that a command can do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from closeout.clearing.admission import admit
from closeout.clearing.choices import Choices
from closeout.clearing.confirmed import Change, changed_beyond, confirmable
from closeout.clearing.dry_run import DryRun, dry_run
from closeout.clearing.journal import Entry, Event, Journal, Run, RunState, refused
from closeout.clearing.lines import Line
from closeout.clearing.look import look, sub_accounts
from closeout.clearing.outlook import limited_today, outlook_of, resting_state, wakes_at
from closeout.clearing.plan import Outlook, Plan, plan
from closeout.clearing.send import Sender, settled
from closeout.clearing.stages import Stage, ready
from closeout.conditions.check import Report
from closeout.policy import Policy
from closeout.reasons import Reason, Refused, refuse
from closeout.venues.base import Venue

CONFIRMABLE = timedelta(minutes=30)  # what was shown longer ago is shown again, whatever the prices do
ROUNDS_MAX = 60  # of one call; a full clearing takes about six


class PlanChanged(Refused):
    """The world moved beyond what was confirmed, or it was too long ago; ``shown`` is to be confirmed instead."""

    def __init__(self, shown: DryRun, changes: Sequence[Change]) -> None:
        super().__init__(Reason("plan_changed" if changes else "plan_expired"))
        self.shown = shown
        self.changes = tuple(changes)


class NoProgress(Exception):
    """The rounds are used up. ``things`` would not move; the run stays open and can be continued."""

    def __init__(self, things: Sequence[str]) -> None:
        super().__init__(", ".join(things))
        self.things = tuple(things)


@dataclass(frozen=True)
class Ask:
    """A command that the confirmation does not cover; it needs a new one."""

    line: Line
    reason: str


@dataclass(frozen=True)
class Outcome:
    """How a clearing stands when it comes to rest."""

    run: Run
    plan: Plan
    asks: tuple[Ask, ...]
    entries: tuple[Entry, ...]

    @property
    def state(self) -> RunState:
        """Return how the run stands."""
        return self.run.state


def show(venue: Venue, journal: Journal, policy: Policy, account_id: int, *, choices: Choices) -> DryRun:
    """Make a dry run and remember it, so that its digest can be confirmed.

    Raises: Unreachable; Refused("unknown_account", and every reason against ``choices`` at once).
    """
    reports = look(venue, policy, account_id)
    admit(venue, policy, choices, account_id=account_id, reports=reports)
    shown = dry_run(venue, policy, account_id, choices=choices, reports=reports)
    journal.show(confirmable(shown))
    return shown


def start(venue: Venue, journal: Journal, policy: Policy, *, account_id: int, digest: str) -> Run:
    """Open the run that the confirmation ``digest`` allows, or return the one that it opened before.

    A double click joins the same run. A run under an older confirmation is brought to a standstill first:
    what it may have sent is looked up. Raises: Refused("plan_unknown", "plan_foreign", "clearing_paused",
    "nothing_to_clear"), PlanChanged, Unreachable.
    """
    confirmed = journal.shown(digest)
    if confirmed is None:
        raise refuse("plan_unknown")
    if confirmed.account_id != account_id:
        raise refuse("plan_foreign")
    standing = journal.unfinished(account_id)
    if standing is not None and standing.confirmed.digest == digest:
        return standing
    if standing is not None:
        replace(venue, journal, standing)
    now = dry_run(venue, policy, account_id, choices=confirmed.choices, expected=confirmed.commands)
    if now.plan.held:
        raise refuse("clearing_paused")
    changes = changed_beyond(confirmed, now)
    if changes or now.shown_at - confirmed.shown_at > CONFIRMABLE:
        journal.show(confirmable(now))
        raise PlanChanged(now, changes)
    if not now.offers:
        raise refuse("nothing_to_clear")
    return journal.open(confirmed)


def replace(venue: Venue, journal: Journal, run: Run) -> None:
    """End ``run`` in favour of a newer confirmation, after everything it may have sent is known."""
    for _ in settled(Sender(venue, journal, run), journal.entries(run.run_id)):
        pass
    journal.rest(run.run_id, RunState.REPLACED, Event(at=venue.now(), kind=RunState.REPLACED))


@dataclass
class _Walk:
    """What one call of :func:`proceed` remembers between two looks."""

    subs: set[int] = field(default_factory=set)
    rounds: int = 0


def proceed(venue: Venue, journal: Journal, policy: Policy, run: Run, *, worker: str) -> Iterator[Event]:
    """Drive ``run`` until it comes to rest and yield each step as it happens; see :func:`outcome` afterwards.

    Resumable at every point: what was sent without an answer is looked up by its key first. If another
    worker has the run, nothing is yielded. Raises: Unreachable (the run stays open), NoProgress, RunOver.
    """
    claimed = journal.claim(run.run_id, worker=worker)
    if claimed is None:
        return
    run = claimed
    sender = Sender(venue, journal, run)
    walk = _Walk()
    entries = journal.entries(run.run_id)
    sender.count(entries)
    begun = [sender.event("resumed" if entries else "started")]
    while True:
        while any(entry.receipt is None for entry in entries):
            yield from settled(sender, entries)
            entries = journal.entries(run.run_id)
        # The entries are read before the look: the facts then hold all that they did.
        reports = look(venue, policy, run.account_id, subs=walk.subs)
        walk.subs |= sub_accounts(reports[run.account_id])
        planned, asks, outlook = _covered(venue, run, reports, entries)
        sender.at = planned.as_of
        acting = ready({line.stage for line in planned.lines})
        lines = [line for line in planned.lines if line.stage in acting]
        if not lines:
            break
        walk.rounds += 1
        if walk.rounds > ROUNDS_MAX:
            things = [thing for line in lines for thing in line.things]
            yield sender.rest(RunState.STOPPED, reason="no_progress")
            raise NoProgress(things)
        number = 1 + max((entry.round for entry in entries), default=0)
        yield from sender.round(number, lines, first=begun)
        begun = []
        entries = journal.entries(run.run_id)
    for ask in asks:
        yield sender.say("asked", ask.line, reason=ask.reason)
    state = resting_state(planned, asked=bool(asks))
    yield sender.rest(state, wakes_at=wakes_at(planned, outlook))


def _covered(
    venue: Venue, run: Run, reports: Mapping[int, Report], entries: Sequence[Entry]
) -> tuple[Plan, tuple[Ask, ...], Outlook]:
    """Plan from ``reports`` and keep the lines that the confirmation covers, under its limits."""
    main, choices = run.account_id, run.confirmed.choices
    recent = [entry for entry in entries if entry.round > run.rested_round]
    outlook = outlook_of(recent, run.confirmed)
    planned = plan(reports, main=main, choices=choices, outlook=outlook)
    leaving = planned.stage(Stage.WITHDRAW)
    if leaving and Stage.WITHDRAW in ready({line.stage for line in planned.lines}):
        outlook = limited_today(outlook, venue.quote([line.command for line in leaving]))
        planned = plan(reports, main=main, choices=choices, outlook=outlook)
    lines: list[Line] = []
    asks: list[Ask] = []
    for line in planned.lines:
        bound = run.confirmed.bind(line)
        if isinstance(bound, str):
            asks.append(Ask(line, bound))
        else:
            lines.append(bound)
    asks += [Ask(entry.line, "slippage") for entry in recent if refused(entry.receipt) == "slippage"]
    return dataclasses.replace(planned, lines=tuple(lines)), tuple(asks), outlook


def outcome(venue: Venue, journal: Journal, policy: Policy, run: Run) -> Outcome:
    """Say how ``run`` stands by one more look at the facts. Raises: Unreachable."""
    entries = tuple(journal.entries(run.run_id))
    reports = look(venue, policy, run.account_id)
    standing = journal.unfinished(run.account_id)
    mine = standing if standing is not None and standing.run_id == run.run_id else run
    planned, asks, outlook = _covered(venue, mine, reports, entries)
    state = mine.state if mine is standing else resting_state(planned, asked=bool(asks))
    now = dataclasses.replace(mine, state=state, wakes_at=wakes_at(planned, outlook))
    return Outcome(now, planned, asks, entries)

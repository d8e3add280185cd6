"""The plan: from blockers to commands in stages, waits with dates, work for people, and the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_UP, Decimal

from closeout.clearing import money
from closeout.clearing.choices import Choices
from closeout.clearing.exact import exact
from closeout.clearing.lines import Leftover, Line, Trap, named
from closeout.clearing.stages import Stage
from closeout.conditions.catalog import Who
from closeout.conditions.check import Blocker, Finding, Report, Result
from closeout.venues import commands
from closeout.venues.base import Remedy

HOLDS = "no_holds"
FOLLOWING = frozenset({"balances_unlocked", "no_collateral"})  # end with what holds the money
FINEST = Decimal("1e-18")
OWED_SPARE = Decimal("1.01")  # interest accrues while the holder reads (hard case 12); the rest is not taken
BALANCES = frozenset({Remedy.GATHER.value, Remedy.CONVERT.value, Remedy.WITHDRAW.value})
PERSONAL_GROUPS = frozenset({"people", "security"})  # asked of the main account only

TRAPS = (
    Trap("keep_second_factor", {
        "en": "Keep the authenticator: removing or replacing it starts a new waiting period.",
        "zh": "请保留身份验证器：移除或更换会重新开始安全等待期。",
    }),
    Trap("keep_password", {
        "en": "Do not change the password now: a change starts a new waiting period.",
        "zh": "现在不要修改密码：修改会重新开始安全等待期。",
    }),
    Trap("keep_contacts", {
        "en": "Do not replace phone or e-mail in the settings; update them inside the application instead.",
        "zh": "不要在设置里更换手机或邮箱；请在注销申请内更新。",
    }),
    Trap("no_new_products", {
        "en": "Subscribe to nothing new, and leave automatic renewal off: a new term starts a new wait.",
        "zh": "不要申购新产品，也不要开启自动续期：新的期限意味着重新等待。",
    }),
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """A blocker that no command ends: somebody does something, or time passes (``clears_at``)."""

    who: Who
    blocker: Blocker
    title: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """What one look at the facts leads to. ``lines`` are in the order of the stages."""

    account_id: int
    as_of: datetime
    lines: tuple[Line, ...] = ()
    waits: tuple[Task, ...] = ()
    manual: tuple[Task, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    unknown: tuple[str, ...] = ()  # codes of conditions that could not be judged
    traps: tuple[Trap, ...] = TRAPS
    held: bool = False  # a review by people comes first; nothing is moved

    @property
    def earliest_at(self) -> datetime | None:
        """Return the earliest moment at which the account could be closed; None where nobody knows.

        The windows run in parallel, so the latest date decides (R-CHK-19). Work of people has no date.
        """
        dates = [wait.blocker.clears_at for wait in self.waits]
        staying = [left for left in self.leftovers if left.reason != "still_needed"]  # ends with a wait
        if self.manual or staying or self.unknown or None in dates:
            return None
        return max([self.as_of, *(date for date in dates if date is not None)])

    def stage(self, stage: Stage) -> tuple[Line, ...]:
        """Return the lines of one stage."""
        return tuple(line for line in self.lines if line.stage is stage)


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is known beyond the facts: what earlier lines will bring, and what was found not to work.

    ``small`` assets cannot be withdrawn as they are (below a minimum), ``unsold`` cannot be converted, with
    the reason; ``stopped`` items were refused by the venue in this run, with the reason.
    """

    incoming: Mapping[tuple[int, str, str], Decimal] = field(default_factory=dict)
    projected: bool = False  # count what is swept as already being in funding
    small: frozenset[str] = frozenset()
    unsold: Mapping[str, str] = field(default_factory=dict)
    stopped: Mapping[str, str] = field(default_factory=dict)
    most: Mapping[str, Decimal] = field(default_factory=dict)  # by asset: what may still leave today
    more_at: Mapping[str, datetime] = field(default_factory=dict)  # by asset: when the rest may
    daily: Mapping[str, Decimal] = field(default_factory=dict)  # by asset: what may leave on a later day
    costs: Mapping[str, Decimal] = field(
        default_factory=dict
    )  # by asset of a loan: what one unit costs to buy
    supply: Mapping[tuple[int, str, str], Decimal] = field(
        default_factory=dict
    )  # incoming before any purchase


NOW = Outlook()


@exact
def plan(reports: Mapping[int, Report], *, main: int, choices: Choices, outlook: Outlook = NOW) -> Plan:
    """Plan the clearing of ``main`` and of its sub-accounts, one report for each of them.

    The same reports, choices and outlook give the same plan. Raises: KeyError if ``main`` has no report.
    """
    report = reports[main]
    findings = list(_findings(reports, main))
    held = any(found.condition.code == HOLDS and found.blockers for _, found in findings)
    waits, manual = _tasks(findings, held=held)
    unknown = tuple(dict.fromkeys(
        found.condition.code for _, found in findings if found.result is Result.UNKNOWN
    ))  # fmt: skip
    if held:
        return Plan(main, report.as_of, waits=waits, manual=manual, unknown=unknown, held=True)
    purse = money.purse(findings)
    lines, leftovers = _items(findings, reports, choices=choices, outlook=outlook)
    owed = frozenset(line.command.asset or "" for line in lines if line.stage is Stage.LOANS)
    buying = _buying(lines, purse, main=main, choices=choices, outlook=outlook)
    if buying:
        owed |= {choices.target_asset}
    if not outlook.projected:
        short = [line for line in lines if line.stage is Stage.LOANS and not money.covers(purse, line)]
        lines = [line for line in lines if line not in short]
        target = purse.get((main, money.FUNDING, choices.target_asset), Decimal(0))
        afford = sum((line.command.amount or Decimal(0) for line in buying), Decimal(0)) <= target
        bought = {line.command.params["to_asset"] for line in buying} if afford else set()
        buying = buying if afford else []
        leftovers += [Leftover(line.things[0], "insufficient", line.command.account_id, line.subject,
                               line.about_asset, line.about)
                      for line in short if line.command.asset not in bought]  # fmt: skip
    lines += buying
    known = money.Known(
        projected=outlook.projected, small=outlook.small | money.dust(findings, main=main),
        unsold=outlook.unsold, stopped=outlook.stopped, most=outlook.most,
        owed=owed,
    )  # fmt: skip
    routed, kept = money.route(money.add(purse, outlook.incoming), main=main, choices=choices, known=known)
    unbinding, bound = _unbinding(findings, choices=choices, outlook=outlook, busy=bool(unknown))
    ordered = sorted([*lines, *routed, *unbinding], key=lambda line: list(Stage).index(line.stage))
    return Plan(main, report.as_of, tuple(ordered), waits, manual, (*leftovers, *kept, *bound), unknown)


def _buying(
    lines: Sequence[Line], purse: money.Purse, *, main: int, choices: Choices, outlook: Outlook
) -> list[Line]:
    """Return purchases of what loans lack, unless the holder leaves them out or the venue refused them."""
    loans = [line for line in lines if line.stage is Stage.LOANS]
    held = money.add(purse, outlook.supply)
    found = money.lacks(loans, held, main=main, target=choices.target_asset, costs=outlook.costs)
    return [
        lack.line for lack in found
        if lack.line.things[0] not in choices.left_out and lack.line.things[0] not in outlook.stopped
    ]  # fmt: skip


def _findings(reports: Mapping[int, Report], main: int) -> Iterator[tuple[int, Finding]]:
    for account in sorted(reports, key=lambda number: (number != main, number)):
        for found in reports[account].findings:
            if account == main or found.condition.group not in PERSONAL_GROUPS:
                yield account, found


def _tasks(
    findings: Sequence[tuple[int, Finding]], *, held: bool
) -> tuple[tuple[Task, ...], tuple[Task, ...]]:
    waits: list[Task] = []
    manual: list[Task] = []
    for _, found in findings:
        if (found.condition.remedy is not None and not held) or found.condition.code in FOLLOWING:
            continue  # commands end these
        for blocker in found.blockers:
            task = Task(found.condition.who, blocker, found.condition.unmet)
            timed = found.condition.who is Who.NOBODY or blocker.clears_at is not None
            (waits if timed else manual).append(task)
    return tuple(waits), tuple(manual)


def _items(
    findings: Sequence[tuple[int, Finding]],
    reports: Mapping[int, Report],
    *,
    choices: Choices,
    outlook: Outlook,
) -> tuple[list[Line], list[Leftover]]:
    """Plan everything that has an item: keys, orders, positions, loans, products, sub-accounts."""
    lines: list[Line] = []
    leftovers: list[Leftover] = []
    for account, found in findings:
        remedy = found.condition.remedy
        if remedy is None or remedy in BALANCES or remedy == Remedy.UNBIND:
            continue
        wanted = []
        for blocker in found.blockers:
            thing = named(remedy, account, str(blocker.item))
            reason = "left_out" if choices.leaves_out(thing) else outlook.stopped.get(thing)
            if reason is None:
                wanted.append(blocker)
            else:
                leftovers.append(Leftover.of(thing, blocker, reason))
        if remedy == Remedy.CANCEL_ORDERS:
            lines.extend(_cancelling(account, wanted))
            continue
        lines.extend(
            _line(remedy, account, blocker)
            for blocker in wanted
            if remedy != Remedy.CLOSE_SUB_ACCOUNT or outlook.projected or _closable(blocker, reports)
        )
    return lines, leftovers


def _line(remedy: str, account: int, blocker: Blocker) -> Line:
    item, asset = str(blocker.item), blocker.asset or ""
    match remedy:
        case Remedy.REVOKE_KEY:
            stage, command = Stage.REVOKE, commands.revoke_key(account, item)
        case Remedy.CLOSE_POSITION:
            stage, command = Stage.POSITIONS, commands.close_position(account, item)
        case Remedy.REPAY_LOAN:
            most = ((blocker.amount or Decimal(0)) * OWED_SPARE).quantize(FINEST, rounding=ROUND_UP)
            stage, command = Stage.LOANS, commands.repay_loan(account, item, asset=asset, most=most)
        case Remedy.STOP_RENEWAL:
            stage, command = Stage.RENEWAL, commands.stop_renewal(account, item)
        case Remedy.REDEEM:
            stage, command = Stage.REDEEM, commands.redeem(account, item, asset=asset)
        case Remedy.CLOSE_SUB_ACCOUNT:
            stage, command = Stage.SUB_CLOSE, commands.close_sub_account(account, item)
        case _:
            raise ValueError(f"no stage for the remedy {remedy}")
    things = (named(remedy, account, item),)
    return Line(stage, command, things, blocker.subject, blocker.amount, blocker.asset)


def _closable(blocker: Blocker, reports: Mapping[int, Report]) -> bool:
    """Say whether a sub-account can be closed now: not queued, and only money in it, which is swept."""
    return blocker.clears_at is None and _sweepable(reports.get(int(str(blocker.item))))


def _cancelling(account: int, blockers: Sequence[Blocker]) -> Iterator[Line]:
    for first in range(0, len(blockers), commands.ORDERS_MAX):
        batch = blockers[first : first + commands.ORDERS_MAX]
        orders = [str(blocker.item) for blocker in batch]
        things = tuple(named(Remedy.CANCEL_ORDERS, account, order) for order in orders)
        yield Line(Stage.CANCEL, commands.cancel_orders(account, orders), things,
                   subject=batch[0].subject if len(batch) == 1 else None)  # fmt: skip


def _sweepable(report: Report | None) -> bool:
    """Say whether a sub-account holds nothing but money that a sweep takes out."""
    if report is None:
        return True
    return all(
        found.result is Result.CLEAR or found.condition.group in PERSONAL_GROUPS
        or found.condition.code == "ledger_quiet"
        or (found.condition.remedy in BALANCES and all((b.amount or 0) >= 0 for b in found.blockers))
        for found in report.findings
    )  # fmt: skip


def _unbinding(
    findings: Sequence[tuple[int, Finding]], *, choices: Choices, outlook: Outlook, busy: bool
) -> tuple[list[Line], list[Leftover]]:
    """Plan to unbind payment methods, except those through which money still has to leave."""
    lines: list[Line] = []
    kept: list[Leftover] = []
    needed = set() if outlook.projected else money.held_assets(findings)
    ways = {way.address for way in choices.destinations if way.asset in needed}
    for account, found in findings:
        if found.condition.remedy != Remedy.UNBIND:
            continue
        for blocker in found.blockers:
            item = str(blocker.item)
            thing = named(Remedy.UNBIND, account, item)
            reason = "left_out" if choices.leaves_out(thing) else outlook.stopped.get(thing)
            if reason is None and (item in ways or busy):
                reason = "still_needed"
            if reason is not None:
                kept.append(Leftover.of(thing, blocker, reason))
            else:
                lines.append(
                    Line(Stage.UNBIND, commands.unbind(account, item), (thing,), subject=blocker.subject)
                )
    return lines, kept

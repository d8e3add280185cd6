"""When the account can be closed at the earliest, and the order of steps that gets there (R-CHK-19). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from closeout.conditions.catalog import Who
from closeout.conditions.check import Blocker, Finding, Report, Result
from closeout.policy import Policy

# The order of the steps. Waits run from the first moment, beside everything else; keys go before orders so
# that no bot places them again; renewals before maturities; payment methods last, cashing out needs them.
ORDER = (
    "wait", "operator", "support", "holder_elsewhere", "revoke_key", "stop_renewal", "cancel_orders",
    "close_position", "repay_loan", "redeem", "close_sub_account", "convert", "withdraw", "unbind", "quiet",
)  # fmt: skip
# Steps that need what earlier ones set free: they begin when the last of the money is there.
AFTER_MONEY = frozenset({"convert", "withdraw", "unbind"})
# Ending these posts nothing in a wallet, so the ledger need not be quiet again afterwards.
POSTS_NOTHING = frozenset(
    {
        "ledger_quiet", "earn_no_renewal", "no_payment_methods", "no_api_keys", "security_password_quiet",
        "security_factors_quiet", "identity_verified", "no_holds", "no_disputes", "contacts_reachable",
    }
)  # fmt: skip
SEPARATE = frozenset({"wait", "support", "holder_elsewhere"})  # one step per condition, side by side
FOLLOWS = frozenset({"balances_unlocked", "no_collateral"})  # ends with the step that holds it
ARRIVES = frozenset(
    {
        "no_open_orders", "no_positions", "no_settlement_pending", "no_collateral", "earn_redeemable",
        "earn_locked", "no_p2p_orders", "no_p2p_appeals", "sub_accounts_closed", "no_rebates",
        "nothing_in_flight",
    }
)  # fmt: skip
OUTGOING = frozenset({"withdrawal", "fiat_out", "card"})
NEW_WAIT = frozenset({"contacts_reachable", "identity_verified"})  # done in the wrong place, a window starts


@dataclass(frozen=True)
class Trap:
    """What must not be done on the way, because it would make the wait longer."""

    code: str
    text: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """One step on the way: what, who, for which conditions, and from when to when."""

    do: str  # one of ORDER
    codes: tuple[str, ...]
    blockers: tuple[Blocker, ...]
    who: Who
    starts_at: datetime
    done_at: datetime | None  # None: it takes as long as somebody takes
    trap: str | None = None  # code of the trap that this step can become


@dataclass(frozen=True)
class Route:
    """The way to closing. ``possible_at`` holds if every step is done when it starts; naive UTC."""

    account_id: int
    as_of: datetime
    steps: tuple[Step, ...]
    possible_at: datetime | None  # None while something is unknown
    certain: bool  # False when a step depends on somebody whose time nobody knows
    traps: tuple[Trap, ...]


def route(report: Report, policy: Policy, *, settling: timedelta = timedelta(0)) -> Route:
    """Lay out the steps from ``report`` to an account that can be closed.

    ``settling`` is how long the venue needs until money that was sent out is final.
    """
    as_of = report.as_of
    blocked = [finding for finding in report.findings if finding.result is Result.BLOCKED]
    unknown = [finding for finding in report.findings if finding.result is Result.UNKNOWN]
    money_at = _money_at(blocked, as_of)
    steps = list(_steps(blocked, as_of, money_at, settling))
    if unknown:
        codes = tuple(finding.condition.code for finding in unknown)
        evidence = tuple(dict.fromkeys(row for finding in unknown for row in finding.evidence))
        steps.append(Step("operator", codes, evidence, Who.OPERATOR, as_of, None))
    if money_at is not None and _arrives(blocked) and all(step.do != "withdraw" for step in steps):
        left = Step("withdraw", ("balances_zero",), (), Who.HOLDER, money_at, money_at + settling)
        steps.append(left)
    if money_at is not None:
        quiet_at = money_at + settling + timedelta(minutes=policy.ledger_quiet_minutes)
        steps.append(Step("quiet", ("ledger_quiet",), (), Who.NOBODY, money_at + settling, quiet_at))
    steps.sort(key=lambda step: ORDER.index(step.do))
    known = [step.done_at for step in steps if step.done_at is not None]
    known += [_ends_at(blocker, as_of) for finding in blocked for blocker in finding.blockers]
    return Route(
        account_id=report.account_id,
        as_of=as_of,
        steps=tuple(steps),
        possible_at=None if unknown else max([as_of, *known]),
        certain=all(step.done_at is not None for step in steps),
        traps=tuple(_traps(blocked, policy)) if steps else (),
    )


def _money_at(blocked: Sequence[Finding], as_of: datetime) -> datetime | None:
    """Return when the last money arrives that still has to leave; None if nothing is ever posted."""
    moments = [
        _ends_at(blocker, as_of)
        for finding in blocked
        if finding.condition.code not in POSTS_NOTHING
        for blocker in finding.blockers
    ]
    return max(moments, default=None)


def _arrives(blocked: Sequence[Finding]) -> bool:
    """Say whether money comes into a wallet on the way, so that it has to be withdrawn at the end."""
    return any(
        blocker.code in ARRIVES and blocker.subject not in OUTGOING
        for finding in blocked
        for blocker in finding.blockers
    )


def _ends_at(blocker: Blocker, as_of: datetime) -> datetime:
    return max(as_of, blocker.clears_at or as_of)


def _steps(
    blocked: Sequence[Finding], as_of: datetime, money_at: datetime | None, settling: timedelta
) -> Iterator[Step]:
    by_deed: dict[tuple[str, str], list[Finding]] = {}
    for finding in blocked:
        if finding.condition.code not in FOLLOWS or not _is_held(finding, blocked):
            deed = _deed(finding)
            each = finding.condition.code if deed in SEPARATE else ""
            by_deed.setdefault((deed, each), []).append(finding)
    for (deed, _), findings in by_deed.items():
        blockers = tuple(blocker for finding in findings for blocker in finding.blockers)
        starts_at = max(as_of, money_at or as_of) if deed in AFTER_MONEY else as_of
        trap = next(
            (f"{one.condition.code}_inside" for one in findings if one.condition.code in NEW_WAIT), None
        )
        codes = tuple(finding.condition.code for finding in findings)
        done_at = _done_at(deed, blockers, starts_at)
        if deed in {"withdraw", "unbind"} and done_at is not None:
            done_at += settling
        yield Step(deed, codes, blockers, findings[0].condition.who, starts_at, done_at, trap)


def _is_held(finding: Finding, blocked: Sequence[Finding]) -> bool:
    """Say whether something else that is blocked explains what is locked."""
    return any(
        other.condition.code not in FOLLOWS and other.condition.group in {"trading", "products"}
        for other in blocked
        if other is not finding
    )


def _deed(finding: Finding) -> str:
    condition = finding.condition
    if condition.remedy is not None:
        return condition.remedy
    return {
        Who.NOBODY: "wait",
        Who.SUPPORT: "support",
        Who.OPERATOR: "operator",
        Who.HOLDER_ELSEWHERE: "holder_elsewhere",
        Who.HOLDER: "support",  # locked, though nothing is known that locks it
    }[condition.who]


def _done_at(deed: str, blockers: Sequence[Blocker], starts_at: datetime) -> datetime | None:
    """Return when the last of ``blockers`` is gone, or None if one of them has no date."""
    dated = [blocker.clears_at for blocker in blockers if blocker.clears_at is not None]
    if deed in {"wait", "support", "operator", "holder_elsewhere"} and len(dated) < len(blockers):
        return None
    return max([starts_at, *dated])


def _traps(blocked: Sequence[Finding], policy: Policy) -> Iterator[Trap]:
    codes = {finding.condition.code for finding in blocked}
    yield Trap(
        "keep_factors",
        {
            "en": "Do not switch off or reset your authenticator, and do not change e-mail or phone: "
            f"each starts a new {policy.factor_wait_days}-day wait.",
            "zh": "不要关闭或重置身份验证器，也不要更换邮箱或手机："
            f"每次变更都会重新开始 {policy.factor_wait_days} 天的安全等待期。",
        },
    )
    yield Trap(
        "keep_password",
        {
            "en": f"Do not change your password: that starts a new {policy.password_wait_days}-day wait.",
            "zh": f"不要修改密码：修改后会重新开始 {policy.password_wait_days} 天的安全等待期。",
        },
    )
    for code, text in SITUATIONS.items():
        if code[0] <= codes:
            yield Trap(code[1], text)


SITUATIONS: Mapping[tuple[frozenset[str], str], Mapping[str, str]] = {
    (frozenset({"contacts_reachable"}), "contacts_reachable_inside"): {
        "en": "Replace an e-mail or phone inside the application, not in the security settings: "
        "there it starts a new wait.",
        "zh": "请在注销申请中更换邮箱或手机，不要在安全设置中更换，否则会重新开始安全等待期。",
    },
    (frozenset({"identity_verified"}), "identity_verified_inside"): {
        "en": "Prove your identity inside the application; resetting a factor for it starts a new wait.",
        "zh": "请在注销申请中完成身份认证；为此重置验证方式会重新开始安全等待期。",
    },
    (frozenset({"earn_no_renewal"}), "renewal_first"): {
        "en": "Stop the renewal first: a product that renews is locked for another term.",
        "zh": "请先关闭自动续期：续期后会再锁定一个周期。",
    },
    (frozenset({"no_api_keys", "no_open_orders"}), "keys_before_orders"): {
        "en": "Revoke keys and bots before cancelling orders: a bot would place them again.",
        "zh": "请先撤销 API 密钥和机器人再撤单，否则机器人会重新下单。",
    },
    (frozenset({"no_payment_methods"}), "unlink_last"): {
        "en": "Unlink the payment method last: cashing out may need it, and linking a new one takes time.",
        "zh": "请最后解绑收款账号：提现可能还要用到它，重新绑定需要时间。",
    },
}

"""The operator's numbers: windows, periods, thresholds. Read from TOML, checked, versioned."""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from closeout.policy import laws

FACTORS = ("email", "sms", "totp", "passkey")
CLAIM_PROOFS = ("email", "document")
MAILBOX_OR_PHONE = frozenset({"email", "sms"})


class PolicyError(ValueError):
    """The policy cannot be used. ``problems`` holds every reason, never only the first."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def days(default: int, least: int, most: int, why: str, *, favours: str = "") -> Any:
    """Declare a whole number of days (or of the unit in the field's name) with its lawful range.

    ``favours``: a change of an open case to ``less`` or ``more`` is in its holder's favour (R-CLO-15).
    """
    return field(default=default, metadata={"least": least, "most": most, "why": why, "favours": favours})


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One version of the operator's policy; every field has a default that is safe and documented."""

    password_wait_days: int = days(30, 0, 90, "a thief changes the password first", favours="less")
    factor_wait_days: int = days(
        90, 0, 90, "a thief replaces phone, e-mail or authenticator", favours="less"
    )  # fmt: skip
    cooling_off_days: int = days(7, 0, 30, "time to change one's mind")
    resume_hours: int = days(24, 1, 168, "least time left after a pause, to read the notice", favours="more")
    application_days: int = days(14, 1, 90, "an application that is not submitted lapses")
    observation_days: int = days(180, 30, 365, "late value can still be claimed")
    identifier_reuse_days: int = days(30, 0, 180, "a new account with the same e-mail or phone")
    review_working_days: int = days(15, 1, 15, "manual review must end (GB/T 35273-2020)", favours="less")
    retention_years: int = days(5, 1, 15, "identity and transactions kept by law (FATF R.11)")
    statement_seasons: int = days(2, 0, 10, "tax seasons in which statements stay readable", favours="more")
    exit_notice_days: int = days(90, 14, 365, "notice before the operator closes by itself (UK: 90)")
    ledger_quiet_minutes: int = days(10, 0, 1440, "funding and settlement post late")
    facts_stale_minutes: int = days(60, 1, 1440, "older facts decide nothing")
    consent_reading_seconds: int = days(5, 0, 60, "the risk list must have been on the screen")
    step_up_minutes: int = days(10, 1, 20, "how long a verification stays fresh")
    code_minutes: int = days(10, 1, 10, "life of an e-mail or SMS code (OWASP ASVS 6.5.5)")
    code_tries: int = days(5, 1, 5, "comparisons of one code, ever")
    wrong_codes_hourly: int = days(
        500, 20, 100_000, "of all accounts; 500 guesses at 2 of 1,000,000 hit in 0.1 %"
    )
    totp_steps_back: int = days(1, 0, 1, "30-second steps that are accepted late")
    dust_forfeit_max: Decimal = field(
        default=Decimal(1),
        metadata={"least": Decimal(0), "most": Decimal(5), "why": "USDT that one account may give up"},
    )
    slippage_max: Decimal = field(
        default=Decimal("0.02"),
        metadata={"least": Decimal(0), "most": Decimal("0.2"), "why": "share of the shown price"},
    )
    verification: tuple[str, ...] = ("email", "sms", "totp")
    claim_proof: tuple[str, ...] = ("email",)  # of a former holder, beside certificate and name
    law_packs: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ("closeout.example",)

    def __post_init__(self) -> None:
        problems = _out_of_range(self) + _contradictions(self) + laws.problems(self)
        if problems:
            raise PolicyError(problems)

    @property
    def version(self) -> str:
        """A short name that is the same for the same numbers: the first 12 hex digits of their SHA-256."""
        return hashlib.sha256(dumps(self).encode()).hexdigest()[:12]

    def row(self, as_of: datetime) -> dict[str, datetime | Decimal]:
        """Return the one-row relation ``policy`` that conditions join. ``as_of``: naive UTC."""
        if as_of.tzinfo is not None:
            raise ValueError("as_of must be naive UTC")
        return {
            "as_of": as_of,
            "password_cutoff_at": as_of - timedelta(days=self.password_wait_days),
            "factor_cutoff_at": as_of - timedelta(days=self.factor_wait_days),
            "quiet_cutoff_at": as_of - timedelta(minutes=self.ledger_quiet_minutes),
            "stale_cutoff_at": as_of - timedelta(minutes=self.facts_stale_minutes),
        }


def _out_of_range(policy: Policy) -> list[str]:
    problems = []
    for spec in dataclasses.fields(policy):
        if "least" not in spec.metadata:
            continue
        value, least, most = getattr(policy, spec.name), spec.metadata["least"], spec.metadata["most"]
        if not least <= value <= most:
            problems.append(f"{spec.name} is {value}, allowed is {least} to {most}")
    return problems


def _contradictions(policy: Policy) -> list[str]:
    problems = []
    unknown = [factor for factor in policy.verification if factor not in FACTORS]
    if unknown:
        problems.append(f"verification names {', '.join(unknown)}; known are {', '.join(FACTORS)}")
    elif set(policy.verification) <= MAILBOX_OR_PHONE:
        problems.append("verification needs at least one of totp or passkey beside mailbox and phone")
    if not policy.claim_proof or not set(policy.claim_proof) <= set(CLAIM_PROOFS):
        problems.append(f"claim_proof names one or both of {', '.join(CLAIM_PROOFS)}")
    if not policy.own_domains:
        problems.append("own_domains is empty; messages must name the true domains")
    if policy.identifier_reuse_days > policy.observation_days:
        problems.append(
            f"identifier_reuse_days is {policy.identifier_reuse_days}, but identifiers are forgotten after "
            f"observation_days {policy.observation_days}"
        )
    if 0 < policy.cooling_off_days * 24 < policy.resume_hours:
        problems.append(
            f"resume_hours is {policy.resume_hours}, longer than all {policy.cooling_off_days} days of cooling-off"
        )
    if len(set(policy.verification)) < len(policy.verification):
        problems.append("verification names a factor twice")
    return problems


def in_favour(old: Policy, new: Policy) -> Policy:
    """Return ``old`` with every number of ``new`` that is better for the holder (R-CLO-15); ``old`` if none is.

    The law packs of ``old`` stay. Raises: PolicyError where the mixture would be unlawful.
    """
    better = {}
    for spec in dataclasses.fields(Policy):
        favours = spec.metadata.get("favours")
        was, becomes = getattr(old, spec.name), getattr(new, spec.name)
        if (favours == "less" and becomes < was) or (favours == "more" and becomes > was):
            better[spec.name] = becomes
    return dataclasses.replace(old, **better) if better else old


def differences(old: Policy, new: Policy) -> list[tuple[str, str, str]]:
    """Return (name, before, after) of every number that differs, in the order of the fields."""
    return [
        (spec.name, str(getattr(old, spec.name)), str(getattr(new, spec.name)))
        for spec in dataclasses.fields(Policy)
        if getattr(old, spec.name) != getattr(new, spec.name)
    ]


def loads(text: str, *, name: str = "policy") -> Policy:
    """Read a policy from TOML. Raises: PolicyError naming every unknown key and wrong value."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as wrong:
        raise PolicyError([f"{name}: {wrong}"]) from wrong
    known = {spec.name: spec for spec in dataclasses.fields(Policy)}
    problems = [f"{name}: unknown key {key!r}" for key in raw if key not in known]
    values: dict[str, Any] = {}
    for key in raw.keys() & known.keys():
        try:
            values[key] = _typed(known[key].default, raw[key])
        except (TypeError, InvalidOperation):
            expected = type(known[key].default).__name__
            problems.append(f"{name}: {key} must be {expected}, got {raw[key]!r}")
    if problems:
        raise PolicyError(problems)
    return Policy(**values)


def _typed(default: object, value: object) -> object:
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise TypeError
        return tuple(value)
    if isinstance(default, Decimal):
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise TypeError
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def load(path: Path) -> Policy:
    """Read a policy file. Raises: PolicyError (also when the file cannot be read)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise PolicyError([f"{path}: {wrong}"]) from wrong
    return loads(text, name=str(path))


def dumps(policy: Policy) -> str:
    """Write ``policy`` as TOML, one key a line, in the order of the fields; ``loads`` reads it back equal."""
    lines = []
    for spec in dataclasses.fields(policy):
        value = getattr(policy, spec.name)
        if isinstance(value, tuple):
            shown = "[" + ", ".join(f'"{item}"' for item in value) + "]"
        elif isinstance(value, Decimal):
            shown = f'"{value}"'
        else:
            shown = str(value)
        lines.append(f"{spec.name} = {shown}")
    return "\n".join(lines) + "\n"

"""Who else is tied to the account: this key, sub-accounts and their keys, bank accounts, affiliates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from closeout.facts.schema import Account, ApiKey, Identity, PaymentMethod, Rebate, SubAccount
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import (
    EPOCH,
    ZERO,
    Raw,
    Unreadable,
    amount,
    amount_or_none,
    flag,
    instant_or_none,
    number,
    parts,
    text,
)


@dataclass(frozen=True)
class Holder:
    """What ``account/config`` says about the account and the key that asks."""

    account_id: int
    parent_id: int | None
    key_label: str
    permissions: tuple[str, ...]
    ip_bound: bool
    kyc_level: str
    lead_trader: bool
    account_mode: str = ""  # 1 spot, 2 futures, 3 multi-currency margin, 4 portfolio margin

    @property
    def can_trade(self) -> bool:
        """Whether the key may place and cancel orders."""
        return "trade" in self.permissions

    @property
    def can_withdraw(self) -> bool:
        """Whether the key may send money away."""
        return "withdraw" in self.permissions


def holder(rows: Sequence[Raw]) -> Holder:
    """Read ``account/config``. Raises: Unreadable."""
    if len(rows) != 1:
        raise Unreadable("account/config has not exactly one row")
    row = rows[0]
    own, main = number(row, "uid"), number(row, "mainUid") if text(row, "mainUid", "") else number(row, "uid")
    return Holder(
        account_id=own,
        parent_id=None if own == main else main,
        key_label=text(row, "label", ""),
        permissions=tuple(part.strip() for part in text(row, "perm", "").split(",") if part.strip()),
        ip_bound=bool(text(row, "ip", "")),
        kyc_level=text(row, "kycLv", ""),
        lead_trader="1" in (text(row, "roleType", "0"), text(row, "spotRoleType", "0")),
        account_mode=text(row, "acctLv", ""),
    )


def account(rows: Sequence[Raw], _: Seen) -> Iterator[Account]:
    """Read ``account/config``: the account. OKX does not tell when it was opened: 1970 stands for that."""
    said = holder(rows)
    yield Account(
        account_id=said.account_id,
        parent_id=said.parent_id,
        state="open",
        jurisdiction="",
        opened_at=EPOCH,
        posted_at=None,
    )


def identity(rows: Sequence[Raw], seen: Seen) -> Iterator[Identity]:
    """Read ``account/config``: level 0 means never verified; a higher level proves nothing more."""
    if holder(rows).kyc_level == "0":
        yield Identity(
            account_id=seen.account_id,
            state="unverified",
            valid_until=None,
            is_applicant=True,
            was_required=True,
        )


@dataclass(frozen=True)
class Sub:
    """One sub-account in the main account's list."""

    name: str
    account_id: int
    enabled: bool
    frozen: tuple[str, ...]


def subs(rows: Sequence[Raw]) -> list[Sub]:
    """Read ``users/subaccount/list``. Raises: Unreadable."""
    found = []
    for row in rows:
        frozen = row.get("frozenFunc", [])
        found.append(
            Sub(
                name=text(row, "subAcct"),
                account_id=number(row, "uid"),
                enabled=flag(row, "enable", default=True),
                frozen=tuple(map(str, frozen)) if isinstance(frozen, list) else (),
            )
        )
    return found


def sub_account(sub: Sub, holdings: int, seen: Seen) -> SubAccount:
    """Build the row by which a main account sees ``sub``; only the app closes it."""
    return SubAccount(
        account_id=seen.account_id,
        sub_account_id=str(sub.account_id),
        label=sub.name,
        state="open" if sub.enabled else "frozen",
        holdings=holdings,
        closable_at=None,
    )


def entrusted(rows: Sequence[Raw], seen: Seen) -> Iterator[ApiKey]:
    """Read ``users/entrust-subaccount-list``: custody is a grant between two holders, which only the app ends."""
    for row in rows:
        name = text(row, "subAcct")
        yield ApiKey(
            account_id=seen.account_id, key_id=f"custody-{name}", kind="grant", label=f"custody of {name}",
            can_trade=True,
        )  # fmt: skip


def key_name(api_key: str) -> str:
    """Return the name under which facts, plans and reports know a key: the key itself is never shown."""
    return "key-" + hashlib.sha256(api_key.encode()).hexdigest()[:12]


def sub_keys(rows: Sequence[Raw], seen: Seen) -> Iterator[ApiKey]:
    """Read ``users/subaccount/apikey`` of one sub-account; ``seen`` is that of the sub-account."""
    for row in rows:
        yield ApiKey(
            account_id=seen.account_id,
            key_id=key_name(text(row, "apiKey")),
            kind="key",
            label=text(row, "label", ""),
            can_trade="trade" in text(row, "perm", ""),
        )


def bank_accounts(rows: Sequence[Raw], seen: Seen) -> Iterator[PaymentMethod]:
    """Read ``fiat/withdrawal-payment-methods``: linked bank accounts, shown masked."""
    for row in rows:
        for part in parts(row, "accounts"):
            digits = text(part, "acctNum", "")
            yield PaymentMethod(
                account_id=seen.account_id,
                method_id=text(part, "paymentAcctId"),
                kind="bank_account",
                label=f"{text(part, 'bankName', '')} **** {digits[-4:]}".strip(),
            )


def affiliate(rows: Sequence[Raw], seen: Seen) -> Iterator[Rebate]:
    """Read ``affiliate/performance/summary``: whoever earned commission in the window has a contract."""
    for row in rows:
        earned = sum(
            (amount_or_none(part, "commission") or ZERO for part in parts(row, "details")), start=ZERO
        )
        active = bool(earned)
        yield Rebate(
            account_id=seen.account_id,
            rebate_id="affiliate",
            kind="contract" if active else "referral",
            state="open" if active else "closed",
            asset=None,
            amount=None,
        )


def open_contract(seen: Seen, number: str) -> Rebate:
    """Build a contract that pays commission until it is ended."""
    return Rebate(
        account_id=seen.account_id, rebate_id=number, kind="contract", state="open", asset=None, amount=None
    )


def invitations(rows: Sequence[Raw], seen: Seen) -> Iterator[Rebate]:
    """Read ``affiliate/link/list``: a link that somebody came through still pays commission for what they trade."""
    for row in rows:
        if text(row, "linkStatus") != "abnormal" and amount(row, "inviteeCnt"):
            yield open_contract(seen, f"link-{text(row, 'channelId')}")


def postings(rows: Sequence[Raw]) -> list[str]:
    """Return the instants (milliseconds) of ledger rows, newest first."""
    return [text(row, "ts") for row in rows if instant_or_none(row, "ts") is not None]

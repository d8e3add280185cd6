"""To JSON values and back without loss: commands, choices, confirmations, receipts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from closeout.clearing.choices import Choices, Consent, Way
from closeout.venues.base import Act, Command, Destination, Moved, Receipt, ReceiptState, Remedy, plain

REMEDIES = frozenset(remedy.value for remedy in Remedy)


def amount(value: Decimal | None) -> str | None:
    """Return a decimal string in plain digits, without needless zeros."""
    return None if value is None else plain(value)


def moment(value: datetime | None) -> str | None:
    """Return a naive UTC time as ISO 8601 with ``Z``."""
    return None if value is None else value.isoformat() + "Z"


def amount_of(value: str | None) -> Decimal | None:
    """Read what :func:`amount` wrote."""
    return None if value is None else Decimal(value)


def moment_of(value: str | None) -> datetime | None:
    """Read what :func:`moment` wrote."""
    return None if value is None else datetime.fromisoformat(value.removesuffix("Z"))


def command(said: Command) -> dict[str, object]:
    """Return a command."""
    return {
        "kind": said.kind, "account_id": said.account_id, "items": list(said.items), "asset": said.asset,
        "amount": amount(said.amount), "params": dict(said.params),
    }  # fmt: skip


def command_of(value: Mapping[str, Any]) -> Command:
    """Read a command."""
    kind = value["kind"]
    return Command(
        kind=Remedy(kind) if kind in REMEDIES else Act(kind), account_id=value["account_id"],
        items=tuple(value["items"]), asset=value["asset"], amount=amount_of(value["amount"]),
        params=dict(value["params"]),
    )  # fmt: skip


def choices(said: Choices) -> dict[str, object]:
    """Return choices; sets are sorted."""
    return {
        "target_asset": said.target_asset,
        "destinations": [
            {"asset": way.asset, "network": way.network, "address": way.address, "memo": way.memo,
             "label": way.label, "usable_at": moment(way.usable_at)}
            for way in said.destinations
        ],
        "sell": sorted(said.sell),
        "sell_rest": said.sell_rest,
        "left_out": sorted(said.left_out),
        "only": sorted(said.only),
        "redeem_early": said.redeem_early,
        "beyond_slippage": sorted(said.beyond_slippage),
        "consents": [
            {"asset": consent.asset, "way": consent.way, "amount_max": amount(consent.amount_max),
             "to_account": consent.to_account}
            for consent in said.consents
        ],
    }  # fmt: skip


def choices_of(value: Mapping[str, Any]) -> Choices:
    """Read choices."""
    return Choices(
        target_asset=value["target_asset"],
        destinations=tuple(
            Destination(
                way["asset"], way["network"], way["address"], way["memo"], way["label"],
                moment_of(way["usable_at"]),
            )
            for way in value["destinations"]
        ),
        sell=frozenset(value["sell"]),
        sell_rest=value["sell_rest"],
        left_out=frozenset(value["left_out"]),
        only=frozenset(value["only"]),
        redeem_early=value["redeem_early"],
        beyond_slippage=frozenset(value["beyond_slippage"]),
        consents=tuple(
            Consent(
                asset=consent["asset"], way=Way(consent["way"]), amount_max=Decimal(consent["amount_max"]),
                to_account=consent["to_account"],
            )
            for consent in value["consents"]
        ),
    )  # fmt: skip


def receipt(answer: Receipt) -> dict[str, object]:
    """Return a receipt."""
    return {
        "key": answer.key, "state": answer.state, "at": moment(answer.at), "reason": answer.reason,
        "moved": [[part.wallet, part.asset, amount(part.amount)] for part in answer.moved],
        "notes": dict(answer.notes),
    }  # fmt: skip


def receipt_of(value: Mapping[str, Any]) -> Receipt:
    """Read a receipt."""
    return Receipt(
        value["key"], ReceiptState(value["state"]), datetime.fromisoformat(value["at"].removesuffix("Z")),
        value["reason"], tuple(Moved(wallet, asset, Decimal(much)) for wallet, asset, much in value["moved"]),
        value["notes"],
    )  # fmt: skip

"""To JSON values and back without loss: what a journal keeps of runs. See :mod:`closeout.clearing.stored`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from closeout.clearing.confirmed import Confirmed, Term
from closeout.clearing.journal import Event
from closeout.clearing.lines import Line
from closeout.clearing.stages import Stage
from closeout.clearing.stored import (
    amount,
    amount_of,
    choices,
    choices_of,
    command,
    command_of,
    moment,
    moment_of,
)  # fmt: skip


def line(said: Line) -> dict[str, object]:
    """Return a line."""
    return {
        "stage": said.stage, "command": command(said.command), "things": list(said.things),
        "subject": said.subject, "about": amount(said.about), "about_asset": said.about_asset,
    }  # fmt: skip


def line_of(value: Mapping[str, Any]) -> Line:
    """Read a line."""
    return Line(
        Stage(value["stage"]), command_of(value["command"]), tuple(value["things"]), value["subject"],
        amount_of(value["about"]), value["about_asset"],
    )  # fmt: skip


def confirmed(said: Confirmed) -> dict[str, object]:
    """Return what a confirmation binds."""
    return {
        "account_id": said.account_id, "digest": said.digest, "shown_at": moment(said.shown_at),
        "policy_version": said.policy_version, "choices": choices(said.choices),
        "terms": [
            {"stage": term.stage, "command": command(term.command), "things": list(term.things),
             "done_at": moment(term.done_at)}
            for term in said.terms
        ],
        "unsold": dict(said.unsold), "stopped": dict(said.stopped),
        "costs": {asset: str(cost) for asset, cost in said.costs.items()},
    }  # fmt: skip


def confirmed_of(value: Mapping[str, Any]) -> Confirmed:
    """Read what a confirmation binds."""
    terms = tuple(
        Term(
            Stage(term["stage"]), command_of(term["command"]), tuple(term["things"]), moment_of(term["done_at"])
        )
        for term in value["terms"]
    )  # fmt: skip
    return Confirmed(
        value["account_id"], value["digest"], _at(value["shown_at"]), value["policy_version"],
        choices_of(value["choices"]), terms, value["unsold"], value["stopped"],
        {asset: Decimal(cost) for asset, cost in value.get("costs", {}).items()},
    )  # fmt: skip


def event(step: Event) -> dict[str, object]:
    """Return an event without its id."""
    return {
        "at": moment(step.at), "kind": step.kind, "stage": step.stage, "command": step.command,
        "account_id": step.account_id, "things": list(step.things), "asset": step.asset,
        "amount": amount(step.amount), "reason": step.reason, "round": step.round, "done": step.done,
        "total": step.total,
    }  # fmt: skip


def event_of(value: Mapping[str, Any], number: int) -> Event:
    """Read an event; ``number`` is its id."""
    known = {**value, "id": number, "at": _at(value["at"]), "things": tuple(value["things"])}
    return Event(**{**known, "amount": amount_of(value["amount"])})


def _at(value: str) -> datetime:
    return datetime.fromisoformat(value.removesuffix("Z"))

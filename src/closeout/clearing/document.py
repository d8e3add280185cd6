"""The JSON that programs read: ``closeout.clear/1``, for the dry run, the events and the outcome.

Amounts are decimal strings, times ISO 8601 with ``Z``, languages keyed ``en`` and ``zh``. Fields are only
ever added under the same version. docs/en/reference/clear-json.md describes every field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from closeout.clearing.lines import Leftover, Line
from closeout.clearing.plan import Plan, Task
from closeout.clearing.stored import amount, choices, command, moment
from closeout.venues.base import Quote, Receipt

if TYPE_CHECKING:
    from closeout.clearing.dry_run import DryRun, Offer
    from closeout.clearing.journal import Entry, Event
    from closeout.clearing.run import Outcome
    from closeout.reasons import Refused

SCHEMA = "closeout.clear/1"
Json = Mapping[str, object]


def shown(dry: DryRun) -> Json:
    """Return the dry run; its digest is taken over exactly this."""
    return {
        "schema": SCHEMA,
        "kind": "dry_run",
        "account_id": dry.account_id,
        "as_of": moment(dry.shown_at),
        "policy_version": dry.policy_version,
        "slippage_max": amount(dry.slippage_max),
        "choices": choices(dry.choices),
        "commands": [_offer(offer) for offer in dry.offers],
        "asking": [_offer(offer) for offer in dry.asking],
        "later": [_offer(offer) for offer in dry.later],
        "slices": [
            {"asset": part.asset, "amount": amount(part.amount), "at": moment(part.at)} for part in dry.slices
        ],
        **_rest(dry.plan),
    }


def dry_run(dry: DryRun) -> Json:
    """Return the dry run together with the digest that a confirmation names."""
    return {**shown(dry), "digest": dry.digest}


def refused(no: Refused) -> Json:
    """Return a refusal: every reason with its code and its sentence in both languages; nothing was moved."""
    reasons = [
        {"code": reason.code, **{language: reason.sentence(language) for language in ("en", "zh")}}
        for reason in no.reasons
    ]
    return {"schema": SCHEMA, "kind": "refused", "reasons": reasons}


def outcome(result: Outcome) -> Json:
    """Return how a run stands: what was done, what was refused, what remains."""
    return {
        "schema": SCHEMA,
        "kind": "outcome",
        "account_id": result.run.account_id,
        "run": result.run.run_id,
        "digest": result.run.confirmed.digest,
        "as_of": moment(result.plan.as_of),
        "state": result.state,
        "wakes_at": moment(result.run.wakes_at),
        "rounds": max((entry.round for entry in result.entries), default=0),
        "commands": [_entry(entry) for entry in result.entries],
        "asks": [{**_line(ask.line), "reason": ask.reason} for ask in result.asks],
        **_rest(result.plan),
    }


def event(step: Event) -> Json:
    """Return one event of the stream; ``id`` is the event id of a server-sent event."""
    return {
        "schema": SCHEMA, "kind": step.kind, "id": step.id, "at": moment(step.at), "stage": step.stage,
        "command": step.command, "account_id": step.account_id, "things": list(step.things),
        "asset": step.asset, "amount": amount(step.amount), "reason": step.reason, "round": step.round,
        "done": step.done, "total": step.total,
    }  # fmt: skip


def _rest(plan: Plan) -> dict[str, object]:
    return {
        "held": plan.held,
        "earliest_closing_at": moment(plan.earliest_at),
        "waits": [_task(wait) for wait in plan.waits],
        "manual": [_task(task) for task in plan.manual],
        "leftovers": [_leftover(left) for left in plan.leftovers],
        "unknown": list(plan.unknown),
        "traps": [{"code": trap.code, "text": dict(trap.text)} for trap in plan.traps],
    }


def _line(line: Line) -> dict[str, object]:
    return {
        "id": line.id, "stage": line.stage, **command(line.command), "things": list(line.things),
        "subject": line.subject, "about": amount(line.about), "about_asset": line.about_asset,
    }  # fmt: skip


def _offer(offer: Offer) -> Json:
    return {**_line(offer.line), "may_be_left_out": True, "quote": quote(offer.quote)}


def _entry(entry: Entry) -> Json:
    return {
        **_line(entry.line), "round": entry.round, "key": entry.key,
        "receipt": None if entry.receipt is None else receipt(entry.receipt),
    }  # fmt: skip


def quote(said: Quote) -> Json:
    """Return what the venue quoted, without the command."""
    numbers: Sequence[tuple[str, Decimal | None]] = [
        ("price", said.price), ("mark", said.mark), ("proceeds", said.proceeds), ("fee", said.fee),
        ("penalty", said.penalty), ("quantity", said.quantity), ("most", said.most),
        ("daily_max", said.daily_max),
    ]  # fmt: skip
    times: Sequence[tuple[str, datetime | None]] = [
        ("price_at", said.price_at), ("done_at", said.done_at), ("more_at", said.more_at),
    ]  # fmt: skip
    return {
        "possible": said.possible, "reason": said.reason, "proceeds_asset": said.proceeds_asset,
        "fee_asset": said.fee_asset, "proceeds_wallet": said.proceeds_wallet,
        **{name: amount(value) for name, value in numbers}, **{name: moment(value) for name, value in times},
    }  # fmt: skip


def receipt(answer: Receipt) -> Json:
    """Return a receipt with the money that it moved."""
    return {
        "state": answer.state, "at": moment(answer.at), "reason": answer.reason,
        "moved": [
            {"wallet": part.wallet, "asset": part.asset, "amount": amount(part.amount)}
            for part in answer.moved
        ],
        "notes": dict(answer.notes),
    }  # fmt: skip


def _task(task: Task) -> Json:
    blocker = task.blocker
    return {
        "code": blocker.code, "who": task.who, "account_id": blocker.account_id, "subject": blocker.subject,
        "item": blocker.item, "asset": blocker.asset, "amount": amount(blocker.amount),
        "clears_at": moment(blocker.clears_at), "title": dict(task.title),
    }  # fmt: skip


def _leftover(left: Leftover) -> Json:
    return {
        "thing": left.thing, "reason": left.reason, "account_id": left.account_id, "subject": left.subject,
        "asset": left.asset, "amount": amount(left.amount),
    }  # fmt: skip

"""Messages to the holder: written sealed into the outbox table, sent from there, proven by their hash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from closeout.cases import journal, letters, policies, queries, reminders, senders, vaults, venues
from closeout.cases.effects import Claimed, Handler, Outcome
from closeout.cases.models import Case, Message
from closeout.cases.operations import life_of
from closeout.lifecycle import Effect, State
from closeout.records.vault import KeyDestroyed
from closeout.venues.base import Holder

CONTEXT = "message.sealed"


def addresses(holder: Holder) -> Sequence[tuple[str, str]]:
    """Return (channel, address) for every way to reach the holder, replaced contacts of 90 days included."""
    current = [("email", holder.email), ("sms", holder.phone)]
    found = [(channel, address) for channel, address in current if address]
    return found + [pair for pair in holder.replaced if pair not in found]


def notify(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Tell holders what happened to their cases, on every channel. Handler of ``message.send``."""
    cases = {case.pk: case for case in queries.cases([effect.case_id for effect in batch])}
    outcomes = []
    for effect in batch:
        case = cases[effect.case_id]
        try:
            sent = _tell(case, effect, now=now)
        except OSError:
            outcomes.append(Outcome(effect, fault="way_closed"))
        except KeyDestroyed:
            outcomes.append(Outcome(effect, fault="erased", final=True))
        else:
            outcomes.append(Outcome(effect, receipt={"messages": sent}))
    return outcomes


def _tell(case: Case, effect: Claimed, *, now: datetime) -> int:
    if "message" in effect.data:
        dispatch(case, Message.objects.get(pk=effect.data["message"]), now=now)
        return 1
    holder = venues.venue(case.venue).holder(case.account_id)
    if holder is None:
        return 0
    template = str(effect.data["template"])
    ways = addresses(holder)
    told = effect.data.get("due_at")
    due_at = case.due_at if told is None else datetime.fromisoformat(str(told))
    for number, (channel, address) in enumerate(ways):
        key = f"{effect.key}-{number}"
        message = keep(
            case, holder, template=template, channel=channel, address=address, key=key, now=now,
            values={"due_at": "" if due_at is None else f"{due_at:%Y-%m-%d %H:%M}"},
        )  # fmt: skip
        dispatch(case, message, now=now)
    return len(ways)


def keep(
    case: Case,
    holder: Holder,
    *,
    template: str,
    channel: str,
    address: str,
    key: str,
    now: datetime,
    values: Mapping[str, str] | None = None,
) -> Message:
    """Write one letter and keep it sealed under ``key``; a known key keeps its letter. Raises: KeyDestroyed."""
    policy = policies.of_version(case.policy_id)
    filled = {
        "number": case.number,
        "due_at": "" if case.due_at is None else f"{case.due_at:%Y-%m-%d %H:%M}",
        "phrase": holder.phrase or "—",
        "domains": ", ".join(policy.own_domains),
        **(values or {}),
    }
    letter = letters.write(template, channel, case.language, filled)
    subject = vaults.subject_of(case.venue, case.account_id)
    text = json.dumps({"to": address, "subject": letter.subject, "body": letter.body}, ensure_ascii=False)
    message, _ = Message.objects.get_or_create(
        key=key,
        defaults={
            "case": case, "channel": channel, "template": template, "language": case.language,
            "sealed": vaults.vault().seal(subject, "operational", text.encode(), context=CONTEXT),
            "text_hash": letter.digest, "created_at": now,
        },
    )  # fmt: skip
    return message


def dispatch(case: Case, message: Message, *, now: datetime) -> None:
    """Send a kept letter; one that was sent is not sent again. Raises: OSError (way closed), KeyDestroyed."""
    if message.sent_at is not None:
        return
    text = _opened(case, message)
    letter = letters.Written(text["subject"], text["body"])
    senders.sender().send(key=message.key, channel=message.channel, address=text["to"], letter=letter)
    Message.objects.filter(pk=message.pk).update(sent_at=now)


def _opened(case: Case, message: Message) -> Mapping[str, str]:
    subject = vaults.subject_of(case.venue, case.account_id)
    text: Mapping[str, str] = json.loads(
        vaults.vault().open(subject, "operational", bytes(message.sealed), context=CONTEXT)
    )
    return text


def inbox(case: Case) -> Sequence[Mapping[str, str]]:
    """Return the messages of ``case`` as they were sent, oldest first. Raises: KeyDestroyed after erasure."""
    messages = Message.objects.filter(case=case).order_by("id")
    return [
        {**_opened(case, message), "channel": message.channel, "template": message.template}
        for message in messages
    ]


def remind(*, now: datetime, most: int) -> int:
    """Write the reminders whose time has come as effects, and set the next ones."""
    with transaction.atomic():
        due = queries.lock(queries.to_remind(now=now, most=most), wait=False)
        journal.enqueue(
            [(case.pk, Effect.NOTIFY, {"template": "remind"}, now) for case in due if _runs(case)]
        )
        coming = {
            case.pk: reminders.next_at(life_of(case), policies.of_version(case.policy_id), after=now)
            for case in due
        }
        queries.note_reminders(coming)
    return len(due)


def _runs(case: Case) -> bool:
    return case.state == State.COOLING_OFF and not case.held


HANDLERS: dict[str, Handler] = {Effect.NOTIFY.value: notify}

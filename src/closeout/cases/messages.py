"""Messages to the holder: written sealed into the outbox table, sent from there, proven by their hash."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.db import transaction

from closeout.cases import (
    dates,
    journal,
    letters,
    links,
    mandates,
    policies,
    queries,
    reminders,
    senders,
    signatures,
    vaults,
    venues,
    way_back,
)
from closeout.cases.effects import Claimed, Handler, Outcome
from closeout.cases.models import Case, Mandate, Message
from closeout.cases.operations import life_of
from closeout.cases.way_back import Standing
from closeout.lifecycle import Effect, State
from closeout.records.vault import KeyDestroyed
from closeout.venues.base import Holder

log = logging.getLogger(__name__)

CONTEXT = "message.sealed"
HOLDER_ONLY = frozenset(
    {"mandate", "protect", "recover", "answer"}
)  # letters that no signer of a mandate gets


def addresses(holder: Holder) -> Sequence[tuple[str, str]]:
    """Return (channel, address) for every way to reach the holder, replaced contacts of 90 days included."""
    current = [("email", holder.email), ("sms", holder.phone)]
    found = [(channel, address) for channel, address in current if address]
    return found + [pair for pair in holder.replaced if pair not in found]


def notify(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Tell holders what happened to their cases, on every channel. Handler of ``message.send``.

    A way that is closed is not knocked at again for the rest of the batch; the other ways are still used.
    """
    cases = {case.pk: case for case in queries.cases([effect.case_id for effect in batch])}
    mandated = {
        one.case_id: one for one in Mandate.objects.filter(case__in=cases, state="open") if one.case_id
    }
    closed: set[str] = set()
    outcomes = []
    for effect in batch:
        case = cases[effect.case_id]
        try:
            sent = _sent(case, _written(case, effect, mandated, now=now), closed, now=now)
        except KeyDestroyed:
            outcomes.append(Outcome(effect, fault="erased", final=True))
            continue
        fault = "" if sent is not None else "way_closed"
        outcomes.append(
            Outcome(effect, fault=fault, receipt={"messages": sent} if sent is not None else None)
        )
    return outcomes


def _written(
    case: Case, effect: Claimed, mandated: Mapping[int, Mandate], *, now: datetime
) -> Sequence[Message]:
    """Return the letters that ``effect`` asks for, kept: one for each way to reach those whom it concerns."""
    if "message" in effect.data:
        return [Message.objects.get(pk=effect.data["message"])]
    holder = venues.venue(case.venue).holder(case.account_id)
    if holder is None:
        return []
    told = effect.data.get("due_at")
    due_at = case.due_at if told is None else datetime.fromisoformat(str(told))
    template = str(effect.data["template"])
    # Support may write when nothing is left to take back.
    idle = template == "answer" and way_back.standing(case) not in (Standing.OPEN, Standing.STRONG)
    unlinked = {"link": ""} if idle else {}
    return [
        keep(
            case, holder, template=template, channel=way.channel, address=way.address,
            key=f"{effect.key}-{number}", now=now, language=way.language, signer=way.signer,
            values={"due_at": _when(due_at, way.language), **unlinked, **way.values},
        )
        for number, way in enumerate(_ways(case, holder, effect, mandated))
    ]  # fmt: skip


@dataclass(frozen=True)
class _Way:
    """One address to write to, in which language, and what is written there otherwise than elsewhere.

    ``signer``: the person of a mandate whose letter it is; without one it is the holder's.
    """

    channel: str
    address: str
    language: str
    values: Mapping[str, str] = field(default_factory=dict)
    signer: int | None = None


def _ways(case: Case, holder: Holder, effect: Claimed, mandated: Mapping[int, Mandate]) -> Sequence[_Way]:
    """Return every address: the holder's, and of a mandate each signer's, without the holder's own word (R-SUP-11)."""
    template, mandate = str(effect.data["template"]), mandated.get(case.pk)
    named = effect.data.get("signer")
    ways = [] if named else [_Way(channel, to, case.language) for channel, to in addresses(holder)]
    if mandate is not None and template not in HOLDER_ONLY:
        for signer in mandates.signers(mandate):
            if named in (None, signer.pk) and signer.sealed:
                values = {"phrase": "—"} | ({"link": signatures.link(signer)} if named else {})
                to = mandates.person_of(signer).email
                ways.append(_Way("email", to, signer.language, values, signer.pk))
    return ways


def _sent(case: Case, written: Sequence[Message], closed: set[str], *, now: datetime) -> int | None:
    """Send ``written`` over the ways that are open; return how many arrived, None if one must be tried again."""
    arrived, again = 0, False
    for message in written:
        if message.channel in closed:
            again = True
            continue
        try:
            arrived += dispatch(case, message, now=now)
        except OSError as why:
            log.warning("the way for %s is closed: %s", message.channel, type(why).__name__)
            closed.add(message.channel)
            again = True
    return None if again else arrived


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
    language: str = "",
    signer: int | None = None,
) -> Message:
    """Write one letter and keep it sealed under ``key``; a known key keeps its letter. Raises: KeyDestroyed.

    ``signer``: whose it is if not the holder's.
    """
    policy, language = policies.of_version(case.policy_id), language or case.language
    filled = {
        "number": case.number,
        "due_at": _when(case.due_at, language),
        "phrase": _word(holder.phrase),
        "domains": ", ".join(policy.own_domains),
        "link": way_back.link(case) if letters.leads_back(template) else "",
        **(values or {}),
    }
    letter = letters.write(template, channel, language, filled)
    _demand_own_links(letter, policy.own_domains)
    subject = vaults.subject_of(case.venue, case.account_id)
    text = {
        "to": address, "subject": letter.subject, "body": letter.body, "parts": dict(letter.parts), "signer": signer,
    }  # fmt: skip
    message, _ = Message.objects.get_or_create(
        key=key,
        defaults={
            "case": case, "channel": channel, "template": template, "language": language,
            "sealed": vaults.vault().seal(
                subject, "operational", json.dumps(text, ensure_ascii=False).encode(), context=CONTEXT
            ),
            "text_hash": letter.digest, "created_at": now,
        },
    )  # fmt: skip
    return message


def _when(at: datetime | None, language: str) -> str:
    return "" if at is None else dates.moment(at, language=language, zone=zone())


def zone() -> tzinfo:
    """Return the time zone in which letters name dates: ``CLOSEOUT_ZONE``, else that of the first audience."""
    return ZoneInfo(os.environ.get("CLOSEOUT_ZONE", "Asia/Shanghai"))


def _word(phrase: str) -> str:
    """Return the anti-phishing word; one that names a host is left out, for no letter carries a foreign link."""
    return "—" if not phrase or links.hosts(phrase) else phrase


def _demand_own_links(letter: letters.Written, own: Sequence[str]) -> None:
    """Refuse to write a letter that names a host which is not ours (R-SUP-9). Raises: ValueError."""
    here = urlsplit(way_back.address(own)).hostname or ""
    if strange := links.foreign(letter.body, [*own, here]):
        raise ValueError(f"a letter must not name {strange[0].host}")


def dispatch(case: Case, message: Message, *, now: datetime) -> bool:
    """Send a kept letter; return whether it arrived. One that was sent, or never can be, is not sent again.

    Raises: OSError (way closed), KeyDestroyed.
    """
    if message.sent_at is not None or message.fault:
        return not message.fault
    text = opened(case, message)
    letter = letters.Written(text["subject"], text["body"], text.get("parts", {}))
    try:
        senders.sender().send(key=message.key, channel=message.channel, address=text["to"], letter=letter)
    except senders.Undeliverable as why:
        log.warning("message %s can never be sent: %s", message.pk, why.reason)
        Message.objects.filter(pk=message.pk).update(fault=why.reason[:32])
        return False
    Message.objects.filter(pk=message.pk).update(sent_at=now)
    return True


def opened(case: Case, message: Message) -> Mapping[str, Any]:
    """Return a kept letter: to, subject, body, parts, signer. Raises: KeyDestroyed."""
    subject = vaults.subject_of(case.venue, case.account_id)
    text: Mapping[str, Any] = json.loads(
        vaults.vault().open(subject, "operational", bytes(message.sealed), context=CONTEXT)
    )
    return text


def inbox(case: Case) -> Sequence[Mapping[str, str]]:
    """Return the messages of ``case`` as they were sent, oldest first. Raises: KeyDestroyed after erasure."""
    found = []
    for message in Message.objects.filter(case=case).order_by("id"):
        text = opened(case, message)
        shown = {name: str(text[name]) for name in ("to", "subject", "body")}
        link = str(text.get("parts", {}).get("link", ""))
        found.append({**shown, "link": link, "channel": message.channel, "template": message.template})
    return found


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

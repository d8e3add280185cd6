"""Seeding: the same generated people in every sandbox, once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg

from closeout.venues.sandbox import building, people
from closeout.venues.sandbox.cast import AWAY, CAST

Connection = psycopg.Connection[Any]

FAMILY_NAMES = {
    "zh": ("凌", "纪", "闻", "屈", "祝", "柏", "尹", "甘", "卓", "麦", "施", "殷"),
    "en": (
        "Ashgrove",
        "Birchwell",
        "Coldbrook",
        "Dunmere",
        "Elmstead",
        "Fernhollow",
        "Greywick",
        "Hartsmoor",
    ),
}
GIVEN_NAMES = {
    "zh": ("知夏", "若安", "景行", "望舒", "子墨", "清和", "云起", "思齐", "以宁", "明澈"),
    "en": ("Alder", "Briar", "Cedar", "Della", "Everly", "Fable", "Juniper", "Marlow", "Orrin", "Wren"),
}
PHRASES = {
    "zh": ("青石小巷", "半窗月色", "山前细雨"),
    "en": ("quiet harbour", "paper lantern", "seven gates"),
}
JURISDICTIONS = {"zh": "CN", "en": "DE"}


def private_of(handle: str, language: str, generation: int, now: datetime) -> people.Private:
    """Generate what is known of a person; the same handle and generation give the same person.

    Addresses lie in the domain that is reserved for examples, phone numbers in ranges that nobody has.
    """
    digest = hashlib.sha256(f"{handle}/{generation}".encode()).digest()

    def pick(choices: tuple[str, ...], byte: int) -> str:
        return choices[digest[byte] % len(choices)]

    family, given = pick(FAMILY_NAMES[language], 0), pick(GIVEN_NAMES[language], 1)
    number = int.from_bytes(digest[2:6]) % 10_000_000
    phone = f"+86 100 {number:07d}" if language == "zh" else f"+49 000 {number:07d}"
    suffix = "" if generation == 1 else f".{generation}"
    replaced: tuple[tuple[str, str, str], ...] = ()
    if handle == "security":
        changed = (now - timedelta(days=3)).isoformat()
        replaced = (("email", f"{handle}.before{suffix}@example.org", changed),)
    return people.Private(
        name=family + given if language == "zh" else f"{given} {family}",
        email=f"{handle}{suffix}@example.org", phone=phone,
        document=f"{language.upper()}{int.from_bytes(digest[6:11]) % 10**9:09d}",
        totp_secret=hashlib.sha256(b"authenticator" + digest).digest()[:20],
        phrase=pick(PHRASES[language], 11), replaced=replaced,
    )  # fmt: skip


def seed(
    connection: Connection, sealer: people.Sealer, now: datetime, *, renew: Collection[str] = ()
) -> Mapping[str, int]:
    """Make the people who are missing, in one transaction; return the account of every handle.

    Idempotent: who is there stays as they are. A person whose account is closed is made anew, with a new account,
    only if ``renew`` names them. The first seed sets the exchange's clock to ``now`` (naive UTC); a later one
    leaves it and describes the new people as of the clock. Raises: psycopg.Error.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('closeout sandbox seed'))")
        known = dict(
            connection.execute(
                "select distinct on (handle) handle, account_id from sandbox.account where handle is not null "
                "order by handle, account_id desc"
            ).fetchall()
        )
        if not known:
            connection.execute("update sandbox.clock set instant = %s", (now,))
        row = connection.execute("select sandbox.now() from sandbox.clock for update").fetchone()
        moment: datetime = row[0] if row else now
        living = {
            handle
            for (handle,) in connection.execute(
                "select handle from sandbox.account where state <> 'closed'"
            ).fetchall()
        }
        missing = [
            handle for handle in CAST if handle not in known or (handle in renew and handle not in living)
        ]
        connection.execute("update sandbox.clock set instant = instant - %s", (AWAY,))
        for handle in missing:
            known[handle] = _person(connection, sealer, handle, moment)
        connection.execute("update sandbox.clock set instant = instant + %s", (AWAY,))
        _bring_forward(connection, [known[handle] for handle in missing])
    return known


def _person(connection: Connection, sealer: people.Sealer, handle: str, now: datetime) -> int:
    language = "zh" if list(CAST).index(handle) % 2 else "en"
    row = connection.execute(
        "insert into sandbox.account (handle, jurisdiction, opened_at) values (%s, %s, %s) "
        "returning account_id, (select count(*) + 1 from sandbox.account where handle = %s)",
        (handle, JURISDICTIONS[language], now - timedelta(days=700), handle),
    ).fetchone()
    account_id, generation = (int(row[0]), int(row[1])) if row else (0, 1)
    room = building.Room(connection, account_id, now)
    with connection.cursor() as cursor:
        people.save(cursor, sealer, account_id, language, private_of(handle, language, generation, now))
    room.row("identity", state="verified", valid_until=room.later(days=1500), verified_at=room.ago(days=690))
    for kind in ("email", "phone"):
        room.row("contact", kind=kind, reachable=True, confirmed_at=room.ago(days=100))
    for days in (400, 90, 30, 2):
        room.row(
            "login", happened_at=room.ago(days=days), device="Firefox on Linux", place=JURISDICTIONS[language]
        )
    room.row("session", started_at=room.ago(hours=2))
    room.row("message", sent_at=room.ago(days=690), subject="Welcome", body="Your account is open.")
    CAST[handle][0](room)
    return account_id


def _bring_forward(connection: Connection, accounts: list[int]) -> None:
    """Let what is in flight be due after the seeded moment, though the money arrived a month before it."""
    connection.execute(
        "update sandbox.movement set started_at = started_at + %s, expected_at = expected_at + %s "
        "where account_id = any(%s) and state = 'pending'",
        (AWAY, AWAY, accounts),
    )

"""Who the holders are: personal data, which is stored sealed and opened only to write to them or to sign them in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from closeout.venues.base import Holder, Passkey
from closeout.venues.sandbox.ledger import Cursor, one

CLASS = "operational"
CONTEXT = "sandbox.person"
REPLACED = timedelta(days=90)  # contacts that were replaced in these days are told as well (R-CLO-12)


class Sealer(Protocol):
    """Seals bytes of a person; :class:`closeout.records.vault.Vault` is one."""

    def seal(self, subject: str, cls: str, plaintext: bytes, *, context: str = "") -> bytes:
        """Encrypt ``plaintext`` for ``subject``."""

    def open(self, subject: str, cls: str, sealed: bytes, *, context: str = "") -> bytes:
        """Decrypt what :meth:`seal` returned."""

    def seal_all(self, cls: str, plain: Mapping[str, bytes], *, context: str = "") -> Mapping[str, bytes]:
        """Encrypt many at once, for people whose keys exist."""

    def open_all(self, cls: str, sealed: Mapping[str, bytes], *, context: str = "") -> Mapping[str, bytes]:
        """Decrypt many at once; whose key is gone is left out."""


@dataclass(frozen=True)
class Person:
    """A seeded person as a sign-in page or a terminal shows them. ``about`` is by language."""

    handle: str
    account_id: int
    name: str
    language: str
    about: Mapping[str, str]


@dataclass(frozen=True)
class Private:
    """What is known of a person and stored sealed only."""

    name: str
    email: str
    phone: str
    document: str
    totp_secret: bytes
    phrase: str = ""
    replaced: tuple[tuple[str, str, str], ...] = ()  # email or sms, address, ISO time of the replacement
    passkeys: tuple[tuple[str, str], ...] = ()  # number and public key, as hex digits


def subject(account_id: int) -> str:
    """Return the name under which the vault keeps the keys of the person behind ``account_id``."""
    return f"sandbox:{account_id}"


def save(cursor: Cursor, sealer: Sealer, account_id: int, language: str, private: Private) -> None:
    """Seal and store what is known of the person."""
    sealed = sealer.seal(subject(account_id), CLASS, _text(private), context=CONTEXT)
    cursor.execute(
        "insert into sandbox.person (account_id, language, sealed) values (%s, %s, %s) "
        "on conflict (account_id) do update set language = excluded.language, sealed = excluded.sealed",
        (account_id, language, sealed),
    )


def save_all(
    cursor: Cursor, sealer: Sealer, languages: Mapping[int, str], private: Mapping[int, Private]
) -> None:
    """Seal and store what is known of many people whose keys exist, by account, in one statement."""
    texts = {subject(account): _text(known) for account, known in private.items()}
    sealed = sealer.seal_all(CLASS, texts, context=CONTEXT)
    cursor.execute(
        "insert into sandbox.person (account_id, language, sealed) "
        "select * from unnest(%s::bigint[], %s::varchar[], %s::bytea[])",
        (list(private), [languages[account] for account in private],
         [sealed[subject(account)] for account in private]),
    )  # fmt: skip


def _text(private: Private) -> bytes:
    known = private.__dict__ | {"totp_secret": private.totp_secret.hex()}
    return json.dumps(known, ensure_ascii=False).encode()


def load(cursor: Cursor, sealer: Sealer, account_id: int) -> tuple[str, Private] | None:
    """Return language and what is known of the person; none if there is no person (any more)."""
    cursor.execute("select language, sealed from sandbox.person where account_id = %s", (account_id,))
    row = cursor.fetchone()
    return None if row is None else (row[0], _opened(sealer, account_id, row[1]))


def _opened(sealer: Sealer, account_id: int, sealed: bytes) -> Private:
    return _read(sealer.open(subject(account_id), CLASS, bytes(sealed), context=CONTEXT))


def _read(text: bytes) -> Private:
    known = json.loads(text)
    return Private(
        known["name"], known["email"], known["phone"], known["document"], bytes.fromhex(known["totp_secret"]),
        known["phrase"], tuple((kind, address, at) for kind, address, at in known["replaced"]),
        tuple((credential, key) for credential, key in known.get("passkeys", ())),
    )  # fmt: skip


def holder(cursor: Cursor, sealer: Sealer, account_id: int) -> Holder | None:
    """Return the person as every venue describes them, with the contacts replaced in the last 90 days."""
    found = load(cursor, sealer, account_id)
    if found is None:
        return None
    language, private = found
    cursor.execute("select sandbox.now()")
    return _described(account_id, language, private, since=one(cursor)[0] - REPLACED)


def _described(account_id: int, language: str, private: Private, *, since: datetime) -> Holder:
    replaced = tuple((kind, to) for kind, to, at in private.replaced if datetime.fromisoformat(at) >= since)
    return Holder(
        account_id,
        private.name,
        private.email,
        private.phone,
        private.totp_secret,
        language,
        private.phrase,
        replaced,
        tuple(Passkey(bytes.fromhex(one), bytes.fromhex(key)) for one, key in private.passkeys),
        private.document,
    )


def add_passkey(cursor: Cursor, sealer: Sealer, account_id: int, passkey: Passkey) -> bool:
    """Register ``passkey`` for the person, as the exchange's own security page would; False without a person."""
    cursor.execute("select from sandbox.person where account_id = %s for no key update", (account_id,))
    found = load(cursor, sealer, account_id)
    if found is None:
        return False
    language, private = found
    added = (*private.passkeys, (passkey.credential.hex(), passkey.public_key.hex()))
    save(cursor, sealer, account_id, language, replace(private, passkeys=added))
    return True


def holders(cursor: Cursor, sealer: Sealer, accounts: Sequence[int]) -> Mapping[int, Holder]:
    """Return the persons behind ``accounts`` as :func:`holder` does; who is erased is left out."""
    cursor.execute(
        "select account_id, language, sealed, sandbox.now() from sandbox.person where account_id = any(%s)",
        (list(accounts),),
    )
    rows = {
        subject(account): (account, language, bytes(sealed), now) for account, language, sealed, now in cursor
    }
    opened = sealer.open_all(CLASS, {name: row[2] for name, row in rows.items()}, context=CONTEXT)
    return {
        rows[name][0]: _described(rows[name][0], rows[name][1], _read(text), since=rows[name][3] - REPLACED)
        for name, text in opened.items()
    }


def people(cursor: Cursor, sealer: Sealer) -> Sequence[Person]:
    """Return everybody with a handle whose account is not closed, by account number."""
    from closeout.venues.sandbox.cast import ABOUT  # the cast imports this module

    cursor.execute(
        "select a.handle, a.account_id, p.language, p.sealed from sandbox.account as a "
        "join sandbox.person as p using (account_id) where a.handle is not null and a.state <> 'closed' order by 2"
    )
    nobody = {"en": "", "zh": ""}
    return [
        Person(handle, number, _opened(sealer, number, sealed).name, language, ABOUT.get(handle, nobody))
        for handle, number, language, sealed in cursor.fetchall()
    ]

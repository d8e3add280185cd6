"""Relying parties hear of closed accounts by signed events over a real HTTP server. R-CLO-7; RFC 8417, RFC 8935."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.db import connection
from tests.cases.exchange import Exchange

from closeout.cases import parties, signals, upkeep, vaults, venues
from closeout.cases.models import EffectRow, RecycledIdentifier

RISC = "https://schemas.openid.net/secevent/risc/event-type/"


class Receiver(ThreadingHTTPServer):
    """A relying party: keeps what it gets and answers as told, then 202."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.got: list[tuple[dict[str, str], str]] = []
        self.answers: list[tuple[int, bytes]] = []
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def end(self) -> None:
        """Close the door."""
        self.shutdown()
        self.thread.join()
        self.server_close()

    def events(self, audience: str) -> list[dict[str, Any]]:
        """Return what was signed, checked with another library and the published keys only."""
        published = vaults.signing(now=venues.now()).public().jwks
        found = []
        for headers, token in self.got:
            assert headers["content-type"] == "application/secevent+jwt"
            head = jwt.get_unverified_header(token)
            assert head["typ"] == "secevent+jwt"
            key = jwt.PyJWK({**published[head["kid"]], "alg": "EdDSA"}).key
            claims = jwt.decode(
                token, key, algorithms=["EdDSA"], audience=audience, options={"verify_iat": False}
            )
            assert "exp" not in claims  # RFC 8417 section 2.2
            found.append(claims)
        return found


class Answering(BaseHTTPRequestHandler):
    """One request of the receiver."""

    server: Receiver

    def do_POST(self) -> None:
        """Keep what came, answer as told."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        status, said = self.server.answers.pop(0) if self.server.answers else (202, b"")
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def receivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sequence[Receiver]]:
    """Two relying parties, the second with a token."""
    both = [Receiver(), Receiver()]
    (tmp_path / "token").write_text("let-me-in\n")
    text = 'issuer = "https://exchange.example"\n'
    for number, one in enumerate(both):
        text += f'[[party]]\nname = "p{number}"\naudience = "a{number}"\n'
        text += f'endpoint = "http://127.0.0.1:{one.server_port}/events"\n'
    text += f'token_file = "{tmp_path / "token"}"\n'
    (tmp_path / "parties.toml").write_text(text)
    monkeypatch.setenv("CLOSEOUT_RELYING_PARTIES", str(tmp_path / "parties.toml"))
    yield both
    for one in both:
        one.end()


def closed(exchange: Exchange) -> Any:
    (case,) = exchange.cooling(exchange.accounts[0])
    for _ in range(4):
        exchange.work(days=2)
    return exchange.again(case)


def rows(signal: str) -> list[EffectRow]:
    return list(EffectRow.objects.filter(kind="signal.send", data__signal=signal).order_by("id"))


def test_closing_and_erasing_are_told_and_nobody_waits_for_a_dead_party(
    exchange: Exchange, keyring: str, receivers: Sequence[Receiver]
) -> None:
    """One party refuses for weeks: the case is erased all the same, the other hears both, then the first does too."""
    assert keyring
    dead, alive = receivers
    dead.answers = [(503, b"")] * 10_000
    case = closed(exchange)
    exchange.work(days=181)
    assert exchange.again(case).state == "erased"
    events = alive.events("a1")
    assert [list(one["events"]) for one in events] == [[RISC + "account-disabled"], [RISC + "account-purged"]]
    subject = {"format": "iss_sub", "iss": "https://exchange.example", "sub": str(case.account_id)}
    assert [one["sub_id"] for one in events] == [subject, subject]
    assert {one["txn"] for one in events} == {case.number}
    assert {headers["authorization"] for headers, _ in alive.got} == {"Bearer let-me-in"}
    assert not [row for row in rows("account-purged") if row.data["party"] == "p0" and row.state == "done"]
    tries = len(dead.got)
    assert tries > 1
    assert len({token for _, token in dead.got}) == 1  # the same token, to the byte, at every attempt
    dead.answers = []
    for _ in range(3):
        exchange.work(minutes=16)
    told = dead.events("a0")[tries:]
    assert [list(one["events"]) for one in told] == [[RISC + "account-disabled"], [RISC + "account-purged"]]
    receipts = [row.receipt for row in rows("account-disabled") + rows("account-purged")]
    assert [one and one["status"] for one in receipts] == [202] * 4
    assert len({one["jti"] for one in receipts if one}) == 4


def test_a_party_that_refuses_needs_a_person(exchange: Exchange, receivers: Sequence[Receiver]) -> None:
    """RFC 8935 section 2.4: 400 names an error and is not repeated; the code goes on record, free words do not."""
    first, second = receivers
    first.answers = [(400, b'{"err": "invalid_audience", "description": "who are you"}')]
    second.answers = [(400, b"<html>name of a person</html>")]
    closed(exchange)
    faults = [(row.state, row.fault) for row in rows("account-disabled")]
    assert faults == [("failed", "refused_invalid_audience"), ("failed", "refused_unsaid")]
    assert (len(first.got), len(second.got)) == (1, 1)


def test_a_recycled_number_is_told_once_and_kept_no_longer(
    real: Exchange, receivers: Sequence[Receiver]
) -> None:
    """Hard case 49: the carrier gave the number to somebody else; who knew the old owner must not trust it."""
    holder = venues.sandbox().holder(real.accounts[0])
    assert holder is not None
    case = closed(real)
    phone = holder.phone or ""
    assert signals.recycle("phone", "+1 555 0000", now=real.now) == 0
    assert signals.recycle("phone", phone, now=real.now) == 1
    assert signals.recycle("phone", phone.replace(" ", "-"), now=real.now) == 0
    assert signals.forget() == 0
    real.work()
    digits = "+" + "".join(sign for sign in phone if sign.isdigit())
    for receiver, audience in zip(receivers, ("a0", "a1"), strict=True):
        assert receiver.events(audience)[-1]["sub_id"] == {"format": "phone_number", "phone_number": digits}
        assert list(receiver.events(audience)[-1]["events"]) == [RISC + "identifier-recycled"]
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(e::text, '') from cases_effect as e")
        assert digits[1:] not in cursor.fetchone()[0]
    upkeep.turn(now=real.now, present=real.now, duties={"retention": upkeep.DUTIES["retention"]})
    assert not RecycledIdentifier.objects.exclude(sealed=b"").exists()
    assert RecycledIdentifier.objects.filter(case=case, kind="phone").count() == 1
    EffectRow.objects.filter(kind="signal.send", data__signal="identifier-recycled").update(
        state="ready", run_at=real.now - timedelta(days=1)
    )
    real.work()
    assert {row.fault for row in rows("identifier-recycled")} == {"erased"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "issuer"),
        ('issuer = "i"\n[[party]]\nname = "a"\n', "endpoint"),
        (
            'issuer = "i"\n[[party]]\nname = "a"\naudience = "b"\nendpoint = "http://elsewhere.example/"',
            "https",
        ),
        (
            'issuer = "i"\n[[party]]\nname = "a"\naudience = "b"\nendpoint = "https://u:p@x.example/"',
            "more than host",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"{abs(hash(text))}.toml"
    path.write_text(text)
    monkeypatch.setenv("CLOSEOUT_RELYING_PARTIES", str(path))
    with pytest.raises(parties.BadParties, match=said):
        parties.parties()

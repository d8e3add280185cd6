"""The page of a closed account: opened with certificate and identity, told to nobody else. R-CLO-7, R-REC-2."""

from __future__ import annotations

import email
import email.policy
import io
import re
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from tests.cases.exchange import Exchange, closed

from closeout.cases import claiming, documents, policies, senders, upkeep, venues
from closeout.cases.models import ClaimRound
from closeout.policy import Policy


def asked(client: Client, paper: bytes, **words: Any) -> Any:
    file = SimpleUploadedFile("certificate", paper)
    return client.post("/closed", {"certificate": file, **words}, HTTP_ACCEPT_LANGUAGE="en")


def codes() -> list[tuple[str, str]]:
    """Return recipient and code of every letter that opens the page."""
    found = []
    for path in sorted(senders.outbox().glob("claim-*.eml"), key=lambda one: one.stat().st_mtime_ns):
        letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = letter.get_body(("plain",))
        assert body is not None
        code = re.search(r"(?<!\d)\d{8}(?!\d)", body.get_content())
        assert code is not None
        found.append((str(letter["to"]), code.group()))
    return found


def entries(event: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.entry where event = %s", [event])
        return int(cursor.fetchone()[0])


def test_a_former_holder_reads_and_claims_long_after_the_erasure(real: Exchange) -> None:
    """By PDF, a year later: statements until the second season ends, late value once, and what is kept until when."""
    case, holder = closed(real)
    paper = documents.read(documents.of(case, documents.PDF))
    right = {"name": holder.name.upper(), "email": holder.email or ""}
    real.work(days=181)
    real.deposit(case.account_id, "33")
    client = Client()
    answer = asked(client, paper, **right)
    assert answer["location"] == "/closed/code"
    assert client.get("/closed/account")["location"] == "/closed"
    asked(client, paper, **right)
    real.work()
    (address, _), (_, code) = codes()
    assert address == holder.email
    assert not ClaimRound.objects.exclude(sealed=b"").exists()
    wrong = client.post("/closed/code", {"code": "00000000"})
    assert wrong.status_code == 409
    assert client.post("/closed/code", {"code": f" {code[:4]} {code[4:]} "})["location"] == "/closed/account"
    page = client.get("/closed/account").content.decode()
    for said in (case.number, documents.masked(case.account_id), "33 USDT", "FATF R.11", "Download (ZIP)"):
        assert said in page
    assert holder.name not in page
    with zipfile.ZipFile(
        io.BytesIO(b"".join(client.get("/closed/statements.zip").streaming_content))
    ) as held:
        assert {"statement.pdf", "csv/ledger.csv"} <= set(held.namelist())
    assert client.get("/closed/payout").status_code == 405
    client.post("/closed/payout")
    assert "33 USDT" in client.get("/closed/account").content.decode()
    client.post("/closed/payout")
    assert "33 USDT" not in client.get("/closed/account").content.decode()
    told = {event: entries(event) for event in ("claim:enter", "statements:download", "claim:pay")}
    assert told == {"claim:enter": 1, "statements:download": 1, "claim:pay": 1}
    assert case.closed_at is not None
    real.set_clock(datetime(case.closed_at.year + 3, 1, 1, tzinfo=case.closed_at.tzinfo))
    assert client.get("/closed/statements.zip").status_code == 409
    assert "could be read until" in client.get("/closed/account").content.decode()
    assert client.post("/closed/exit")["clear-site-data"] == '"cache"'
    assert client.get("/closed/account")["location"] == "/closed"


def test_nobody_learns_whether_anything_fits(real: Exchange) -> None:
    """Threat 36, bad input: another's certificate, a changed one, none, the wrong person: one answer, and no letter."""
    case, holder = closed(real)
    paper = documents.read(documents.of(case, documents.JSON))
    printed = documents.read(documents.of(case, documents.PDF))
    right = {"name": holder.name, "email": holder.email or ""}
    seen = set()
    tries = [
        (paper, right), (paper, {**right, "name": "Somebody Else"}), (paper.replace(b"2026", b"2027", 1), right),
        (printed[:-4000], right), (b"%PDF-1.7 " + b"9" * 5000, {**right, "email": "a@example.org"}),
    ]  # fmt: skip
    for document, words in tries:
        client = Client()
        answer = asked(client, document, **words)
        page = client.get("/closed/code").content.decode()
        seen.add(
            (answer.status_code, answer["location"], re.sub(r'value="[^"]{40,}"|nonce="[^"]*"', "", page))
        )
        said = client.post("/closed/code", {"code": "00000000"}).content.decode()
        seen.add((0, "", re.sub(r'value="[^"]{40,}"|nonce="[^"]*"', "", said)))
    assert len(seen) == 2
    real.work()
    assert [address for address, _ in codes()] == [holder.email]
    assert ClaimRound.objects.filter(case=None).count() == len(tries) - 1


def test_codes_and_attempts_are_bounded(real: Exchange) -> None:
    """Threats 3 and 5: five guesses, once, for minutes; a network and a certificate may try only so often."""
    case, holder = closed(real)
    paper = documents.read(documents.of(case, documents.JSON))
    right = {"name": holder.name, "email": holder.email or ""}
    client = Client()
    asked(client, paper, **right)
    real.work()
    ((_, code),) = codes()
    answers = [client.post("/closed/code", {"code": "11111111"}).status_code for _ in range(6)]
    assert answers == [409] * 6
    assert (
        client.post("/closed/code", {"code": code}).status_code == 409
    )  # used up, although it is the right one
    asked(client, paper, **right)
    real.work()
    (_, late) = codes()[-1]
    real.later(minutes=11)
    assert client.post("/closed/code", {"code": late}).status_code == 409
    statuses = [asked(Client(), paper, **right).status_code for _ in range(5)]
    assert statuses[-1] == 409
    assert 302 in statuses
    from_one = [asked(Client(), b"{}", name="x", email=f"{one}@example.org").status_code for one in range(9)]
    assert from_one[-1] == 409  # ten an hour from one network, whoever they say they are
    real.later(days=2)
    upkeep.turn(now=real.now, present=real.now, duties={"retention": upkeep.DUTIES["retention"]})
    assert not ClaimRound.objects.exists()


def test_the_policy_may_ask_for_the_document_instead(real: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox can be lost; the number of the document that was verified proves it too, as a keyed hash."""
    case, holder = closed(real)
    real.work(days=181)
    monkeypatch.setattr(policies, "in_force", lambda: Policy(claim_proof=("document",)))
    paper = documents.read(documents.of(case, documents.JSON))
    client = Client()
    assert 'name="document"' in client.get("/closed").content.decode()
    assert asked(client, paper, name=holder.name, document="XX000").status_code == 409
    number = f"{holder.document[:4]}-{holder.document[4:].lower()}"
    assert asked(client, paper, name=holder.name, document=number)["location"] == "/closed/account"
    assert case.number in client.get("/closed/account").content.decode()
    assert not codes()


def test_the_page_is_guarded_like_every_other(real: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """CSRF, size, caches, a session of its own that ends; what is missing is said without losing what was typed."""
    assert real
    client = Client(enforce_csrf_checks=True)
    assert asked(client, b"{}", name="x", email="x@example.org").status_code == 403
    client = Client()
    big = asked(client, b"{" + b" " * (claiming.PAPER_MAX + (1 << 17)), name="x", email="x@example.org")
    assert big.status_code == 413
    half = client.post("/closed", {"name": "Somebody"})
    assert half.status_code == 409
    assert 'value="Somebody"' in half.content.decode()
    page = client.get("/closed")
    assert page["cache-control"] == "no-store"
    assert "default-src 'none'" in page["content-security-policy"]
    assert client.get("/closed/code")["location"] == "/closed"
    assert client.post("/closed/payout")["location"] == "/closed"
    session = client.session
    ago = datetime.now(venues.now().tzinfo) - timedelta(minutes=31)
    session.update({"closed_case": 1, "closed_since": ago.isoformat()})
    session.save()
    assert client.get("/closed/account")["location"] == "/closed"

"""What a former holder may still have. R-CLO-7, R-REC-2; hard cases 2, 14, 49."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import connection
from tests.cases.exchange import Exchange, closed

from closeout.cases import claims, documents, start, upkeep, venues
from closeout.commands.claim import claim
from closeout.reasons import Refused


def refused(document: bytes, exchange: Exchange, **words: str) -> str:
    with pytest.raises(Refused) as no:
        claims.prove(document, claims.Told(**words), now=exchange.now)
    return no.value.reasons[0].code


def test_late_value_is_claimed_with_certificate_and_identity(real: Exchange) -> None:
    """A year after the closing, when the person is long erased; twice pays once; the entries sum to zero."""
    case, holder = closed(real)
    document = documents.read(documents.of(case, documents.JSON))
    real.work(days=181)
    assert real.again(case).state == "erased"
    real.deposit(case.account_id, "33")
    real.later(days=180)
    told = claims.Told(f"  {holder.name.upper()} ", holder.email or "")
    proven = claims.prove(document, told, now=real.now)
    assert proven == case
    assert claims.waiting(case) == {"USDT": Decimal(33)}
    assert claims.pay(case, now=real.now) == {"USDT": Decimal(33)}
    assert claims.pay(case, now=real.now) == {}
    assert claims.waiting(case) == {}
    with connection.cursor() as cursor:
        cursor.execute(
            "select event, count(*) from audit.entry where event like 'claim:%%' group by 1 order by 1"
        )
        assert cursor.fetchall() == [("claim:pay", 1), ("claim:prove", 1)]
        cursor.execute("select count(*) from sandbox.asset_sum where balances <> 0")
        assert cursor.fetchone() == (0,)


def test_neither_alone_proves_a_claim(real: Exchange) -> None:
    """Bad input: the certificate of another, a changed one, none of ours, the wrong person, too many guesses."""
    case, holder = closed(real)
    right = {"name": holder.name, "email": holder.email or ""}
    document = documents.read(documents.of(case, documents.JSON))
    assert refused(document.replace(b"2026", b"2027", 1), real, **right) == "claim_unproven"
    assert refused(b"{}", real, **right) == "claim_unproven"
    other = venues.sandbox().holder(real.accounts[1])
    assert other is not None
    wrong = {"name": other.name, "email": other.email or ""}
    answers = [refused(document, real, **wrong) for _ in range(claims.TRIES + 1)]
    assert answers == ["claim_unproven"] * claims.TRIES + ["claim_waits"]
    assert refused(document, real, **right) == "claim_waits"
    real.later(hours=1)
    assert claims.prove(document, claims.Told(**right), now=real.now) == case


def test_an_identifier_is_free_after_thirty_days_and_never_blocks_another(real: Exchange) -> None:
    """Hard case 49: the carrier gave the number to somebody else; nothing stands in their way."""
    case, holder = closed(real)
    assert case.closed_at is not None
    phone = (holder.phone or "").replace(" ", "-")
    for kind, value in (("phone", phone), ("email", (holder.email or "").upper())):
        assert claims.usable_from(kind, value, same_person=False, now=real.now) is None
        wait = claims.usable_from(kind, value, same_person=True, now=real.now)
        assert wait == case.closed_at.replace(tzinfo=None) + timedelta(days=30)
        later = case.closed_at + timedelta(days=30)
        assert claims.usable_from(kind, value, same_person=True, now=later) is None
    assert claims.usable_from("email", "another@example.org", same_person=True, now=real.now) is None


def test_tombstones_are_purged_on_time(real: Exchange) -> None:
    case, holder = closed(real)
    assert case.closed_at is not None

    def kinds() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("select kind from retention.tombstone order by kind")
            return [kind for (kind,) in cursor.fetchall()]

    duties = {"retention": upkeep.DUTIES["retention"]}
    everything = ["claimant", "document", "email", "phone"]
    assert kinds() == everything
    for days, left in ((179, everything), (180, ["claimant", "document"]), (5 * 366, [])):
        now = case.closed_at + timedelta(days=days)
        upkeep.turn(now=now, present=now, duties=duties)
        assert kinds() == left
    document = documents.read(documents.of(case, documents.JSON))
    real.later(days=5 * 366)
    assert refused(document, real, name=holder.name, email=holder.email or "") == "claim_unproven"


def test_the_terminal_asks_and_hands_out(
    real: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, holder = closed(real)
    real.deposit(case.account_id, "7.5")
    monkeypatch.setattr(start, "begin", lambda: "")
    paper, statements = tmp_path / "c.pdf", tmp_path / "s.zip"
    paper.write_bytes(documents.read(documents.of(case, documents.PDF)))
    words = [str(paper), "--pay", "--statements", str(statements), "--lang", "en"]
    said = CliRunner().invoke(claim, words, input=f"{holder.name}\n{holder.email}\n")
    assert said.exit_code == 0, said.output
    assert f"{case.number}: 7.5 USDT paid out." in said.stdout
    assert statements.read_bytes().startswith(b"PK")

"""Wrong proof and wrong decisions through the real pages: the reason in both languages, and nothing is stored.

Issue 7, "Bad input". What the readers of files refuse is in test_uploads.py and test_pdf_pages.py, who may what in
test_console_matrix.py.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.cases.exchange import Exchange
from tests.cases.pdfs import pdf, scripted
from tests.cases.people import People, proven, referred, seeded
from tests.cases.test_doors import signed_in as holder_of
from tests.cases.test_doors import whole
from tests.cases.test_holds import ORDER
from tests.cases.test_holds import signed_in as agent_of
from tests.cases.test_mandates import ADA
from tests.cases.test_uploads import archive, bomb, picture
from tests.cases.webms import video

from closeout.cases import decisions, evidence, mandates, signatures
from closeout.cases.models import Approval, Case, Decision, Evidence, EvidenceRequest, EvidenceView
from closeout.reasons import Reason

LANGUAGES = ("zh", "en")
Store = Callable[[], object]


@pytest.fixture
def people(exchange: Exchange) -> People:
    """Everybody who is seeded."""
    return seeded()


@pytest.fixture
def stored(exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a function that says what is stored: rows of every table, requests, and files of evidence."""
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])
    monkeypatch.setenv("CLOSEOUT_EVIDENCE", str(tmp_path / "evidence"))

    def counted() -> object:
        asked = list(EvidenceRequest.objects.order_by("id").values_list("id", "state"))
        return whole(), asked, sorted((tmp_path / "evidence").glob("*"))

    return counted


def tells(response: Any, code: str, language: str, **values: str | int) -> None:
    """Demand the status and the whole sentence of a refusal."""
    assert response.status_code == 409, (code, response.status_code)
    sentence = Reason(code, values).sentence(language)
    assert sentence in html.unescape(response.content.decode()), (code, language)


def attached(content: bytes, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_proof_that_cannot_be_read_is_refused_on_the_holders_page(
    exchange: Exchange, people: People, stored: Store
) -> None:
    """A 50 MB photo, a JPEG that is a ZIP, a 30,000×30,000 PNG, a video without sound, no file, none asked for."""
    case = referred(exchange, exchange.accounts[0])
    clients = {language: holder_of(case.account_id, language=language) for language in LANGUAGES}
    for language, client in clients.items():
        tells(
            client.post("/proof/photo", {"file": attached(picture(), "x.jpg")}), "evidence_closed", language
        )
    for kind in ("photo", "video"):
        evidence.ask(people.session("identity-1"), case, kind, now=exchange.now)
    assert 'id="sentence"' in clients["zh"].get("/proof").content.decode()
    before = stored()
    files = {
        "upload_not_photo": ("photo", archive()),
        "upload_too_many_pixels": ("photo", bomb(30_000, 30_000)),
        "upload_no_sound": ("video", video(sound=None)),
        "upload_not_video": ("video", picture()),
    }
    for language, client in clients.items():
        for code, (kind, content) in files.items():
            tells(client.post(f"/proof/{kind}", {"file": attached(content, "photo.jpg")}), code, language)
        large = client.post("/proof/photo", {"file": attached(bytes(50 << 20), "photo.jpg")})
        tells(large, "upload_too_large", language, megabytes=16)
        tells(client.post("/proof/photo"), "upload_missing", language)
        spoken = client.post("/proof/video", {"file": attached(b"", "x")}, headers={"accept": "text/plain"})
        assert (spoken.status_code, spoken.content.decode()) == (
            409,
            Reason("upload_not_video").sentence(language),
        )
    assert stored() == before
    for language, client in clients.items():
        exchange.later(minutes=11)  # the page that refuses shows a new sentence
        late = client.post("/proof/video", {"file": attached(video(), "x.webm")})
        tells(late, "sentence_expired", language)
    assert not Evidence.objects.exists()


def test_documents_of_a_mandate_are_pictures_or_nothing(
    exchange: Exchange, people: People, stored: Store
) -> None:
    """R-SUP-11: a PDF is kept as its pages only, and each look is written down; a locked or torn one is not kept."""
    mandate = mandates.open_for(
        people.session("support-1"), exchange.accounts[0], kind="estate", needed=1, people=[ADA], language="en",
        now=exchange.now,
    )  # fmt: skip
    (signer,) = mandates.signers(mandate)
    files = {
        "upload_encrypted": pdf(password="x"),
        "upload_not_document": pdf(3)[:-400],
        "upload_too_many_pages": pdf(21),
    }
    clients = {}
    for language in LANGUAGES:
        clients[language] = Client(headers={"accept-language": {"zh": "zh-hans"}.get(language, language)})
        clients[language].get(f"/signature/{signatures.token(signer)}")
    before = stored()
    for language, client in clients.items():
        for code, content in files.items():
            form = {"document": "death", "file": attached(content, "death.pdf")}
            tells(client.post("/signature/documents", form), code, language)
        foreign = {"document": "agreement", "file": attached(pdf(), "x.pdf")}
        tells(client.post("/signature/documents", foreign), "evidence_closed", language)
    assert stored() == before
    for content in (pdf(2), scripted()):
        form = {"document": "death", "file": attached(content, "death.pdf")}
        assert clients["en"].post("/signature/documents", form).status_code == 302
    first, hostile = Evidence.objects.order_by("id")
    identity = agent_of(people, "identity-1")
    assert mandate.case is not None
    page = identity.get(f"/console/cases/{mandate.case.number}").content.decode()
    assert f"/console/evidence/{first.pk}?page=2" in page
    assert f"/console/evidence/{hostile.pk}?page=2" not in page
    shown = [identity.get(f"/console/evidence/{first.pk}?page={number}") for number in (1, 2)]
    assert [one.headers["Content-Type"] for one in shown] == ["image/jpeg"] * 2
    assert [len(one.content) for one in shown] == first.parts
    assert all(one.content.startswith(b"\xff\xd8\xff") for one in shown)
    for wrong in ("3", "0", "-1", "x", "9" * 40):
        assert identity.get(f"/console/evidence/{first.pk}?page={wrong}").status_code == 409
    assert EvidenceView.objects.count() == 2


def test_wrong_decisions_and_holds_are_refused_on_the_consoles_page(
    exchange: Exchange, people: People, stored: Store
) -> None:
    """An expired approval, a hold without authority, a case number of another tenant: in words, and nothing is done."""
    case, other = (referred(exchange, account) for account in exchange.accounts[:2])
    proven(case, people)
    Case.objects.filter(pk=other.pk).update(venue="elsewhere")
    agents = {language: agent_of(people, "compliance-1", language=language) for language in LANGUAGES}
    before = stored()
    for language, compliance in agents.items():
        placed = compliance.post(
            f"/console/cases/{case.number}/holds", ORDER | {"authority": " ", "ordered_on": "2026-01-01"}
        )
        tells(placed, "hold_authority", language)
        foreign = compliance.get(f"/console/cases/{other.number}")
        assert foreign.status_code == 404
        assert Reason("unknown_case").sentence(language) in foreign.content.decode()
    assert stored() == before
    assert not exchange.again(case).held
    for language in LANGUAGES:
        decision = decisions.ask(people.session("identity-1"), case, "proof", now=exchange.now)
        exchange.later(hours=25)
        approver = agent_of(people, "approver-1", language=language)
        there, form = f"/console/cases/{case.number}/answers", {"decision": decision.pk, "answer": "yes"}
        tells(approver.post(there, form), "decision_expired", language)
        tells(approver.post(there, form), "decision_ended", language)
    assert {one.state for one in Decision.objects.all()} == {"expired"}
    assert not Approval.objects.exists()
    assert exchange.again(case).state == "review"

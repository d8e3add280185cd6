"""The pages of mandates from the inside: a notice without sign-in, the agent who opens it, the signer. R-SUP-11."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.cases.exchange import Exchange
from tests.cases.people import People
from tests.cases.test_holds import signed_in
from tests.cases.test_mandates import ADA, BEN, people
from tests.cases.test_uploads import picture

from closeout.cases import mandates, signatures
from closeout.cases.models import Evidence, Mandate

__all__ = ["people"]


def test_the_pages_of_a_notice_and_of_a_signer(
    exchange: Exchange, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without sign-in: the answer is the same with and without such an account; the link goes into a cookie."""
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])
    said = {"kind": "joint", "name": "ada", "email": ADA.email, "text": "<b>We</b> agree."}
    texts = []
    for account in (str(exchange.accounts[0]), "999999999"):
        browser = Client(HTTP_ACCEPT_LANGUAGE="en")
        assert browser.get("/mandate").status_code == 200
        assert browser.post("/mandate", {**said, "email": "x"}).status_code == 409
        assert browser.post("/mandate", {**said, "account": account}).headers["Location"] == "/signature"
        texts.append(
            re.sub(
                r'signature/[\w-]+|value="[^"]*"|nonce="[^"]*"',
                "",
                browser.get("/signature").content.decode(),
            )
        )
    assert texts[0] == texts[1]
    assert Client().get("/signature").status_code == 404
    agent = signed_in(people, "support-1")
    page = agent.get("/console/mandates").content.decode()
    assert "&lt;b&gt;We&lt;/b&gt; agree." in page
    first = Mandate.objects.order_by("id")[0]
    assert ADA.email in agent.get(f"/console/mandates?notice={first.pk}").content.decode()
    form = {"notice": first.pk, "kind": "joint", "account": exchange.accounts[0], "name": ["ada", "ben", "", ""],
            "email": [ADA.email, BEN.email, "", ""], "needed": "2", "language": "en"}  # fmt: skip
    assert agent.post("/console/mandates", {**form, "needed": "3"}).status_code == 409
    number = agent.post("/console/mandates", form).headers["Location"].rpartition("/")[2]
    shown_ = agent.get(f"/console/cases/{number}").content.decode()
    assert "0 of 2 signed" in shown_
    assert signed_in(people, "approver-1").get("/console/mandates").status_code == 403
    one, two = mandates.signers(first)
    browser = Client(HTTP_ACCEPT_LANGUAGE="zh-hans")
    assert browser.get(f"/signature/{signatures.token(two)}").headers["Location"] == "/signature"
    assert "我是该联名账户的持有人" in browser.get("/signature").content.decode()
    digest = Mandate.objects.get(pk=first.pk).digest
    assert browser.post("/signature", {"name": "ada", "digest": digest}).status_code == 409
    assert browser.post("/signature", {"name": "Ben", "digest": digest}).status_code == 302
    photo = SimpleUploadedFile("a.jpg", picture())
    assert browser.post("/signature/documents", {"document": "identity", "file": photo}).status_code == 302
    assert browser.post("/signature/documents", {"document": "identity"}).status_code == 409
    assert Evidence.objects.get().request.signer == two
    assert browser.post("/signature", {"object": "1"}).status_code == 302
    assert "你已提出异议" in browser.get("/signature").content.decode()
    assert browser.get("/signature/certificate.pdf").status_code == 404
    assert "objects" in agent.get(f"/console/cases/{number}").content.decode()
    (left,) = mandates.listed("sandbox")
    assert agent.post("/console/mandates", {"declined": left.pk}).status_code == 302
    assert one.mandate_id != left.pk

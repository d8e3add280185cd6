"""Wrong input on the holder's pages, in both languages: what happened, what to do, the right status, nothing else.

Issue 5, "Bad input". Links of the exchange's app are in test_arriving.py, forms of other sites in test_doors.py.
"""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from tests.cases.exchange import Exchange
from tests.cases.test_arriving import body
from tests.cases.test_doors import CHINESE, signed_in

from closeout.cases import codes, messages, signed_names, vaults, way_back
from closeout.cases.mandate_kinds import KINDS
from closeout.cases.models import Case, Message
from closeout.cases.operations import HOLDER, withdraw
from closeout.reasons import SENTENCES

LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])


def visitor(language: str) -> Client:
    """Return the browser of somebody who is not signed in."""
    return Client(headers={"accept-language": {"zh": "zh-hans"}.get(language, language)})


def told(response: Any, language: str) -> str:
    """Return what the page says, after looking at its language and at its way on."""
    said = str(response.content.decode())
    main = said[said.index("<main") : said.index("</main>")]
    assert bool(CHINESE.search(main)) == (language == "zh"), main
    assert re.search("<a |<button", main), "a way on"
    return main


def followed(client: Client, token: str) -> Any:
    """Open the link of a message as a browser does."""
    client.get(f"/stop/{token}")
    return client.get("/stop")


@LANGUAGES
def test_links_that_are_used_foreign_forged_or_expired(exchange: Exchange, language: str) -> None:
    """R-CLO-12: 410, 403, 404 and 410, each in words."""
    used, mine, gone = exchange.cooling(*exchange.accounts[:3])
    withdraw(used, actor=HOLDER, now=exchange.now)
    exchange.work(days=8)
    assert exchange.again(gone).state == "observation"
    (fresh,) = exchange.cooling(exchange.accounts[3])
    for case, status in ((used, 410), (gone, 410), (fresh, 200)):
        response = followed(visitor(language), way_back.token(case))
        assert response.status_code == status, case.state
        assert case.number in told(response, language)
    forged = way_back.token(fresh)[:-4] + "AAAA"
    assert "CL-" not in told(missing := followed(visitor(language), forged), language)
    assert missing.status_code == 404
    foreign = followed(signed_in(exchange.accounts[4], language=language), way_back.token(fresh))
    assert foreign.status_code == 403
    assert fresh.number not in told(foreign, language)
    assert exchange.again(fresh).state == "cooling_off"
    assert mine.number


@LANGUAGES
def test_codes_sessions_and_pages_of_before(exchange: Exchange, language: str) -> None:
    """R-CLO-3, R-DIA-5: the code of another case, the back button, two tabs, a POST twice, an unknown language."""
    first, second = (exchange.open(account) for account in exchange.accounts[:2])
    for case in (first, second):
        codes.send(case, "email", now=exchange.now)
    exchange.work()
    (theirs,) = [one["body"] for one in messages.inbox(second) if one["template"] == "code"]
    code = next(word for word in theirs.split() if word.isdigit() and len(word) == 8)
    client = signed_in(first.account_id, language=language)
    response = client.post("/verification", {"code_email": code})
    assert response.status_code == 422
    wrong = SENTENCES["wrong_code"][language].split("}")[1].split("{")[0].strip()
    assert wrong in told(response, language)
    (case,) = exchange.cooling(exchange.accounts[2])
    mine = signed_in(case.account_id, language=language)
    before = Message.objects.filter(case=case).count()
    for path in ("/application", "/verification"):
        for again in (mine.get(path), mine.post(path, {"points": "x", "phrase": "close my account"})):
            assert (again.status_code, again.headers["Location"]) == (302, "/case"), path
    assert case.number in told(mine.get("/case"), language)
    assert case.number not in told(client.get("/case"), language), "a session of another person"
    assert {mine.post("/withdrawal").headers["Location"] for _ in range(2)} == {"/case"}
    assert exchange.again(case).state == "withdrawal"
    exchange.work()
    letters = Message.objects.filter(case=case, template="withdraw").count()
    assert (letters, Message.objects.filter(case=case).count()) == (2, before + 2), "e-mail and SMS, once"


@LANGUAGES
def test_files_sizes_methods_and_languages_that_are_not_asked_for(exchange: Exchange, language: str) -> None:
    """10 MB of text is 413, a file 415, a wrong method 405, an unknown language 400; nothing is kept."""
    exchange.open(exchange.accounts[0])
    client = signed_in(exchange.accounts[0], language=language)
    photo = io.BytesIO(b"\x89PNG" + b"x" * 2000)
    photo.name = "photo.png"
    answers = {
        413: client.post("/application", {"reason": "长" * 3_500_000}),
        415: client.post("/application", {"reason": "x", "file": photo}),
        405: client.post("/help", {"q": "x"}),
        400: client.post("/language", {"language": "tlh"}),
        404: client.get("/help/nothing-of-that-name"),
    }
    for status, response in answers.items():
        assert response.status_code == status
        told(response, language)
    cookie = settings.LANGUAGE_COOKIE_NAME
    client.cookies[cookie] = "tlh-Qaak"
    told(client.get("/preferences"), language)


@LANGUAGES
def test_no_page_tells_whether_there_is_such_a_case_or_account(
    exchange: Exchange, capture: Any, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Issue 5, threat 36: the same text, the same status and the same work, for what exists and for what does not."""
    case = exchange.open(exchange.accounts[0])
    signed: list[bytes] = []
    keys = vaults.keys()
    real = keys.mac

    def mac(_keys: Any, purpose: str, said: bytes) -> bytes:
        signed.append(said)
        return real(purpose, said)

    monkeypatch.setattr(type(keys), "mac", mac)

    def forged(number: int) -> str:
        raw = signed_names.HEAD.pack(signed_names.VERSION, number) + b"\x00" * signed_names.MAC
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def asked(client: Client, *, token: str = "", path: str = "/stop") -> tuple[int, str, int, int]:
        if token:
            client.get(f"/stop/{token}")
        signed.clear()
        with capture() as statements:
            response = client.get(path)
        return response.status_code, body(response), len(statements), len(signed)

    asked(visitor(language), token=forged(case.pk))  # what is read once and kept
    there, nowhere = (asked(visitor(language), token=forged(pk)) for pk in (case.pk, case.pk + 10_000))
    assert there == nowhere
    assert there[0] == 404
    assert there[3] == 1, "one signature is computed, whatever was named"
    for path in ("/check", "/case", "/support", "/proof", "/receipt.pdf", "/certificate.pdf", "/records.zip"):
        response = visitor(language).get(path)
        assert response.headers["Location"] == f"/signin?next={path.replace('/', '%2F')}"
    named = [visitor(language).post("/signin", {"person": who}) for who in (str(10**9), "nobody", "")]
    assert {(one.status_code, body(one)) for one in named} == {(403, body(named[0]))}
    lost = signed_in(10**9, language=language).get("/check")
    assert lost.status_code == 403
    assert "10" + "0" * 8 not in told(lost, language)
    assert Case.objects.count() == 1


@LANGUAGES
def test_a_notice_for_somebody_else_tells_nothing_either(
    exchange: Exchange, capture: Any, language: str
) -> None:
    """Issue 5, threat 36: a number that is an account, one that is none, and a contact of nobody."""
    exchange.open(exchange.accounts[0])
    form = {"kind": next(iter(KINDS)), "name": "Ada Beispiel", "email": "ada@example.org", "text": ""}

    def gave(named: str) -> tuple[int, str, list[str], str]:
        client = visitor(language)
        with capture() as statements:
            response = client.post("/mandate", form | {"account": named})
        words = [said.split()[0].lower() for said in statements]
        page = re.sub('/signature/[^<"]+', "", body(client.get("/signature")))
        work = [word for word in words if word in ("select", "insert", "update")]
        return response.status_code, response.headers["Location"], work, page

    gave("1")  # what is read once and kept
    there = gave(str(exchange.accounts[0]))
    assert (there[0], there[1]) == (303, "/signature")
    assert there == gave("9" * 9)
    assert there[:2] == gave("nobody@example.org")[:2]

"""Every address of the site against forms that nobody of us made, and every error page in both languages."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from tests.cases.exchange import Exchange

from closeout.web import logs
from closeout.web.portal import checking
from closeout.web.signin import network

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SAMPLES = {"slug": "codes", "form": "pdf", "token": "x", "kind": "photo"}
UNGUARDED = {"/stop/x", "/signature/x"}  # take a token out of the address and change nothing


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])


def signed_in(account: int, *, language: str = "en", **more: Any) -> Client:
    """Return the browser of the holder of ``account``."""
    client = Client(headers={"accept-language": {"zh": "zh-hans"}.get(language, language)}, **more)
    session = client.session
    session.update(
        {
            "venue": "sandbox",
            "account": account,
            "masked": "***",
            "signed_in_at": datetime.now(UTC).isoformat(),
        }
    )
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client


def addresses(patterns: Any = None, before: str = "/") -> Iterator[str]:
    """Yield one address of every pattern of the site."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        said = str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, before + said)
            continue
        assert isinstance(pattern, URLPattern)
        filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: SAMPLES.get(found[1], "1"), said)
        filled = re.sub(r"\(\?P(?:1|photo|pdf|x)\([^)]*\)|\(\?Px.\*\)", "x", filled)
        for name, value in SAMPLES.items():
            filled = re.sub(rf"\(\?P<{name}>[^)]*\)|\(\?P{value}[^)]*\)", value, filled)
        yield before + filled.strip("^$").replace("\\", "")


def whole() -> dict[str, int]:
    """Count the rows of every table of the case file, the log and the exchange."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select schemaname || '.' || tablename from pg_tables where schemaname in ('public', 'audit', 'sandbox')"
            " and tablename not in ('django_session', 'cases_ratelimit')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        counted = {}
        for table in tables:
            cursor.execute(f"select count(*) from {table}")
            (counted[table],) = cursor.fetchone()
    return counted


def test_no_form_works_without_its_proof(exchange: Exchange) -> None:
    """Issue 5, threat 15: a POST to every address, signed in, without the token: 403 in words, and nothing changed."""
    exchange.cooling(exchange.accounts[0])
    client = signed_in(exchange.accounts[0], enforce_csrf_checks=True)
    before, found = whole(), set(addresses())
    assert {"/application", "/verification", "/withdrawal", "/signin", "/stop", "/plan", "/support"} <= found
    assert len(found) > 35
    for address in sorted(found - UNGUARDED):
        response = client.post(address, {"send": "", "person": "clean", "act": "confirm"})
        assert response.status_code == 403, address
        assert "The form is too old" in response.content.decode(), address
    assert {client.post(address).status_code for address in UNGUARDED} == {303}
    assert whole() == before


def test_a_form_from_another_site_is_refused(exchange: Exchange) -> None:
    """Threat 15: the token alone is not enough; the origin that the browser names must be ours."""
    client = signed_in(exchange.accounts[0], enforce_csrf_checks=True)
    page = client.get("/preferences").content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    form = {"csrfmiddlewaretoken": found[1], "zone": "UTC"}
    assert client.post("/preferences", form, headers={"origin": "http://testserver"}).status_code == 302
    for origin in ("https://evil.example", "null", "http://testserver.evil.example"):
        assert client.post("/preferences", form, headers={"origin": origin}).status_code == 403


def bad_requests(client: Client) -> dict[int, Any]:
    """Return what each kind of bad input is answered with, by the status that it should have."""
    image = io.BytesIO(b"x" * 2000)
    image.name = "photo.jpg"
    return {
        400: client.post("/language", {"language": "tlh"}),
        403: client.post("/signin", {"person": "nobody-of-that-name"}),
        404: client.get("/nothing-here"),
        405: client.get("/signout"),
        413: client.post("/support", {"text": "x" * 10_000_000}),
    }


@pytest.mark.parametrize("language", ["zh", "en"])
def test_bad_input_gets_a_page_in_the_right_language(exchange: Exchange, language: str) -> None:
    """Issue 5: what happened, what to do, the right status, and nothing else; 10 MB of text included."""
    client = signed_in(exchange.accounts[0], language=language)
    for status, response in bad_requests(client).items():
        assert response.status_code == status
        said = response.content.decode()
        main = said[said.index("<main") : said.index("</main>")]
        assert bool(CHINESE.search(main)) == (language == "zh"), (status, main)
        assert "<a " in main, "a way on"
        assert "Traceback" not in said


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_breaks_is_told_in_words_and_logged_without_them(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Issue 5, threat 37: 500 has a number for support; the log has the number and the place, and nobody's data."""
    secret = "holder@mail.example\r\nINJECTED line"

    def breaks(*_: Any, **__: Any) -> None:
        try:
            {}[secret]
        except KeyError as inner:
            raise ValueError(secret) from inner

    monkeypatch.setattr(checking.selfcheck, "overview", breaks)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.Sparing("%(name)s %(message)s"))
    loggers = [logging.getLogger(name) for name in ("closeout", "django.request")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        client = signed_in(exchange.accounts[0], language=language, raise_request_exception=False)
        response = client.get("/check?mail=holder@mail.example")
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
    said = response.content.decode()
    assert response.status_code == 500
    assert ("我们" in said) == (language == "zh")
    number = re.search(r'class="number">([0-9a-f]{8})<', said)
    assert number is not None
    assert number[1] in written.getvalue()
    assert "ValueError at" in written.getvalue()
    assert "in breaks" in written.getvalue()
    assert "KeyError" in written.getvalue()
    assert "mail.example" not in written.getvalue()
    assert "INJECTED" not in written.getvalue()
    assert len(written.getvalue().strip().splitlines()) == 2, "one line each"


def test_nobody_writes_a_line_of_their_own_into_the_log() -> None:
    """Threat 37, ASVS V16.4.1: control characters come out as escapes."""
    record = logging.LogRecord("a", logging.ERROR, "", 0, "at %s", ("\x1b[2J\r\n\u2028now",), None)
    assert logs.Sparing("%(message)s").format(record) == "at \\x1b[2J\\r | \\u2028now"


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "expected"),
    [
        ("203.0.113.9", "", "0", "203.0.113.0/24"),
        ("203.0.113.9", "198.51.100.1", "0", "203.0.113.0/24"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.77", "1", "198.51.100.0/24"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.77, 10.0.0.2", "2", "198.51.100.0/24"),
        ("10.0.0.1", "", "1", "10.0.0.0/24"),
        ("2001:db8:1:2:3::4", "", "0", "2001:db8:1::/56"),
        ("::ffff:203.0.113.9", "", "0", "203.0.113.0/24"),
        ("", "", "0", ""),
    ],
)
def test_only_our_own_proxies_are_believed(
    monkeypatch: pytest.MonkeyPatch, remote: str, forwarded: str, proxies: str, expected: str
) -> None:
    """ASVS V15.3.4: who writes X-Forwarded-For themselves changes nothing."""
    from django.test import RequestFactory

    monkeypatch.setenv("CLOSEOUT_PROXIES", proxies)
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert network.of(request) == expected


def test_a_frozen_account_opens_its_closing_pages_only(exchange: Exchange) -> None:
    """R-CLO-4: status, change of mind, records, support; all else leads to the page of the application."""
    exchange.cooling(exchange.accounts[0])
    client = signed_in(exchange.accounts[0])
    for path in ("/check", "/plan", "/application", "/verification"):
        response = client.get(path)
        assert (response.status_code, response.headers.get("Location")) == (302, "/case"), path
    for path in ("/case", "/withdrawal", "/records"):
        assert client.get(path).status_code == 200, path
    assert client.post("/plan", {"digest": "0" * 64}).headers["Location"] == "/case"


def test_a_session_of_another_person_shows_and_changes_nothing_of_mine(exchange: Exchange) -> None:
    """Issue 5: pages have no ids, so a session is all there is; that of another person is about that person."""
    (mine,) = exchange.cooling(exchange.accounts[0])
    other = signed_in(exchange.accounts[1])
    assert mine.number not in other.get("/case").content.decode()
    other.post("/withdrawal")
    assert exchange.again(mine).state == "cooling_off"

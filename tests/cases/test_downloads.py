"""Taking the archive along through the portal: fresh sign-in, a link that expires, every download written down.

R-REC-1, R-CLO-8.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.core.signing import TimestampSigner, b62_decode, b62_encode
from django.db import connection
from django.test import Client
from tests.cases.exchange import Exchange

from closeout.cases import documents, worker
from closeout.cases.models import Case

REAL_ARCHIVE = documents.build_archive


@pytest.fixture
def case(exchange: Exchange, keyring: str, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr(documents, "build_archive", REAL_ARCHIVE)
    return exchange.open(exchange.accounts[0])


def signed_in(case: Case, *, ago: timedelta = timedelta(0)) -> Client:
    client = Client()
    session = client.session
    session.update(
        {
            "venue": case.venue, "account": case.account_id, "masked": "***",
            "signed_in_at": (datetime.now(UTC) - ago).isoformat(),
        }
    )  # fmt: skip
    session.save()
    client.cookies["sessionid"] = session.session_key
    return client


def built(exchange: Exchange, client: Client) -> str:
    """Ask for the archive on the page, let the worker build it, return the link that the page shows then."""
    assert client.post("/records", {"choice": "prepare"}).status_code == 302
    assert "/records" in client.get("/records").content.decode()
    worker.run_until_idle(now=exchange.now)
    page = client.get("/records").content.decode()
    begin = page.index("/records.zip")
    return page[begin : page.index('"', begin)]


def downloads() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.entry where event = 'archive:download'")
        return int(cursor.fetchone()[0])


def test_an_archive_is_asked_for_built_and_taken(exchange: Exchange, case: Case) -> None:
    client = signed_in(case)
    link = built(exchange, client)
    answer = client.get(link)
    content = b"".join(answer.streaming_content)
    assert content == documents.read(documents.of(case, documents.ARCHIVE))
    assert content.startswith(b"PK")
    assert answer["cache-control"].startswith(("no-store", "max-age=0", "private"))
    assert downloads() == 1


def test_a_link_is_good_for_minutes_and_for_this_archive(
    exchange: Exchange, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(case)
    link = built(exchange, client)
    for changed in (link[:-3] + "abc", "/records.zip", "/records.zip?ticket="):
        assert urlsplit(client.get(changed)["location"]).path == "/records"
    stamp = TimestampSigner.timestamp
    monkeypatch.setattr(
        TimestampSigner, "timestamp", lambda self: b62_encode(b62_decode(stamp(self)) - 11 * 60)
    )
    page = client.get("/records").content.decode()
    monkeypatch.undo()
    begin = page.index("/records.zip")
    assert urlsplit(client.get(page[begin : page.index('"', begin)])["location"]).path == "/records"
    assert downloads() == 0


def test_who_signed_in_a_while_ago_signs_in_again(exchange: Exchange, case: Case) -> None:
    link = built(exchange, signed_in(case))
    answer = signed_in(case, ago=timedelta(minutes=11)).get(link)
    assert urlsplit(answer["location"]).path == "/signin"
    assert downloads() == 0


def test_the_link_of_one_is_no_good_for_another(exchange: Exchange, case: Case) -> None:
    link = built(exchange, signed_in(case))
    other = exchange.open(exchange.accounts[1])
    mine = signed_in(other)
    built(exchange, mine)
    assert urlsplit(mine.get(link)["location"]).path == "/records"
    assert downloads() == 0

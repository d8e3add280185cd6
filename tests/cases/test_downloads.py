"""Taking the archive along through the portal: fresh sign-in, a link that expires, every download written down.

R-REC-1, R-CLO-8.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.core.signing import TimestampSigner, b62_decode, b62_encode
from django.db import connection
from django.test import Client
from tests.cases.exchange import Exchange
from tests.core.test_locked_zip import opened

from closeout.cases import codes, correspondence, documents, operations, transcript, worker
from closeout.cases.models import Case
from closeout.cases.operations import Actor
from closeout.lifecycle import Event

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


def test_it_comes_locked_with_a_passphrase_that_is_written_down_nowhere(
    exchange: Exchange, case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    """Threat 43: the file is encrypted with words that no address, log or table holds; the download is in the log."""
    client = signed_in(case)
    ticket = unquote(parse_qs(urlsplit(built(exchange, client)).query)["ticket"][0])
    words = "生日 is not a passphrase"
    for typed, again, said in (("short", "short", "12"), (words, words + "!", "not the same")):
        answer = client.post("/records.zip", {"ticket": ticket, "passphrase": typed, "again": again})
        assert (answer.status_code, downloads()) == (409, 0)
        assert said in answer.content.decode()
    answer = client.post("/records.zip", {"ticket": ticket, "passphrase": words, "again": words})
    content = b"".join(answer.streaming_content)
    assert opened(content, words) == documents.read(documents.of(case, documents.ARCHIVE))
    assert answer["content-disposition"].endswith('-locked.zip"')
    with connection.cursor() as cursor:
        cursor.execute("select convert_from(rec, 'UTF8') from audit.entry where event = 'archive:download'")
        ((entry,),) = cursor.fetchall()
    assert '"way":"locked"' in entry
    assert words not in caplog.text + entry
    assert (
        urlsplit(client.post("/records.zip", {"passphrase": words, "again": words})["location"]).path
        == "/records"
    )


def test_the_archive_holds_what_was_said_with_support_and_every_letter(
    exchange: Exchange, case: Case
) -> None:
    """Issue 7, R-SUP-4: the transcript belongs to the holder; notes of agents, codes and links back do not."""
    say = functools.partial(
        correspondence.say, case.account_id, venue=case.venue, case=case, now=exchange.now
    )
    say("where is my money?\n=SUM(A1)", audience="holder", author=Actor("holder"))
    say("on its way", audience="holder", author=Actor("agent", "support-1"))
    say("sounds suspicious", audience="agents", author=Actor("agent", "support-1"))
    codes.send(case, "email", now=exchange.now)
    operations.advance([case.pk], Event.SUBMIT, actor=Actor("holder"), now=exchange.now)
    worker.run_until_idle(now=exchange.now)
    with zipfile.ZipFile(
        io.BytesIO(documents.read(documents.build_archive(case, now=exchange.now)))
    ) as archive:
        said = json.loads(archive.read("json/support.json"))
        letters = json.loads(archive.read("json/letters.json"))
    assert [(one["from"], one["text"]) for one in said] == [
        ("holder", "where is my money?\n=SUM(A1)"), ("support-1", "on its way"),
    ]  # fmt: skip
    assert {one["channel"] for one in letters} == {"email", "sms"}
    assert all(case.number in one["body"] for one in letters)
    assert not any("/stop/" in one["body"] or "confirms" in one["body"] for one in letters)
    earlier = transcript.records(case.venue, case.account_id, until=exchange.now - timedelta(seconds=1))
    assert list(earlier("support")) == list(earlier("letters")) == []


def test_the_link_of_one_is_no_good_for_another(exchange: Exchange, case: Case) -> None:
    link = built(exchange, signed_in(case))
    other = exchange.open(exchange.accounts[1])
    mine = signed_in(other)
    built(exchange, mine)
    assert urlsplit(mine.get(link)["location"]).path == "/records"
    assert downloads() == 0

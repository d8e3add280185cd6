"""A reason that speaks of theft, the path of a compromised account, and messages with support (R-SUP-2, 5, 10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from tests.cases.exchange import Exchange, parallel

from closeout.cases import asking, clearings, compromise, correspondence, leaving, messages, venues
from closeout.cases.models import Case, StatedReason, Task
from closeout.cases.office import Office, office
from closeout.cases.operations import HOLDER, Actor
from closeout.clearing.stages import Stage
from closeout.lifecycle import State
from closeout.reasons import Refused

AGENT = Actor("agent", "7")
SANDBOX = venues.SANDBOX


@pytest.mark.parametrize(
    "text",
    [
        "我的账号被盗了", "有人 盗 号", "被骗子骗了", "客服让我注销账户", "有人威胁我", "不是我申请的", "异地登录",
        "他人登录过", "My account was hacked", "I got scammed", "someone else is in my account", "they forced me",
        "it wasn’t me",
        "Unauthorised login", "support told me to close it", "PHISHING", "blackmail",
    ],
)  # fmt: skip
def test_words_of_theft_are_heard(text: str) -> None:
    """R-SUP-10: in both languages, with spaces and typographic marks."""
    assert leaving.speaks_of_theft(text)


@pytest.mark.parametrize(
    "text",
    ["", "手续费太高", "我不再交易了", "换到别的平台", "隐私", "I do not trade any more", "fees are too high",
     "the app is slow", "moving abroad", "whacky design", "too many mails"],
)  # fmt: skip
def test_ordinary_reasons_are_left_alone(text: str) -> None:
    """R-SUP-5: a reason decides nothing."""
    assert not leaving.speaks_of_theft(text)


def test_the_reason_is_sealed_and_goes_with_its_key(exchange: Exchange, keyring: str) -> None:
    """R-SUP-5, R-REC-3: in words for those who may read it, nowhere in the open, and gone after erasure."""
    assert keyring
    case = exchange.open(exchange.accounts[0])
    leaving.state(case, "  手续费太高 canary-7731  ", now=exchange.now)
    assert leaving.stated(case) == "手续费太高 canary-7731"
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from cases_statedreason where encode(sealed, 'escape') like '%canary%'"
        )
        assert cursor.fetchone() == (0,)
    leaving.state(case, "x" * 9000, now=exchange.now)
    assert len(leaving.stated(case)) == leaving.MOST
    leaving.state(case, "", now=exchange.now)
    assert leaving.stated(case) == ""
    leaving.state(case, "again", now=exchange.now)
    StatedReason.objects.update(sealed=b"")
    assert leaving.stated(case) == ""


def test_protecting_freezes_stops_the_application_and_tells_every_contact(exchange: Exchange) -> None:
    """R-SUP-10: recovery before closing; twice is once; then everything goes on from where it stood."""
    case = exchange.open(exchange.accounts[0])
    account, due_at = case.account_id, case.due_at
    assert compromise.protect(case, now=exchange.now) is True
    assert compromise.protect(case, now=exchange.now) is False
    exchange.work()
    assert exchange.standing(account) == "frozen"
    assert compromise.stands(account, venue=SANDBOX)
    case = exchange.again(case)
    assert (case.state, case.held, case.due_at) == (State.APPLICATION, True, None)
    sent = messages.inbox(case)
    assert {letter["channel"] for letter in sent if letter["template"] == "protect"} == {"email", "sms"}
    with pytest.raises(Refused):
        exchange.apply(account)
    exchange.work(days=30)
    assert exchange.again(case).state == State.APPLICATION
    assert compromise.recover(case, actor=AGENT, now=exchange.now) is True
    assert compromise.recover(case, actor=AGENT, now=exchange.now) is False
    exchange.work()
    assert exchange.standing(account) == "open"
    case = exchange.again(case)
    assert not case.held
    assert case.due_at is not None
    assert due_at is not None
    assert case.due_at > due_at
    assert "recover" in {letter["template"] for letter in messages.inbox(case)}


def test_of_many_at_once_one_protects(exchange: Exchange) -> None:
    case = exchange.open(exchange.accounts[0])
    now = exchange.now
    answers = parallel(*[lambda: compromise.protect(Case.objects.get(pk=case.pk), now=now)] * 4)
    assert sorted(answers) == [False, False, False, True]
    assert Task.objects.filter(account_id=case.account_id, kind="compromise").count() == 1


def test_in_cooling_off_the_clock_stops_and_recovery_keeps_it_frozen(exchange: Exchange) -> None:
    """R-SUP-10: an application that runs already is stopped too; the account stays frozen for its cooling-off."""
    (case,) = exchange.cooling(exchange.accounts[0])
    compromise.protect(case, now=exchange.now)
    exchange.work(days=40)
    assert exchange.again(case).state == State.COOLING_OFF
    compromise.recover(case, actor=AGENT, now=exchange.now)
    exchange.work()
    assert exchange.standing(case.account_id) == "frozen"
    exchange.work(days=9)
    exchange.work()
    assert exchange.again(case).state == State.OBSERVATION
    with pytest.raises(Refused):
        compromise.protect(exchange.again(case), now=exchange.now)


def test_every_key_is_revoked(exchange: Exchange) -> None:
    """R-SUP-10: keys, bots and grants, of an account that is frozen by then."""
    account = exchange.accounts[0]
    with venues.sandbox().connection() as opened:
        opened.execute(
            "insert into sandbox.api_key (account_id, kind, label, can_trade) "
            "select %s, kind, kind, true from unnest(array['key', 'grant']) as kind",
            (account,),
        )
    case = exchange.open(account)
    compromise.protect(case, now=exchange.now)
    exchange.work()
    assert compromise.revoke_keys(account, venue=SANDBOX) == 2
    exchange.work()
    left = [offer for offer in clearings.show(account).offers if offer.line.stage is Stage.REVOKE]
    assert left == []


def test_a_message_waits_for_support_with_its_time_and_is_said_once(exchange: Exchange) -> None:
    """R-SUP-2: what the holder says is in the thread and in the queue; a second press says nothing twice."""
    case = exchange.open(exchange.accounts[0])
    account = case.account_id
    for _ in range(2):
        asking.ask(
            account, "It does not work", venue=SANDBOX, now=exchange.now, key="k1", case=case,
            about=["no_open_orders"],
        )  # fmt: skip
    (said,) = asking.thread(account, venue=SANDBOX)
    assert (said.text, said.author_kind, dict(said.values)) == (
        "It does not work", "holder", {"about": ["no_open_orders"]},
    )  # fmt: skip
    task = Task.objects.get(account_id=account, kind="message")
    assert (task.team, task.waits_for, task.due_at) == ("support", "us", office().answer_by(exchange.now))
    correspondence.say(
        account, "See closeout-example.com", venue=SANDBOX, audience="holder", author=AGENT, now=exchange.now
    )
    asking.tell_agents(case, "keys_not_revoked", now=exchange.now)
    mine, theirs = asking.thread(account, venue=SANDBOX)
    assert (mine.foreign, [one.host for one in theirs.foreign]) == ((), ["closeout-example.com"])
    for number in range(asking.HOURLY - 2):
        asking.ask(account, "more", venue=SANDBOX, now=exchange.now, key=f"m{number}")
    with pytest.raises(Refused) as many:
        asking.ask(account, "more", venue=SANDBOX, now=exchange.now, key="last")
    assert many.value.reasons[0].code == "too_many_messages"
    assert HOLDER.kind == "holder"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("2026-03-02T02:00", "2026-03-02T06:00"),  # 10:00 in Shanghai, open: four hours later
        ("2026-03-02T12:00", "2026-03-03T04:00"),  # 20:00: one hour today, three tomorrow
        ("2026-03-02T14:00", "2026-03-03T05:00"),  # 22:00: from nine on
        ("2026-03-01T18:00", "2026-03-02T05:00"),  # 02:00: from nine on
        ("2026-03-02T09:00", "2026-03-02T13:00"),  # 17:00: exactly until closing
    ],
)
def test_only_open_hours_count(asked: str, answered: str) -> None:
    """Issue 5, messages with support: the answer time that is promised can be kept."""
    desk = office()
    at = desk.answer_by(datetime.fromisoformat(asked).replace(tzinfo=UTC))
    assert at == datetime.fromisoformat(answered).replace(tzinfo=UTC)
    assert Office(desk.opens, desk.closes, ZoneInfo("UTC"), timedelta(hours=30)).answer_by(
        datetime(2026, 3, 2, 9, tzinfo=UTC)
    ) == datetime(2026, 3, 4, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "said"),
    [("CLOSEOUT_OFFICE", "9-5"), ("CLOSEOUT_OFFICE", "21:00-09:00"), ("CLOSEOUT_ANSWER_HOURS", "0")],
)
def test_hours_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    monkeypatch.setenv(name, said)
    with pytest.raises(ValueError, match="CLOSEOUT_OFFICE"):
        office()

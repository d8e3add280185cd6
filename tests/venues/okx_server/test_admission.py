"""What the v5 server refuses, in OKX's words; and that closeout's line turns each into a sentence."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.venues.okx_server.conftest import NoPace, Place, wall_now

from closeout.venues.okx.endpoints import get, post
from closeout.venues.okx.errors import Failure
from closeout.venues.okx.keys import Credentials
from closeout.venues.okx.wire import pages
from closeout.venues.okx_server import server
from closeout.venues.sandbox import world

CONFIG = get("account/config")


def refusal(call: Callable[[], Any]) -> Failure:
    with pytest.raises(Failure) as caught:
        call()
    for language in ("en", "zh"):
        assert len(caught.value.sentence(language)) > 10
    return caught.value


def test_each_wrong_part_of_a_key_has_its_own_code(place: Place) -> None:
    key = place.key("clean")
    for wrong, code in (
        (Credentials("nobody", key.secret, key.passphrase), "50111"),
        (Credentials(key.api_key, "wrong", key.passphrase), "50113"),
        (Credentials(key.api_key, key.secret, "wrong"), "50105"),
    ):
        said = refusal(lambda wrong=wrong: place.wire_of(wrong).call(CONFIG))
        assert (said.code, said.exit_code) == (code, 3)
        assert "wrong" not in str(said)


def test_permission_mode_and_address(place: Place) -> None:
    reader = place.wire(place.key("clean", permissions="read_only"))
    body = {"ccy": "USDT", "amt": "1", "from": "6", "to": "18"}
    assert refusal(lambda: reader.call(post("asset/transfer"), body)).code == "50120"
    trader = place.wire(place.key("clean", permissions="read_only,trade"))
    assert refusal(lambda: trader.call(post("asset/withdrawal"), {"ccy": "USDT"})).code == "50120"
    demo = place.key("clean", simulated=True)
    assert refusal(lambda: place.wire(demo).call(CONFIG)).code == "50101"
    assert place.wire(demo, demo=True).call(CONFIG)
    bound = place.key("clean", addresses="203.0.113.9")
    assert refusal(lambda: place.wire(bound).call(CONFIG)).code == "50110"
    assert place.wire(place.key("clean", addresses="127.0.0.1")).call(CONFIG)


def test_a_revoked_key_is_unknown(place: Place) -> None:
    key = place.key("clean")
    place.connection.execute(
        "update sandbox.api_key set revoked_at = sandbox.now() where key_id = %s", (key.key_id,)
    )
    assert refusal(lambda: place.wire(key).call(CONFIG)).code == "50119"


def test_a_clock_that_is_off_is_measured_and_corrected(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """90 seconds ahead: the first answer is 50102, then the line signs by the server's clock."""
    monkeypatch.setattr(server, "wall_clock", lambda: wall_now() - timedelta(seconds=90))
    wire = place.wire(place.key("clean"))
    assert wire.call(CONFIG)
    assert 85_000 < wire.clock_off_ms < 95_000


def test_an_unknown_path_is_a_numeric_404(place: Place) -> None:
    from closeout.venues.okx.endpoints import Endpoint

    nowhere = Endpoint("GET", "account/nowhere", "R", 5, 2)
    assert refusal(lambda: place.wire(place.key("clean")).call(nowhere)).code == "404"


def test_limits_are_those_of_the_documents_and_closeout_keeps_them(opened: Callable[..., Place]) -> None:
    place = opened(limits=True)
    key = place.key("clean")
    hasty = place.wire(key, pace=NoPace())
    codes = []
    for _ in range(7):
        try:
            hasty._once(CONFIG, None)
        except Failure as failed:
            codes.append(failed.code)
    assert codes == ["50011", "50011"]  # 5 in 2 seconds


def test_pages_of_a_long_list_are_complete(place: Place) -> None:
    """Newest first, older than the cursor, 100 at most: 230 rows come in three pages, each once."""
    place.connection.execute(
        "insert into sandbox.movement (account_id, kind, asset, amount, state, started_at) "
        "select %s, 'deposit', 'USDT', n, 'final', sandbox.now() - interval '1 minute' * (n / 60) "
        "from generate_series(1, 230) as n",
        (place.people["clean"],),
    )
    rows = pages(place.wire(place.key("clean"), pace=NoPace()), get("asset/deposit-history"))
    assert sorted(int(row["amt"]) for row in rows) == list(range(1, 231))


def test_bills_of_a_long_history_come_page_by_page_with_their_balance(place: Place) -> None:
    """A page is cut where the rows are: newest first, each once, and the balance is that of the whole history."""
    with place.connection.transaction():
        for _ in range(130):
            world.deposit(place.connection, place.people["clean"], asset="USDT", amount=Decimal(1), minutes=0)
    wire, path = place.wire(place.key("clean"), pace=NoPace()), get("asset/bills-history")
    rows = pages(wire, path, {"pagingType": "2"})
    assert [int(row["billId"]) for row in rows] == sorted({int(row["billId"]) for row in rows}, reverse=True)
    assert len(rows) == 130
    assert {row["bal"] for row in rows} == {str(number) for number in range(1, 131)}
    newer = wire.call(path, {"pagingType": "2", "before": rows[30]["billId"], "limit": "5"})
    assert newer == rows[:5]
    assert wire.call(path, {"pagingType": "2", "type": "1", "limit": "5"}) == rows[:5]
    for limit in ("0", "x"):
        assert (
            refusal(lambda limit=limit: wire.call(path, {"pagingType": "2", "limit": limit})).code == "51000"
        )

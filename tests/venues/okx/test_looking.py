"""R-OPS-6, R-CHK-17: raw strings of OKX become facts, and a reader that failed is never "nothing there"."""

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venues.okx.recorded import ANSWERS, SUB, UID, Played, empty

from closeout.commands.okx_pages import document, last
from closeout.conditions.check import Result, check
from closeout.facts.duck import DuckFacts
from closeout.policy import Policy
from closeout.venues.okx import declared
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.looking import Looked, look
from closeout.venues.okx.reading import READINGS

NOW = datetime(2026, 2, 3)
ME, MY_SUB = int(UID), int(SUB)
ALL_GOOD = {question.code: declared.Answer(question.good, NOW) for question in declared.QUESTIONS}


def looked(**changes: Any) -> Looked:
    return look(Played(**changes), now=NOW, answers=ALL_GOOD)


def rows(seen: Looked, relation: str, account_id: int = ME) -> list[Any]:
    return [row for row in seen.facts[relation] if row.account_id == account_id]


def judged(seen: Looked) -> dict[str, Any]:
    with DuckFacts.of(seen.facts, sources=seen.sources) as engine:
        report = check(engine, Policy(), as_of=seen.as_of, accounts=[ME])[ME]
    return {finding.condition.code: finding for finding in report.findings}


def test_every_digit_of_a_balance_survives() -> None:
    funding = {row.asset: row for row in rows(looked(), "balance") if row.wallet == "funding"}
    assert funding["USDT"].available == Decimal("90.123456789012345678")
    assert funding["USDT"].locked == 10
    assert funding["LUNC"].available == Decimal("0.000000000000000001")
    assert "ETH" not in funding


def test_the_smallest_withdrawal_is_that_of_the_cheapest_open_chain() -> None:
    least = {row.asset: row.withdraw_min for row in rows(looked(), "balance")}
    assert least["USDT"] == 2
    assert least["LUNC"] is None  # cannot be withdrawn
    assert least["CELT"] == 1


def test_debts_are_told_once_and_negative_cash_stays_negative() -> None:
    seen = looked()
    trading = {row.asset: row for row in rows(seen, "balance") if row.wallet == "trading"}
    loans = {row.loan_id: row for row in rows(seen, "loan")}
    assert (trading["BTC"].available, trading["BTC"].locked) == (Decimal("0.3"), Decimal("0.2"))
    assert trading["ETH"].available == Decimal("-0.25")
    assert (loans["liab-ETH"].principal, loans["liab-ETH"].interest) == (Decimal("0.25"), Decimal("0.001"))
    assert loans["flexible-12345"].collateral_asset == "COMP"
    assert loans["flexible-12345-1"].collateral == Decimal("0.78")
    assert len(loans) == 3


def test_orders_of_every_kind() -> None:
    orders = {row.order_id: row for row in rows(looked(), "open_order")}
    assert {row.kind for row in orders.values()} == {"limit", "swap", "trigger", "spread", "block"}
    assert (orders["900000000000000001"].asset, orders["900000000000000001"].locked) == (
        "BTC",
        Decimal("0.2"),
    )
    assert (orders["900000000000000002"].asset, orders["900000000000000002"].locked) == ("USDT", Decimal(10))
    assert {"algo-77", "spread-5", "rfq-22", "quote-33"} <= orders.keys()


def test_positions_keep_their_sign_and_closed_ones_are_none() -> None:
    positions = {row.position_id: row for row in rows(looked(), "position")}
    assert positions["31"].quantity == -2
    assert positions["31"].unrealised == Decimal("-0.000000000000000003")
    assert positions.keys() == {"31", "copy-9"}


def test_keys_bots_and_copied_traders_can_act_for_the_holder() -> None:
    keys = {row.key_id: row for row in rows(looked(), "api_key")}
    assert keys.keys() == {"grid-448", "recurring-449", "copying-ABCD", "custody-held5"}


def test_earn_of_every_kind_with_dates() -> None:
    earn = {row.earn_id: row for row in rows(looked(), "earn")}
    assert earn["savings-USDT"].amount == 25
    assert not earn["fixed-1"].redeemable
    assert earn["fixed-1"].matures_at == datetime(2026, 3, 4)
    assert earn["fixed-2"].redeemable
    assert "fixed-3" not in earn
    assert earn["chain-2413499"].redeemable
    assert earn["chain-2413500"].redeeming
    assert earn["auto-lending-SOL"].amount == Decimal("2.5")
    assert earn["dual-5001"].matures_at == datetime(2026, 3, 27, 8)
    assert earn["eth-stake"].asset == "BETH"


def test_what_was_subscribed_and_never_collected_is_an_asset() -> None:
    """R-SUP-3: hidden assets; Shark Fin has no list, its bills tell."""
    seen = looked()
    hidden = next(row for row in rows(seen, "earn") if row.earn_id == "bills-shark-fin-USDT")
    assert hidden.amount == 60
    told = next(one for one in seen.residuals if one.relation == "earn" and one.asset == "USDT")
    assert [row["billId"] for row in told.rows] == ["3", "2"]
    assert any(one.relation == "rebate" and not one.leaves_open for one in seen.residuals)


def test_a_valuation_that_nobody_explains_leaves_earn_open() -> None:
    answers = empty()
    answers["asset/asset-valuation"] = [{"details": {"funding": "0", "trading": "0", "earn": "30"}}]
    assert looked(answers=answers).sources["earn"].state == "partial"
    answers["asset/asset-valuation"] = [{"details": {"funding": "0", "trading": "0", "earn": "0.4"}}]
    assert looked(answers=answers).sources["earn"].state == "complete"


def test_equity_of_bots_that_no_list_shows_leaves_bots_open() -> None:
    answers = empty()
    answers["account/balance"] = [
        {"details": [{"ccy": "USDT", "cashBal": "0", "frozenBal": "0", "liab": "", "stgyEq": "12"}]}
    ]
    seen = looked(answers=answers)
    assert seen.sources["api_key"].state == "partial"
    assert judged(seen)["no_api_keys"].result is Result.UNKNOWN


def test_sub_accounts_are_accounts_of_their_own() -> None:
    seen = looked()
    assert rows(seen, "balance", MY_SUB)[0].available == 7
    (key,) = rows(seen, "api_key", MY_SUB)
    assert key.can_trade
    assert not any(
        row["apiKey"] in key.key_id for row in ANSWERS["sub-account trader77 keys"]
    )  # only a digest is shown
    assert rows(seen, "sub_account")[0].holdings == 2
    assert {row.account_id: row.parent_id for row in seen.facts["account"]} == {ME: None, MY_SUB: ME}


def test_transfers_that_are_not_final() -> None:
    transfers = {row.transfer_id: row for row in rows(looked(), "transfer")}
    assert transfers.keys() == {"deposit-88", "deposit-90", "withdrawal-68", "fiat-f1"}
    assert transfers["deposit-90"].disputed


def test_a_transfer_on_its_way_has_the_date_that_the_exchange_expects() -> None:
    """R-CHK-19: the estimate is told in the time of Hong Kong; one that is over, or that nobody gives, is no date."""
    played = Played()
    seen = look(played, now=NOW, answers=ALL_GOOD)
    expected = {row.transfer_id: row.expected_at for row in rows(seen, "transfer")}
    assert expected == {
        "deposit-88": None, "deposit-90": None, "withdrawal-68": datetime(2026, 2, 4, 12, 10, 48), "fiat-f1": None
    }  # fmt: skip
    assert [name for name in played.asked if name.startswith("status of")] == ["status of aa", "status of 68"]
    late = look(Played(), now=datetime(2026, 2, 5), answers=ALL_GOOD)
    assert {row.expected_at for row in rows(late, "transfer")} == {None}


@pytest.mark.parametrize("said", ["tomorrow", "2026-02-04T20:10:48Z", 7])
def test_an_expected_date_that_cannot_be_read_is_named_and_the_transfer_stays(said: object) -> None:
    answers = Played().answers | {"status of 68": [{"wdId": "68", "estCompleteTime": said}]}
    seen = looked(answers=answers)
    assert seen.failures["status of withdrawal-68"].kind is Kind.SHAPE
    assert {row.transfer_id for row in rows(seen, "transfer")} >= {"withdrawal-68", "deposit-88"}


def test_only_a_few_transfers_are_asked_about() -> None:
    """The exchange answers one such question in two seconds."""
    many = [{"ccy": "USDT", "amt": "8", "wdId": str(number), "state": "1", "ts": "1"} for number in range(9)]
    played = Played(Played().answers | {"asset/withdrawal-history": many})
    assert len(rows(look(played, now=NOW, answers=ALL_GOOD), "transfer")) == 9 + 3
    assert [name for name in played.asked if name.startswith("status of")][1:] == [
        "status of 0", "status of 1", "status of 2"
    ]  # fmt: skip


def test_an_old_referral_is_not_a_contract() -> None:
    without = {name: rows for name, rows in Played().answers.items() if name != "affiliate/link/list"}
    assert [row.kind for row in rows(looked(answers=without), "rebate")] == ["referral"]


def test_a_link_that_somebody_came_through_is_an_open_contract() -> None:
    """R-CHK-12: a link nobody used, or that no longer works, pays nothing."""
    links = [row for row in rows(looked(), "rebate") if row.kind == "contract"]
    assert [(row.rebate_id, row.state) for row in links] == [("link-78", "open")]


def test_an_empty_account_is_clear_and_the_key_that_looks_goes_last() -> None:
    """R-CHK-10: looking needs a key; it is named beside the report and does not block for ever."""
    seen = looked(answers=empty())
    findings = judged(seen)
    assert {code for code, one in findings.items() if one.result is not Result.CLEAR} == set()
    assert document(seen)["key"]["delete_last"] is True
    assert "delete it last" in last(seen, clear=True, language="en")
    assert "delete this one last" in last(seen, clear=False, language="en")


def test_nothing_declared_is_unknown_never_clear() -> None:
    """What no API tells is asked; unanswered it stays unknown."""
    findings = judged(look(Played(empty()), now=NOW))
    unknown = {code for code, one in findings.items() if one.result is Result.UNKNOWN}
    assert {
        "no_p2p_orders",
        "no_p2p_appeals",
        "no_payment_methods",
        "no_api_keys",
        "identity_verified",
        "no_holds",
        "no_disputes",
        "contacts_reachable",
        "security_password_quiet",
        "security_factors_quiet",
        "no_rebates",
    } <= unknown


def test_old_answers_do_not_count() -> None:
    old = {code: dataclasses.replace(one, at=NOW - timedelta(days=8)) for code, one in ALL_GOOD.items()}
    assert not look(Played(empty()), now=NOW, answers=old).declared


@pytest.mark.parametrize("one", [each for each in READINGS if each.feeds], ids=lambda one: one.name)
def test_every_reader_failing_makes_its_conditions_unknown(one: Any) -> None:
    """R-CHK-17: each reading in turn; all that it feeds is unreadable and nothing that reads it is clear."""
    how = Failure(Kind.NETWORK, "")
    if one.name == "account/config":
        with pytest.raises(Failure):
            looked(failing={one.name: how})
        return
    seen = looked(answers=empty(), failing={one.name: how})
    assert one.name in seen.failures
    assert all(seen.sources[relation].state in ("failed", "partial") for relation in one.feeds)
    for finding in judged(seen).values():
        if finding.condition.reads.keys() & set(one.feeds):
            assert finding.result is Result.UNKNOWN


@pytest.mark.parametrize("one", [each for each in READINGS if each.translate], ids=lambda one: one.name)
def test_a_row_of_an_unknown_shape_is_a_failure(one: Any) -> None:
    """A changed answer is unknown; the rest of the report stands."""
    if one.name == "account/config":
        return
    seen = looked(answers=empty() | {one.name: [{"unexpected": "1", "details": "x"}]})
    assert one.name in seen.failures
    assert all(seen.sources[relation].state != "complete" for relation in one.feeds)
    assert ME in {row.account_id for row in seen.facts["account"]}


def test_a_product_that_was_never_used_is_empty_but_a_missing_balance_is_not() -> None:
    absent = Failure(Kind.ABSENT, "404")
    assert (
        looked(answers=empty(), failing={"finance/okusd/account": absent}).sources["earn"].state == "complete"
    )
    assert looked(answers=empty(), failing={"asset/balances": absent}).sources["balance"].state == "partial"


@pytest.mark.parametrize("code", ["50007", "50100", "58101", "59519"])
def test_a_restriction_is_a_hold(code: str) -> None:
    seen = looked(failing={"asset/balances": Failure(Kind.STATE, code)})
    assert rows(seen, "hold")[0].hold_id == f"okx-{code}"


def test_an_abnormal_p2p_transaction_is_a_dispute() -> None:
    seen = looked(failing={"asset/balances": Failure(Kind.STATE, "58105")})
    assert rows(seen, "dispute")[0].kind == "appeal"


def test_level_zero_contradicts_a_declared_identity() -> None:
    answers = empty()
    answers["account/config"][0]["kycLv"] = "0"
    assert judged(looked(answers=answers))["identity_verified"].result is Result.BLOCKED


@given(st.decimals(min_value="-1e17", max_value="1e17", places=18, allow_nan=False))
def test_amounts_are_read_exactly(value: Decimal) -> None:
    answers = empty()
    answers["asset/balances"] = [
        {"ccy": "X", "bal": f"{value:f}", "availBal": f"{value:f}", "frozenBal": "0"}
    ]
    found = [row.available for row in looked(answers=answers).facts["balance"]]
    assert found == ([value] if value else [])


@pytest.mark.parametrize("said", ["NaN", "Infinity", "1,5", "1e999", "abc", "0x1"])
def test_a_number_that_is_none_is_unknown(said: str) -> None:
    answers = empty() | {"asset/balances": [{"ccy": "X", "bal": said, "availBal": "0", "frozenBal": "0"}]}
    assert looked(answers=answers).sources["balance"].state == "partial"

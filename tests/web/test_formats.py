"""How amounts, times and masks are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeout.web.portal import formats, wording

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 12, 12, 1, 30)


@pytest.mark.parametrize(
    ("value", "asset", "said"),
    [
        ("1234.560000000000000000", "USDT", "1,234.56 USDT"),
        ("0E-18", "BTC", "0 BTC"),
        ("-0.000000000000000040", "USDT", "-0.00000000000000004 USDT"),
        ("1E+3", None, "1,000"),
        ("0.000000000000000001", "ETH", "0.000000000000000001 ETH"),
    ],
)
def test_amounts_are_exact_with_the_asset_behind(value: str, asset: str | None, said: str) -> None:
    """R-CHK-1, hard case 4: a negative fraction is shown in full, never as zero."""
    assert formats.amount(Decimal(value), asset) == said


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**17), max_value=10**17))
def test_an_amount_that_is_written_reads_back_equal(value: Decimal) -> None:
    assert Decimal(formats.amount(value).replace(",", "")) == value


def test_moments_carry_their_zone_in_both_languages() -> None:
    assert formats.moment(AT, language="zh", zone=SHANGHAI) == "2026年12月12日 09:30（UTC+8）"
    assert formats.moment(AT, language="en", zone=SHANGHAI) == "12 December 2026, 09:30 (UTC+8)"
    assert formats.iso(AT) == "2026-12-12T01:30:00+00:00"


@pytest.mark.parametrize(
    ("zone", "name"),
    [("UTC", "UTC"), ("Asia/Kolkata", "UTC+5:30"), ("America/St_Johns", "UTC-3:30"), ("Asia/Tokyo", "UTC+9")],
)
def test_offsets_are_named(zone: str, name: str) -> None:
    assert formats.offset(AT, ZoneInfo(zone)) == name


def test_summer_time_changes_the_offset_of_a_date_not_of_the_page() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert "(UTC+2)" in formats.moment(datetime(2026, 7, 1, tzinfo=UTC), language="en", zone=berlin)
    assert "(UTC+1)" in formats.moment(datetime(2026, 12, 1, tzinfo=UTC), language="en", zone=berlin)


def test_countdown_never_goes_below_zero() -> None:
    assert formats.countdown(timedelta(days=7, seconds=91)) == (7, "00:01:31")
    assert formats.countdown(timedelta(seconds=-5)) == (0, "00:00:00")
    assert formats.whole_days(timedelta(days=19, hours=1)) == 20


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "+86138****5678"),
        ("alan@mail.com", "a***n@mail.com"),
        ("ab@mail.com", "a***@mail.com"),
        ("12", "****"),
    ],
)
def test_contacts_are_masked(contact: str, said: str) -> None:
    """R-SUP-9: a page never shows a whole contact."""
    assert formats.mask_contact(contact) == said


@given(st.from_regex(r"\+?[0-9]{7,15}", fullmatch=True))
def test_a_masked_phone_never_shows_the_middle(number: str) -> None:
    masked = formats.mask_phone(number)
    assert "****" in masked
    assert number not in masked


def test_account_numbers_are_grouped_by_four() -> None:
    assert formats.uid(77024415) == "7702 4415"
    assert formats.uid(123456789) == "1 2345 6789"


def test_one_space_between_chinese_and_latin() -> None:
    assert wording.spaced("绑定了2个API密钥", "zh") == "绑定了 2 个 API 密钥"
    assert wording.spaced("3 open orders", "en") == "3 open orders"

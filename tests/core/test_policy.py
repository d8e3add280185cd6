"""R-OPS-1: what a policy may say, what the law packs demand, and what changes for an open case."""

from __future__ import annotations

import pytest

from closeout import policy
from closeout.policy import Policy, PolicyError, laws


def refused(text: str) -> list[str]:
    with pytest.raises(PolicyError) as wrong:
        policy.loads(text)
    return wrong.value.problems


def test_every_pack_says_source_and_mark_of_every_rule() -> None:
    packs = laws.packs()
    assert set(packs) == {"AE", "CN", "EU", "HK", "UK", "US-CA"}
    for pack in packs.values():
        assert set(pack.name) == {"en", "zh"}
        assert pack.rules
        for name, rule in pack.rules.items():
            assert name in laws.MEANINGS, (pack.code, name)
            assert rule.mark in laws.MARKS, (pack.code, name)
            assert len(rule.source) > 10, (pack.code, name)


def test_the_default_policy_is_lawful_where_it_claims_to_be() -> None:
    for code in ("EU", "UK", "US-CA", "HK"):
        Policy(law_packs=(code,))


def test_cooling_off_and_review_together_must_fit_the_legal_clock() -> None:
    """Each alone is allowed; the sum is not: 7 days and 15 working days take 28 days, China allows 21."""
    (clock, kept) = refused('law_packs = ["CN"]')
    assert "together take 28 days; CN allows 15 working days" in clock
    assert "retention_years is 5; CN demands at least 10" in kept
    Policy(law_packs=("CN",), review_working_days=10, retention_years=10)


@pytest.mark.parametrize(
    ("working", "calendar"), [(0, 0), (1, 1), (4, 4), (5, 7), (9, 11), (10, 14), (15, 21)]
)
def test_working_days_cost_their_weekends(working: int, calendar: int) -> None:
    assert laws.calendar_days(working) == calendar


def test_a_bad_draft_is_refused_with_every_reason_at_once() -> None:
    """Negative window, unknown pack, unlawful sum, too short notice, contradiction: all of them, in one answer."""
    text = """
password_wait_days = -1
law_packs = ["CN", "AE", "UK", "XX"]
exit_notice_days = 60
identifier_reuse_days = 180
observation_days = 60
cooling_off_days = 1
resume_hours = 100
verification = ["email", "email", "totp"]
"""
    found = "\n".join(refused(text))
    for said in (
        "password_wait_days is -1, allowed is 0 to 90",
        "law_packs names XX; known are AE, CN, EU, HK, UK, US-CA",
        "CN allows 15 working days",
        "CN demands at least 10",
        "AE demands at least 8",
        "exit_notice_days is 60; UK demands at least 90",
        "identifiers are forgotten after observation_days 60",
        "longer than all 1 days of cooling-off",
        "verification names a factor twice",
    ):
        assert said in found


def test_only_what_is_better_for_the_holder_reaches_an_open_case() -> None:
    """R-CLO-15, hard case 51."""
    old = Policy()
    new = Policy(
        password_wait_days=10, factor_wait_days=90, cooling_off_days=14, statement_seasons=1, resume_hours=48
    )
    merged = policy.in_favour(old, new)
    assert policy.differences(old, merged) == [
        ("password_wait_days", "30", "10"),
        ("resume_hours", "24", "48"),
    ]
    assert policy.in_favour(old, Policy(cooling_off_days=14)) is old


def test_what_is_written_reads_back_equal() -> None:
    chosen = Policy(law_packs=("EU", "UK"), password_wait_days=0)
    assert policy.loads(policy.dumps(chosen)) == chosen
    assert policy.loads(policy.dumps(chosen)).version == chosen.version

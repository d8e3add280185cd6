"""Who may do what: every cell of right × role × state is said here once more, and the default is no. Issue 7."""

from __future__ import annotations

import pytest

from closeout.cases.permissions import RIGHTS, Right, Role, may
from closeout.lifecycle import State

# One letter a state, in the order of the lifecycle: application, scheduled, review, cooling-off, pause, closing,
# observation, erasure, erased, withdrawal, refusal, lapse. A right and role that is not here is no everywhere.
STATES = tuple(State)
TABLE = """
see_case          support     y y y y y y y y y y y y
see_case          identity    y y y y y y y y y y y y
see_case          compliance  y y y y y y y y y y y y
see_case          approver    y y y y y y y y y y y y
see_case          auditor     y y y y y y y y y y y y
see_case          operator    y y y y y y y y y y y y
see_holds         compliance  y y y y y y y y y y y y
see_holds         auditor     y y y y y y y y y y y y
see_evidence      identity    y y y y y y y y . y y y
see_evidence      compliance  y y y y y y y y . y y y
see_evidence      approver    y y y y y y y y . y y y
see_audit         compliance  y y y y y y y y y y y y
see_audit         auditor     y y y y y y y y y y y y
write_holder      support     y y y y y y y y . y y y
write_holder      identity    y y y y y y y y . y y y
write_holder      compliance  y y y y y y y y . y y y
write_note        support     y y y y y y y y . y y y
write_note        identity    y y y y y y y y . y y y
write_note        compliance  y y y y y y y y . y y y
write_note        approver    y y y y y y y y . y y y
write_compliance  compliance  y y y y y y y y . y y y
assign            support     y y y y y y y y . . . .
assign            identity    y y y y y y y y . . . .
assign            compliance  y y y y y y y y . . . .
ask_evidence      support     y y y . . . . . . . . .
ask_evidence      identity    y y y . . . . . . . . .
judge_evidence    identity    y y y y y . . . . . . .
record_finding    support     y y y y y y . . . . . .
record_finding    compliance  y y y y y y . . . . . .
ask_approve       support     . . y . . . . . . . . .
ask_approve       identity    . . y . . . . . . . . .
ask_approve       compliance  . . y . . . . . . . . .
ask_refuse        support     . . y . . . . . . . . .
ask_refuse        identity    . . y . . . . . . . . .
ask_refuse        compliance  . . y . . . . . . . . .
ask_proof         identity    . . y . . . . . . . . .
ask_waive         identity    y y y . . . . . . . . .
ask_recover       support     y y y y y y y y . . . .
ask_recover       identity    y y y y y y y y . . . .
ask_release       compliance  y y y y y y y y . . . .
ask_erase         support     . . . . . . y . . . . .
ask_erase         compliance  . . . . . . y . . . . .
place_hold        compliance  y y y y y y y y . . . .
extend_kept       compliance  . . . . . . y y y . . .
decide            approver    y y y y y y y y . . . .
decide            compliance  y y y y y y y y . . . .
retry             operator    . . . y y y y y y . . .
unmask            support     y y y y y y y y . y y y
unmask            identity    y y y y y y y y . y y y
unmask            compliance  y y y y y y y y . y y y
open_mandate      support     y y y y y . . . . . . .
open_mandate      identity    y y y y y . . . . . . .
ask_mandate       identity    . . y y y . . . . . . .
"""


def wanted() -> dict[tuple[str, str], list[bool]]:
    """Read the table."""
    rows = [line.split() for line in TABLE.strip().splitlines()]
    return {(right, role): [cell == "y" for cell in cells] for right, role, *cells in rows}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", Right)
def test_every_cell(right: Right, role: Role) -> None:
    no = [False] * len(STATES)
    assert [may(role, right, state) for state in STATES] == wanted().get((right.value, role.value), no)


def test_the_table_names_nothing_unknown() -> None:
    assert {(right.value, role.value) for right, role in RIGHTS} == wanted().keys()
    assert all(len(cells) == len(STATES) for cells in wanted().values())


def test_an_auditor_only_reads_and_an_operator_reads_no_person() -> None:
    """R-SUP-7, R-SUP-9."""
    assert {right for right, role in RIGHTS if role is Role.AUDITOR} == {
        Right.SEE_CASE, Right.SEE_HOLDS, Right.SEE_AUDIT,
    }  # fmt: skip
    assert {right for right, role in RIGHTS if role is Role.OPERATOR} == {Right.SEE_CASE, Right.RETRY}


def test_a_hold_is_known_to_compliance_and_audit_only() -> None:
    """R-SUP-8."""
    knows = {
        role for right, role in RIGHTS if right in (Right.SEE_HOLDS, Right.PLACE_HOLD, Right.ASK_RELEASE)
    }
    assert knows == {Role.COMPLIANCE, Role.AUDITOR}

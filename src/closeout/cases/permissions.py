"""Who may do what to a case in which state, as a table. What the table does not name is not allowed.

A role is a job, not a rank: nobody has every right, and nobody who asks for a decision approves it (the database
sees to that).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from closeout.lifecycle import CLOSED, FINAL, FROZEN, State


class Role(StrEnum):
    """The job of one of the operator's people."""

    SUPPORT = "support"
    IDENTITY = "identity"
    COMPLIANCE = "compliance"
    APPROVER = "approver"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class Right(StrEnum):
    """Something that can be done with a case in the console."""

    SEE_CASE = "see_case"
    SEE_HOLDS = "see_holds"  # that a manual review is a hold, its authority and reference
    SEE_EVIDENCE = "see_evidence"  # photos, videos, answers
    SEE_AUDIT = "see_audit"  # who looked, who did
    WRITE_HOLDER = "write_holder"
    WRITE_NOTE = "write_note"
    WRITE_COMPLIANCE = "write_compliance"
    ASSIGN = "assign"
    ASK_EVIDENCE = "ask_evidence"
    JUDGE_EVIDENCE = "judge_evidence"
    RECORD_FINDING = "record_finding"
    ASK_APPROVE = "ask_approve"
    ASK_REFUSE = "ask_refuse"
    ASK_PROOF = "ask_proof"  # proof of identity in place of a lost factor
    ASK_WAIVE = "ask_waive"  # a security waiting period
    ASK_RELEASE = "ask_release"
    ASK_RECOVER = "ask_recover"  # give a protected account back to its owner
    ASK_ERASE = "ask_erase"  # early erasure
    PLACE_HOLD = "place_hold"
    EXTEND_KEPT = "extend_kept"  # ask to keep longer what the law keeps, or agree to it
    DECIDE = "decide"  # yes or no to what somebody else asked for
    RETRY = "retry"  # an effect that was given up
    UNMASK = "unmask"  # the holder's contacts in full, with a reason
    OPEN_MANDATE = "open_mandate"  # let others than the holder sign
    ASK_MANDATE = "ask_mandate"  # accept that they may


ALL = frozenset(State)
LIVING = ALL - FINAL
UNSUBMITTED = frozenset({State.APPLICATION, State.SCHEDULED, State.REVIEW})
OPEN = UNSUBMITTED | FROZEN
READABLE = ALL - {State.ERASED}
REVIEW = frozenset({State.REVIEW})
STOPPABLE = frozenset({State.COOLING_OFF, State.PAUSE})
OBSERVED = frozenset({State.OBSERVATION})

R, V = Role, Right
RIGHTS: Mapping[tuple[Right, Role], frozenset[State]] = {
    (V.SEE_CASE, R.SUPPORT): ALL,
    (V.SEE_CASE, R.IDENTITY): ALL,
    (V.SEE_CASE, R.COMPLIANCE): ALL,
    (V.SEE_CASE, R.APPROVER): ALL,
    (V.SEE_CASE, R.AUDITOR): ALL,
    (V.SEE_CASE, R.OPERATOR): ALL,
    (V.SEE_HOLDS, R.COMPLIANCE): ALL,
    (V.SEE_HOLDS, R.AUDITOR): ALL,
    (V.SEE_EVIDENCE, R.IDENTITY): READABLE,
    (V.SEE_EVIDENCE, R.COMPLIANCE): READABLE,
    (V.SEE_EVIDENCE, R.APPROVER): READABLE,
    (V.SEE_AUDIT, R.AUDITOR): ALL,
    (V.SEE_AUDIT, R.COMPLIANCE): ALL,
    (V.WRITE_HOLDER, R.SUPPORT): READABLE,
    (V.WRITE_HOLDER, R.IDENTITY): READABLE,
    (V.WRITE_HOLDER, R.COMPLIANCE): READABLE,
    (V.WRITE_NOTE, R.SUPPORT): READABLE,
    (V.WRITE_NOTE, R.IDENTITY): READABLE,
    (V.WRITE_NOTE, R.COMPLIANCE): READABLE,
    (V.WRITE_NOTE, R.APPROVER): READABLE,
    (V.WRITE_COMPLIANCE, R.COMPLIANCE): READABLE,
    (V.ASSIGN, R.SUPPORT): LIVING,
    (V.ASSIGN, R.IDENTITY): LIVING,
    (V.ASSIGN, R.COMPLIANCE): LIVING,
    (V.ASK_EVIDENCE, R.SUPPORT): UNSUBMITTED,
    (V.ASK_EVIDENCE, R.IDENTITY): UNSUBMITTED,
    (V.JUDGE_EVIDENCE, R.IDENTITY): UNSUBMITTED | STOPPABLE,
    (V.RECORD_FINDING, R.SUPPORT): OPEN,
    (V.RECORD_FINDING, R.COMPLIANCE): OPEN,
    (V.ASK_APPROVE, R.SUPPORT): REVIEW,
    (V.ASK_APPROVE, R.IDENTITY): REVIEW,
    (V.ASK_APPROVE, R.COMPLIANCE): REVIEW,
    (V.ASK_REFUSE, R.SUPPORT): REVIEW,
    (V.ASK_REFUSE, R.IDENTITY): REVIEW,
    (V.ASK_REFUSE, R.COMPLIANCE): REVIEW,
    (V.ASK_PROOF, R.IDENTITY): REVIEW,
    (V.ASK_WAIVE, R.IDENTITY): UNSUBMITTED,
    (V.ASK_RECOVER, R.IDENTITY): LIVING,
    (V.ASK_RECOVER, R.SUPPORT): LIVING,
    (V.ASK_RELEASE, R.COMPLIANCE): LIVING,
    (V.ASK_ERASE, R.SUPPORT): OBSERVED,
    (V.ASK_ERASE, R.COMPLIANCE): OBSERVED,
    (V.PLACE_HOLD, R.COMPLIANCE): LIVING,
    (V.EXTEND_KEPT, R.COMPLIANCE): CLOSED,
    (V.DECIDE, R.APPROVER): LIVING,
    (V.DECIDE, R.COMPLIANCE): LIVING,
    (V.RETRY, R.OPERATOR): CLOSED | FROZEN,
    (V.UNMASK, R.SUPPORT): READABLE,
    (V.UNMASK, R.IDENTITY): READABLE,
    (V.UNMASK, R.COMPLIANCE): READABLE,
    (V.OPEN_MANDATE, R.SUPPORT): UNSUBMITTED | STOPPABLE,
    (V.OPEN_MANDATE, R.IDENTITY): UNSUBMITTED | STOPPABLE,
    (V.ASK_MANDATE, R.IDENTITY): REVIEW | STOPPABLE,
}


def may(role: str, right: Right, state: str) -> bool:
    """Say whether ``role`` has ``right`` over a case in ``state``; what is not in the table is no."""
    return State(state) in RIGHTS.get((right, Role(role)), frozenset())


def rights(role: str, state: str) -> frozenset[Right]:
    """Return every right of ``role`` over a case in ``state``."""
    return frozenset(right for right in Right if may(role, right, state))

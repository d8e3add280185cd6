"""Tables of the case file, one file per subject."""

from closeout.cases.models.case import Case, CaseEvent, Consent, PolicyVersion, StatedReason
from closeout.cases.models.clearing import ClearingEntry, ClearingEvent, ClearingRun, ClearingShown
from closeout.cases.models.correspondence import CaseMessage
from closeout.cases.models.documents import Document
from closeout.cases.models.effects import EffectRow
from closeout.cases.models.messages import Message
from closeout.cases.models.policy import PolicyChange
from closeout.cases.models.verification import Challenge, RateLimit, TotpStep

__all__ = [
    "Case",
    "CaseEvent",
    "CaseMessage",
    "Challenge",
    "ClearingEntry",
    "ClearingEvent",
    "ClearingRun",
    "ClearingShown",
    "Consent",
    "Document",
    "EffectRow",
    "Message",
    "PolicyChange",
    "PolicyVersion",
    "RateLimit",
    "StatedReason",
    "TotpStep",
]

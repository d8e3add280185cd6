"""Tables of the case file, one file per subject."""

from closeout.cases.models.aftermath import ClaimRound, RecycledIdentifier
from closeout.cases.models.campaigns import (
    Brake,
    Campaign,
    CampaignApproval,
    CampaignChange,
    CampaignMember,
    CampaignNotice,
)
from closeout.cases.models.case import Case, CaseEvent, Consent, PolicyVersion, StatedReason
from closeout.cases.models.clearing import ClearingEntry, ClearingEvent, ClearingRun, ClearingShown
from closeout.cases.models.correspondence import CaseMessage
from closeout.cases.models.decisions import Approval, CaseHold, Decision, Waiver
from closeout.cases.models.desk import ContactHash, Task
from closeout.cases.models.documents import Document
from closeout.cases.models.effects import EffectRow
from closeout.cases.models.evidence import Evidence, EvidenceRequest, EvidenceView, Finding, VenueInquiry
from closeout.cases.models.mandates import Mandate, Signer
from closeout.cases.models.messages import Message
from closeout.cases.models.policy import PolicyChange
from closeout.cases.models.staff import Staff, StaffSession
from closeout.cases.models.verification import Challenge, RateLimit, TotpStep

__all__ = [
    "Approval",
    "Brake",
    "Campaign",
    "CampaignApproval",
    "CampaignChange",
    "CampaignMember",
    "CampaignNotice",
    "Case",
    "CaseEvent",
    "CaseHold",
    "CaseMessage",
    "Challenge",
    "ClaimRound",
    "ClearingEntry",
    "ClearingEvent",
    "ClearingRun",
    "ClearingShown",
    "Consent",
    "ContactHash",
    "Decision",
    "Document",
    "EffectRow",
    "Evidence",
    "EvidenceRequest",
    "EvidenceView",
    "Finding",
    "Mandate",
    "Message",
    "PolicyChange",
    "PolicyVersion",
    "RateLimit",
    "RecycledIdentifier",
    "Signer",
    "Staff",
    "StaffSession",
    "StatedReason",
    "Task",
    "TotpStep",
    "VenueInquiry",
    "Waiver",
]

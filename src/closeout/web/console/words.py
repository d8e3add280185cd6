"""What teams, tasks, actions and kinds are called on the pages of the console."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

TEAMS = {
    "support": _("Support"),
    "identity": _("Identity"),
    "compliance": _("Compliance"),
    "approval": _("Approval"),
}
TASKS = {
    "review": _("Manual review"),
    "message": _("Message of the holder"),
    "evidence": _("Proof of identity"),
    "decision": _("Waits for a second person"),
    "hold": _("Hold"),
    "compromise": _("Speaks of theft"),
    "mandate": _("Others act for the account"),
}
WAITS = {"us": _("for us"), "holder": _("for the holder")}
ROLES = {
    "support": _("Support"),
    "identity": _("Identity"),
    "compliance": _("Compliance"),
    "approver": _("Approver"),
    "auditor": _("Auditor, reads only"),
    "operator": _("Operator"),
}
ACTIONS = {
    "approve": _("Approve"),
    "refuse": _("Refuse with reasons"),
    "proof": _("Accept the proof in place of the lost factor"),
    "waive": _("Waive the security waiting period"),
    "release": _("Release the hold"),
    "recover": _("Give the protected account back"),
    "erase": _("Erase early"),
    "mandate": _("Accept that the signers act for the account"),
}
DECISION_STATES = {
    "open": _("waits for an answer"),
    "done": _("done"),
    "denied": _("denied"),
    "expired": _("expired"),
    "changed": _("void: the case changed"),
}
EVIDENCE = {
    "photo": _("Photo holding the document"),
    "video": _("Video with a spoken sentence"),
    "questions": _("Questions about the account"),
    "on_file": _("Compared with the documents on file"),
    "identity": _("Identity document of a signer"),
    "death": _("Proof of death"),
    "letters": _("Proof of inheritance"),
    "order": _("Appointment of the guardian"),
    "agreement": _("Agreement of the joint account"),
    "register": _("Extract of the company register"),
    "resolution": _("Resolution or power of attorney"),
}
MANDATES = {
    "estate": _("Estate of a holder who died"),
    "guardian": _("Holder under guardianship"),
    "joint": _("Joint account"),
    "corporate": _("Account of a company"),
}
SIGNERS = {
    "estate": _("Heir or executor"),
    "guardian": _("Guardian"),
    "joint": _("Co-holder"),
    "corporate": _("Authorised signatory"),
}
PAPERS = {
    "missing": _("not sent yet"),
    "received": _("to be looked at"),
    "accepted": _("accepted"),
    "again": _("to be sent again"),
}
VERDICTS = {
    "": _("not looked at yet"),
    "matches": _("matches"),
    "differs": _("differs"),
    "unclear": _("unclear"),
}
HOLD_KINDS = {
    "judicial": _("Judicial freeze"),
    "investigation": _("Investigation"),
    "dispute": _("Dispute"),
    "check": _("Ordinary check"),
}
KEPT = {
    "identity": _("Identity"),
    "transactions": _("Transactions, statements, tax files"),
}
EXTENSIONS = {
    "court_order": _("Court order"),
    "authority_order": _("Order of an authority"),
    "open_investigation": _("Open investigation"),
    "open_dispute": _("Open dispute"),
}
SCOPES = {
    "closing": _("stops closing"),
    "erasure": _("stops erasure"),
    "both": _("stops both"),
}
AUDIENCES = {
    "holder": _("To the holder"),
    "agents": _("Note for agents"),
    "compliance": _("Note for compliance"),
}
AUTHORS = {
    "claimant": _("Who gave notice"),
    "venue": _("Venue"),
    "holder": _("Holder"),
    "agent": _("Agent"),
    "signer": _("Signer"),
    "review": _("Manual review"),
    "system": pgettext_lazy("author", "closeout"),
}
PARTS = {
    "orders": _("open orders"),
    "earn": _("Earn"),
    "collateral": _("collateral of loans"),
    "p2p": _("P2P orders"),
}
FINDINGS = {
    "hidden_asset": _("A hidden asset"),
    "open_business": _("Business that has not ended"),
    "nothing": _("Looked, and found nothing"),
}
UNMASK = {
    "call_back": _("To call the holder back"),
    "letter_returned": _("A letter came back"),
    "identity": _("To compare with the proof of identity"),
    "authority": _("An authority asks"),
}
EFFECTS = {
    "venue.freeze": _("Freeze at the venue"),
    "venue.unfreeze": _("Unfreeze at the venue"),
    "venue.close": _("Close at the venue"),
    "venue.erase": _("Erase at the venue"),
    "venue.inquire": _("Question to the venue"),
    "vault.destroy": _("Destroy the keys"),
    "archive.build": _("Build the archive"),
    "records.build": _("Put the records together"),
    "certificate.issue": _("Issue the certificate"),
    "message.send": _("Send a letter"),
}
EVENTS = {
    "account:protect": _("Account protected"),
    "account:recover": _("Account given back"),
    "archive:build": _("Archive of records built"),
    "archive:download": _("Archive of records downloaded"),
    "case:policy": _("Moved to the policy in force"),
    "certificate:download": _("Certificate downloaded"),
    "certificate:issue": _("Certificate issued"),
    "clearing:confirmed": _("Clearing confirmed"),
    "clearing:written_off": _("Small balances given up"),
    "consent:give": _("Consequences read and agreed to"),
    "decision:agree": _("Agreed to a decision"),
    "decision:changed": _("Request void: the case changed"),
    "decision:denied": _("Decision denied"),
    "decision:deny": _("Did not agree to a decision"),
    "decision:done": _("Decision carried out"),
    "decision:expired": _("Request for a decision expired"),
    "erasure:early": _("Early erasure begun"),
    "mandate:decline": _("Notice declined"),
    "mandate:notice": _("Notice given"),
    "receipt:download": _("Receipt downloaded"),
    "records:downloaded": _("Records downloaded"),
    "records:declined": _("Records declined"),
    "retention:ask": _("Asked to keep longer"),
    "retention:end": _("What the law kept was deleted"),
    "retention:extend": _("Kept longer"),
    "retention:keep": _("Kept as the law says"),
    "statements:download": _("Statements downloaded"),
    "task:close": _("Task settled"),
    "task:escalate": _("Task escalated: its clock runs out"),
    "waiver:grant": _("Waiting period waived"),
    "contact:unmask": _("Contacts shown in full"),
    "evidence:view": _("Evidence looked at"),
    "evidence:judge": _("Evidence judged"),
    "evidence:receive": _("Evidence received"),
    "evidence:delete": _("Evidence deleted"),
    "message:say": _("Message or note written"),
    "task:assign": _("Task handed over"),
    "effect:retry": _("Tried again"),
    "inquiry:ask": _("Venue asked"),
    "inquiry:answer": _("Venue answered"),
    "finding:record": _("Finding recorded"),
    "finding:resolve": _("Finding settled"),
    "hold:place": _("Hold placed"),
    "hold:release": _("Hold released"),
    "mandate:open": _("Opened for signers"),
    "mandate:sign": _("Signed"),
    "mandate:object": _("Objected"),
}
BRAKES = {
    "person": _("%(by)s stopped everything that cannot be undone. Two people let it go on."),
    "clock_jump": _(
        "A clock jumped, so everything that cannot be undone stopped by itself. Two people let it go on."
    ),
}
LANGUAGES = {"zh": "中文", "en": "English"}
GROUPS = {"blocked": _("Stands in the way"), "unknown": _("Cannot be read now"), "clear": _("Met")}

"""The kinds of mandates: who signs, with which documents, and what exactly is signed (R-SUP-11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Text = Mapping[str, str]  # by language


@dataclass(frozen=True)
class Kind:
    """One kind. ``documents``: of the mandate itself; ``freezes``: the account is frozen as soon as it is opened."""

    name: Text
    signer: Text
    documents: tuple[str, ...]
    freezes: bool
    declaration: Text


OF_SIGNER = "identity"  # what each signer shows of their own
DOCUMENTS: Mapping[str, Text] = {
    "identity": {"en": "Your identity document", "zh": "你的身份证件"},
    "death": {"en": "Death certificate", "zh": "死亡证明"},
    "letters": {
        "en": "Grant of probate, letters of administration or certificate of inheritance",
        "zh": "遗嘱认证书、遗产管理人证明或继承权公证书",
    },
    "order": {
        "en": "Order or certificate that appoints the guardian",
        "zh": "指定监护人的法院文书或监护证明",
    },
    "agreement": {"en": "Agreement of the joint account", "zh": "联名账户协议"},
    "register": {"en": "Current extract of the company register", "zh": "最新的企业登记证明"},
    "resolution": {
        "en": "Resolution or power of attorney that names who signs",
        "zh": "载明签字人的决议或授权书",
    },
}
KINDS: Mapping[str, Kind] = {
    "estate": Kind(
        {"en": "Estate of a holder who died", "zh": "已故持有人的遗产"},
        {"en": "Heir or executor", "zh": "继承人或遗嘱执行人"},
        ("death", "letters"),
        True,
        {
            "en": "I am an heir or executor of the holder of this account, and I agree that it is closed for good.",
            "zh": "我是该账户持有人的继承人或遗嘱执行人，同意永久注销该账户。",
        },
    ),
    "guardian": Kind(
        {"en": "Holder under guardianship", "zh": "受监护的持有人"},
        {"en": "Guardian", "zh": "监护人"},
        ("order",),
        True,
        {
            "en": "I am a guardian of the holder of this account, and I agree for them that it is closed for good.",
            "zh": "我是该账户持有人的监护人，代其同意永久注销该账户。",
        },
    ),
    "joint": Kind(
        {"en": "Joint account", "zh": "联名账户"},
        {"en": "Co-holder", "zh": "联名持有人"},
        ("agreement",),
        False,
        {
            "en": "I am a holder of this joint account, and I agree that it is closed for good.",
            "zh": "我是该联名账户的持有人，同意永久注销该账户。",
        },
    ),
    "corporate": Kind(
        {"en": "Account of a company", "zh": "企业账户"},
        {"en": "Authorised signatory", "zh": "有权签字人"},
        ("register", "resolution"),
        False,
        {
            "en": "I am entitled to sign for the company that holds this account, and I agree that it is closed for "
            "good. The company keeps the books that the law asks of it.",
            "zh": "我有权代表持有该账户的企业签字，同意永久注销该账户。企业自行保存法律要求的账簿。",
        },
    ),
}

"""Names of hosts as a reader sees them: letters that look alike, hidden characters, names one letter apart. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LETTERS = str.maketrans(
    "оОкКхХаАеЕсСрРіІуУѕЅјЈԁһԛԝοΟκΚχΧαΑνΝρΡτΤυΥıɡⅼ01",
    "oOkKxXaAeEcCpPiIyYsSjJdhqwoOkKxXaAvNpPtTuYiglol",
)  # Cyrillic, Greek, other Latin letters and digits that look like plain ones


def plain(host: str) -> str:
    """Return ``host`` as it looks at a glance: lower case, marks taken off, look-alike letters made Latin."""
    apart = unicodedata.normalize("NFKD", host)
    bare = "".join(one for one in apart if not unicodedata.combining(one))
    return bare.translate(LETTERS).lower()


def written_out(host: str) -> str:
    """Return ``host`` with labels of the ``xn--`` form written in their own letters."""
    labels = []
    for label in host.split("."):
        try:
            labels.append(label.encode("ascii").decode("idna") if label.startswith("xn--") else label)
        except UnicodeError:
            labels.append(label)
    return unicodedata.normalize("NFC", ".".join(labels))


def visible(text: str) -> str:
    """Return ``text`` without characters that nobody sees (zero width, soft hyphen, direction marks)."""
    return "".join(one for one in text if unicodedata.category(one) != "Cf")


def imitated(host: str, brands: Iterable[str]) -> str | None:
    """Return the first of ``brands`` that a label of ``host`` contains or is one letter apart from."""
    for label in plain(host).replace("-", ".").split("."):
        for brand in brands:
            if brand in label or one_apart(label, brand):
                return brand
    return None


def one_apart(label: str, brand: str) -> bool:
    """Say whether one letter changed, added or left out makes ``brand`` of ``label``."""
    if abs(len(label) - len(brand)) > 1 or label == brand:
        return False
    if len(label) == len(brand):
        return sum(one != other for one, other in zip(label, brand, strict=True)) == 1
    longer, shorter = (label, brand) if len(label) > len(brand) else (brand, label)
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))

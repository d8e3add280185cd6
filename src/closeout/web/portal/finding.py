"""Search over the help centre's answers: forgiving of misspellings, in Chinese and in English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

from closeout.web.portal.answers import ANSWERS, Answer

LONGEST = 100  # characters of a question that are looked at
LATIN = re.compile(r"[a-z0-9]+")
CHINESE = re.compile(r"[\u4e00-\u9fff]+")
ALIKE = 0.74  # how alike two words must be to count as one misspelling of the other
ENOUGH = 0.34  # share of the question that an answer must meet
TYPED_FOR = str.maketrans("帐删號戶註銷關閉", "账删号户注销关闭")  # common mistypes and traditional forms
STOP = frozenset({"a", "an", "the", "my", "i", "do", "is", "to", "how", "can", "of", "in", "it"})


def plain(text: str) -> str:
    """Return ``text`` in one width, one case and the common characters."""
    return unicodedata.normalize("NFKC", text[:LONGEST]).lower().translate(TYPED_FOR)


def pieces(text: str) -> tuple[set[str], set[str]]:
    """Split into English words and pairs of neighbouring Chinese characters."""
    known = plain(text)
    words = {word for word in LATIN.findall(known) if word not in STOP}
    pairs: set[str] = set()
    for run in CHINESE.findall(known):
        pairs |= {run[at : at + 2] for at in range(len(run) - 1)} or {run}
    return words, pairs


def _met(word: str, words: set[str]) -> float:
    if word in words:
        return 1.0
    best = max((SequenceMatcher(None, word, other).ratio() for other in words), default=0.0)
    return best if best >= ALIKE and len(word) > 2 else 0.0


def _single(pair: str, pairs: set[str]) -> float:
    if pair in pairs:
        return 1.0
    shared = set(pair) & {character for other in pairs for character in other}
    return 0.5 * len(shared) / len(set(pair))


def _score(question: tuple[set[str], set[str]], answer: Answer) -> float:
    title_words, title_pairs = pieces(str(answer.title))
    words, pairs = set(title_words), set(title_pairs)
    for part in re.findall(r"[^\s]+", answer.words):
        more_words, more_pairs = pieces(part)
        words |= more_words
        pairs |= more_pairs
    asked = len(question[0]) + len(question[1])
    got = sum(_met(word, words) for word in question[0]) + sum(_single(pair, pairs) for pair in question[1])
    return got / asked if asked else 0.0


def search(question: str) -> Sequence[Answer]:
    """Return the answers that meet ``question``, best first; equal ones keep the order of the list."""
    asked = pieces(question)
    scored = [(answer, _score(asked, answer)) for answer in ANSWERS]
    best = max((score for _, score in scored), default=0.0)
    found = [(answer, score) for answer, score in scored if score >= max(ENOUGH, best * 0.6)]
    return [answer for answer, _ in sorted(found, key=lambda pair: -pair[1])][:6]

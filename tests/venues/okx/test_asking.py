"""R-CHK-17: what no API tells is asked in words; an answer that is none leaves its question open."""

from datetime import datetime
from pathlib import Path

import click
import pytest

from closeout.commands import okx_door
from closeout.venues.okx import declared

NOW = datetime(2026, 2, 3)
SAID = ["否", "maybe", "", "n", "2026-02-01", "soon", "y", "yes", "No", "2026-02-09"]


@pytest.mark.parametrize(
    ("language", "introduced"), [("en", "10 things that no API tells"), ("zh", "API 无法告知")]
)
def test_questions_are_introduced_and_a_wrong_answer_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, *, language: str,
    introduced: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(okx_door.Asked, "may_ask", property(lambda _: True))
    answers = iter(SAID)
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    asked = okx_door.Asked(base_url=None, demo=False, answers=(), remember=True, no_input=False)
    found = okx_door.answers(asked, 7, language, now=NOW)
    assert {code: one.value for code, one in found.items()} == {
        "p2p_orders": "no", "other_keys": "no", "password_changed_on": "2026-02-01", "identity": "yes",
        "contacts": "yes", "holds": "no",
    }  # fmt: skip
    heard = capsys.readouterr().err
    assert introduced in heard
    for wrong in ("maybe", "soon", "2026-02-09"):
        assert wrong in heard
    assert declared.recall(declared.home(), 7) == found

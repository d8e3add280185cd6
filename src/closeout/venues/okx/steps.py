"""The order of steps of a real closing, and where to tap for what no API does."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Step:
    """One step, by language; ``trap``: doing it otherwise starts a new wait or loses something."""

    en: str
    zh: str
    trap: bool = False

    def text(self, language: str) -> str:
        """Return the step in ``language`` (zh or en)."""
        return self.zh if language == "zh" else self.en


def steps() -> tuple[Step, ...]:
    """Return every step in order."""
    text = resources.files(__package__).joinpath("steps.toml").read_text(encoding="utf-8")
    return tuple(Step(one["en"], one["zh"], one.get("trap", False)) for one in tomllib.loads(text)["step"])

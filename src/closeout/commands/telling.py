"""How the story of the demonstration is told: chapters and lines on stderr, the record in story.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape


class Talk:
    """Prints chapters and lines; plain text where it is not a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True)

    def chapter(self, number: int, at: str, title: str) -> None:
        """Begin a chapter."""
        self._console.print(f"\n[bold]{number}. {escape(title)}[/bold]  [dim]{escape(at)}[/dim]")

    def line(self, text: str, *, mark: str = " ") -> None:
        """Say one line of the chapter."""
        self._console.print(f"   {mark} {escape(text)}")


class Record:
    """The story as data: every step with what was before and after. Rewritten after each step."""

    def __init__(self, path: Path, *, person: str, language: str) -> None:
        self._path = path
        self._steps: list[Mapping[str, Any]] = []
        self._head = {"schema": "closeout.story/1", "person": person, "language": language}
        self._write()

    def add(self, name: str, at: str, before: object, after: object) -> None:
        """Add one step."""
        self._steps.append({"step": name, "at": at, "before": before, "after": after})
        self._write()

    def _write(self) -> None:
        aside = self._path.with_suffix(".part")
        aside.write_text(
            json.dumps({**self._head, "steps": self._steps}, ensure_ascii=False, indent=2) + "\n",
            encoding="utf-8",
        )
        aside.replace(self._path)

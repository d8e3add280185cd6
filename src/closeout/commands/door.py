"""What every command does alike: language, output, account numbers, errors as sentences with exit codes."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from typing import Any

import click

DONE, BLOCKED, USAGE, FORBIDDEN, UNREACHABLE, INCOMPLETE, FAULT = 0, 1, 2, 3, 4, 5, 70
LANGUAGES = click.Choice(["zh", "en"])


def language(wanted: str | None = None) -> str:
    """Return zh or en: what was asked for, else CLOSEOUT_LANG, else the language of the system."""
    named = (
        wanted
        or os.environ.get("CLOSEOUT_LANG")
        or os.environ.get("LC_ALL")
        or os.environ.get("LANG")
        or "en"
    )
    return "zh" if named.lower().startswith("zh") else "en"


def emit(value: Mapping[str, Any]) -> None:
    """Write one JSON document to stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def progress(text: str) -> None:
    """Write one line of progress to stderr."""
    click.echo(text, err=True)


def account(named: str) -> int:
    """Return the account that ``named`` means: a number, or the handle of a seeded person.

    Call after ``start.begin``. Raises: Refused (unknown_account).
    """
    from closeout.cases import venues
    from closeout.reasons import refuse

    found = venues.account_of(named)
    if found is None:
        raise refuse("unknown_account")
    return found


FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def explain(wrong: Exception) -> tuple[int, list[str]]:
    """Return exit code and sentences for ``wrong``; a bug says so and how to see more."""
    from closeout.cases.parties import BadParties
    from closeout.cluster import ClusterError
    from closeout.cluster.migrations import MigrationError
    from closeout.policy import PolicyError
    from closeout.reasons import Refused
    from closeout.records.erasure import Behind

    if isinstance(wrong, Refused):
        return BLOCKED, wrong.sentences(language())
    if isinstance(wrong, PolicyError):
        return USAGE, [f"{problem}. Correct the policy and start again." for problem in wrong.problems]
    if isinstance(wrong, BadParties):
        return USAGE, [f"{wrong}. Correct the file and start again."]
    if isinstance(wrong, ClusterError | MigrationError | Behind):
        return UNREACHABLE, [str(wrong)]
    if isinstance(wrong, OSError) and wrong.errno in FULL:
        return UNREACHABLE, ["The disk is full. Nothing half done; make room and run the command again."]
    known = _outside(wrong)
    return known or (
        FAULT,
        [f"This is a fault of closeout ({type(wrong).__name__}). Run again with --debug."],
    )


def _outside(wrong: Exception) -> tuple[int, list[str]] | None:
    import psycopg
    from django.db import OperationalError

    from closeout.facts.engine import FactsUnreachable
    from closeout.venues.base import Rejected, Unreachable

    if isinstance(wrong, psycopg.OperationalError | OperationalError):
        return UNREACHABLE, ["The database went away; nothing half done. Start it and run the command again."]
    if isinstance(wrong, Unreachable | FactsUnreachable):
        return UNREACHABLE, ["The venue did not answer. Nothing was concluded; run the command again."]
    if isinstance(wrong, Rejected):
        return UNREACHABLE, [f"The venue refused: {wrong.reason}."]
    return None

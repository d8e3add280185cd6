"""What the site writes into its log: what broke and where, one line each, and nothing of anybody."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

FRAMES = 8
Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Sparing(logging.Formatter):
    """Writes kinds and places of exceptions, never what they say: messages of a database quote rows.

    Control characters are written as escapes, so that no visitor can write a line of their own.
    """

    def formatException(self, ei: Raised) -> str:  # noqa: N802 - the name is logging's
        """Return the chain of kinds and the innermost places: ``ValueError at application.py:12 in submit``."""
        told: list[str] = []
        raised = ei[1]
        while raised is not None and len(told) < FRAMES:
            frames = traceback.extract_tb(raised.__traceback__)[-FRAMES:]
            places = " < ".join(
                f"{_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in reversed(frames)
            )
            told.append(f"{type(raised).__name__} at {places}")
            raised = raised.__cause__ or raised.__context__
        return " | after ".join(told)

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        text = super().format(record)
        return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text.replace("\n", " | "))


def _short(filename: str) -> str:
    return "/".join(filename.replace("\\", "/").split("/")[-2:])


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "sparing": {
            "()": "closeout.web.logs.Sparing",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "sparing"}},
    "loggers": {
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "django.security": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "closeout": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}

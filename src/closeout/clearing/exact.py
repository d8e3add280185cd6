"""Amounts of up to 36 digits without rounding: Python's own context keeps 28."""

from __future__ import annotations

import decimal
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
DIGITS = 76  # a product of two amounts of DECIMAL(36, 18) with room to spare


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Let ``function`` reckon with :data:`DIGITS` digits."""

    @functools.wraps(function)
    def exactly(*args: P.args, **kwargs: P.kwargs) -> R:
        with decimal.localcontext(prec=DIGITS):
            return function(*args, **kwargs)

    return exactly

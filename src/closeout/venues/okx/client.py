"""Import one exchange of ccxt without the other hundred: a quarter of the time, a third of the memory."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import types
from typing import Any

_lock = threading.Lock()


class ClientMissing(Exception):
    """ccxt is not installed. Install it with: pip install 'closeout[okx]'."""


def exchange_class(name: str) -> Any:
    """Return ccxt's class for one exchange, for example ``okx``. Raises: ClientMissing.

    ``import ccxt`` imports every exchange there is. A bare package stands in for it while the one module is
    imported, and is taken away again, so that a later ``import ccxt`` by somebody else works as ever.
    """
    return getattr(_module(f"ccxt.{name}"), name)


def error_class() -> type[Exception]:
    """Return the base class of ccxt's errors. Raises: ClientMissing."""
    found: type[Exception] = _module("ccxt.base.errors").BaseError
    return found


def _module(name: str) -> types.ModuleType:
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        if "ccxt" in sys.modules:
            return importlib.import_module(name)
        spec = importlib.util.find_spec("ccxt")
        if spec is None or spec.submodule_search_locations is None:
            raise ClientMissing
        bare = types.ModuleType("ccxt")
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules["ccxt"] = bare
        try:
            return importlib.import_module(name)
        finally:
            del sys.modules["ccxt"]

"""Import one exchange of ccxt without the other hundred: a quarter of the time, a third of the memory."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import threading
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_lock = threading.Lock()


@dataclass(frozen=True)
class Heard:
    """What came back: status and body, before anybody interprets it."""

    status: int
    body: str


class Answered(Exception):
    """Carries an answer out of ccxt before ccxt interprets it."""

    def __init__(self, heard: Heard) -> None:
        super().__init__("answered")
        self.heard = heard


class ClientMissing(Exception):
    """ccxt is not installed; it comes with the extra ``okx``."""


def exchange_class(name: str) -> Any:
    """Return ccxt's class for one exchange, for example ``okx``. Raises: ClientMissing.

    ``import ccxt`` imports every exchange there is. A bare package stands in for it while the one module is
    imported, and is taken away again, so that a later ``import ccxt`` by somebody else works as ever.
    """
    return getattr(_module(f"ccxt.{name}"), name)


def raw_exchange(name: str, settings: Mapping[str, Any]) -> Any:
    """Return ccxt's client of exchange ``name``, which hands out every answer by raising :class:`Answered`.

    It paces nothing, logs nothing and follows no redirection: the key's headers stay between us and the exchange.
    ``settings``: ccxt's, beside these. Raises: ClientMissing.
    """

    class Raw(exchange_class(name)):  # type: ignore[misc]
        """ccxt's client, made to hand out every answer before it judges it."""

        def handle_errors(self, code: int, *said: Any) -> None:
            """Hand out status and body. Raises: Answered, always."""
            raise Answered(Heard(int(code), str(said[4] if said[4] is not None else "")))

    exchange = Raw({**settings, "enableRateLimit": False, "verbose": False})
    silent = logging.getLogger(f"closeout.venues.{name}.silent")
    silent.disabled = True
    exchange.logger = silent  # ccxt would log request headers, and with them the key, at debug level
    exchange.enableLastHttpResponse = exchange.enableLastJsonResponse = False
    exchange.session.max_redirects = 0  # requests would carry the key's headers to another host
    return exchange


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

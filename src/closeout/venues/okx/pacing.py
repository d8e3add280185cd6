"""Space calls as the exchange documents: so many per window, for each operation on its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from closeout.venues.okx.endpoints import Endpoint

MARGIN_SECONDS = 0.02  # the exchange counts when a call arrives, not when it leaves


class Pace:
    """Lets a call pass when the documented window of its operation has room; safe between threads."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._windows: dict[str, deque[float]] = {}

    def wait(self, endpoint: Endpoint) -> None:
        """Block until one more call of ``endpoint`` is allowed, and count it."""
        while True:
            with self._lock:
                now = self._clock()
                window = self._windows.setdefault(endpoint.name, deque())
                while window and window[0] <= now - endpoint.seconds - MARGIN_SECONDS:
                    window.popleft()
                if len(window) < endpoint.calls:
                    window.append(now)
                    return
                pause = window[0] + endpoint.seconds + MARGIN_SECONDS - now
            self._sleep(max(pause, 0.001))  # never so short that a clock does not show it

    def back_off(self, endpoint: Endpoint) -> None:
        """Fill the window of ``endpoint``: the exchange said that it had too many."""
        with self._lock:
            now = self._clock()
            self._windows[endpoint.name] = deque([now] * endpoint.calls)

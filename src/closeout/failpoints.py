"""Named points at which a test ends the process; in production a call that does nothing.

``CLOSEOUT_FAILPOINT=name:7`` ends this process with SIGKILL at the seventh pass of ``name``; ``*`` counts the
passes of every point together. The variable is read once, when this module is imported.
"""

from __future__ import annotations

import itertools
import os
import signal

_named, _, _nth = os.environ.get("CLOSEOUT_FAILPOINT", "").partition(":")
_passes = itertools.count(1)


def failpoint(name: str) -> None:
    """Pass the point ``name``; end the process here if the environment asks for it."""
    if _named and _named in (name, "*") and next(_passes) == int(_nth or "1"):
        os.kill(os.getpid(), signal.SIGKILL)

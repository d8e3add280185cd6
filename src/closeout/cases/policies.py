"""The policy in force and the policy of a case: a case keeps the version it was opened under (R-CLO-15)."""

from __future__ import annotations

import functools
import os
from datetime import datetime
from pathlib import Path

from closeout import policy
from closeout.cases.models import PolicyVersion


@functools.lru_cache(maxsize=1)
def in_force() -> policy.Policy:
    """Return the policy that new cases are opened under.

    It is the file named by ``CLOSEOUT_POLICY``, or the defaults. Raises: PolicyError.
    """
    named = os.environ.get("CLOSEOUT_POLICY")
    return policy.load(Path(named)) if named else policy.Policy()


def keep(chosen: policy.Policy, *, now: datetime) -> PolicyVersion:
    """Store ``chosen`` under its version and return the row; idempotent."""
    row, _ = PolicyVersion.objects.get_or_create(
        version=chosen.version, defaults={"toml": policy.dumps(chosen), "loaded_at": now}
    )
    return row


@functools.lru_cache(maxsize=64)
def of_version(version: str) -> policy.Policy:
    """Return the stored policy called ``version``. Raises: PolicyVersion.DoesNotExist."""
    return policy.loads(PolicyVersion.objects.get(pk=version).toml, name=f"policy {version}")

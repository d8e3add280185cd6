"""Which role somebody of the operator's people has, by what their identity provider says of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from closeout.cases.permissions import Role
from closeout.web.signin import oidc

PREFIX = "CLOSEOUT_STAFF_OIDC"
LONGEST = timedelta(hours=8)  # since the person typed a password or held a key


@dataclass(frozen=True)
class Duties:
    """The claim that names groups, which group has which role, and the claim with somebody's own account."""

    claim: str
    roles: Mapping[str, str] = field(repr=False)
    account_claim: str = ""

    def role_of(self, claims: Mapping[str, Any]) -> str | None:
        """Return the one role that ``claims`` give; None for nobody of ours, or for somebody with two jobs."""
        said = claims.get(self.claim)
        groups = said if isinstance(said, list) else [said]
        found = {self.roles[group] for group in groups if isinstance(group, str) and group in self.roles}
        return found.pop() if len(found) == 1 else None

    def account_of(self, claims: Mapping[str, Any]) -> str:
        """Return the person's own account as the provider names it: they never decide on it. Empty for none."""
        said = claims.get(self.account_claim) if self.account_claim else None
        return str(said) if isinstance(said, int | str) and not isinstance(said, bool) else ""


def provider(environ: Mapping[str, str] = os.environ) -> oidc.Provider | None:
    """Return the identity provider of the operator's people; it must vouch for a second factor.

    Raises: ValueError without ``_ACR`` and ``_AMR``, and for what :func:`oidc.configured` refuses.
    """
    found = oidc.configured(PREFIX, environ)
    if found is None:
        return None
    if not found.acr and not found.amr:
        raise ValueError(
            f"{PREFIX}_ISSUER needs {PREFIX}_ACR or {PREFIX}_AMR: a second factor is always needed"
        )
    return replace(found, max_age=found.max_age or LONGEST)


def configured(environ: Mapping[str, str] = os.environ) -> Duties | None:
    """Return the mapping of ``_ROLES`` (``group=role`` with spaces between), ``_ROLES_CLAIM``, ``_ACCOUNT_CLAIM``.

    None without a provider. Raises: ValueError for no mapping or an unknown role.
    """
    if not environ.get(f"{PREFIX}_ISSUER", "").strip():
        return None
    pairs = [part.rpartition("=") for part in environ.get(f"{PREFIX}_ROLES", "").split()]
    roles = {group: role for group, _, role in pairs}
    unknown = sorted(set(roles.values()) - {role.value for role in Role})
    if unknown or not roles or "" in roles:
        raise ValueError(
            f"{PREFIX}_ROLES must give groups the roles {', '.join(Role)}; not {', '.join(unknown)}"
        )
    return Duties(
        environ.get(f"{PREFIX}_ROLES_CLAIM", "groups"), roles, environ.get(f"{PREFIX}_ACCOUNT_CLAIM", "")
    )

"""Where key-encryption keys live, as one line of configuration; secrets come from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from closeout.records.keys import FileKeys, KeyPort

FORMS = "file, vault:https://HOST:8200?mount=transit, kms:REGION, or pkcs11:/PATH/MODULE.so?token=LABEL"


class BadAddress(ValueError):
    """The line cannot be understood, or the secret that it needs is missing. The message says what to set."""


def port(address: str, directory: Path, *, secrets: Mapping[str, str] = os.environ) -> KeyPort:
    """Return the port that ``address`` names; empty means files in ``directory``.

    Vault's token is read from VAULT_TOKEN or the file VAULT_TOKEN_FILE, an HSM's pin from CLOSEOUT_PKCS11_PIN or the
    file CLOSEOUT_PKCS11_PIN_FILE, credentials of AWS from where boto3 looks. Raises: BadAddress.
    """
    kind, _, rest = address.partition(":")
    try:
        if kind in {"", "file"}:
            return FileKeys(Path(rest) if rest else directory)
        if kind == "vault":
            from closeout.records.keys_vault import VaultKeys

            place, said = _split(rest)
            return VaultKeys(place, _secret("VAULT_TOKEN", secrets), mount=said.get("mount", "transit"))
        if kind == "kms":
            from closeout.records.keys_kms import KmsKeys

            return KmsKeys(region=rest or None)
        if kind == "pkcs11":
            from closeout.records.keys_pkcs11 import Pkcs11Keys

            place, said = _split(rest)
            pin = _secret("CLOSEOUT_PKCS11_PIN", secrets)
            return Pkcs11Keys(Path(place), token=said.get("token", "closeout"), pin=pin)
    except ImportError as missing:
        raise BadAddress(f"{kind} needs: pip install 'closeout[{kind}]'") from missing
    except ValueError as wrong:
        raise BadAddress(str(wrong)) from wrong
    raise BadAddress(f"CLOSEOUT_KEK is {kind}:…; it can be {FORMS}")


def _split(rest: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(rest)
    return parts._replace(query="").geturl(), {name: one[0] for name, one in parse_qs(parts.query).items()}


def _secret(name: str, secrets: Mapping[str, str]) -> str:
    if name in secrets:
        return secrets[name]
    file = secrets.get(f"{name}_FILE")
    if file is None:
        raise BadAddress(f"set {name}_FILE to a file that holds it")
    return Path(file).read_text(encoding="utf-8").strip()

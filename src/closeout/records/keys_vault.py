"""Key-encryption keys in HashiCorp Vault or OpenBao: the transit engine. No key ever leaves it.

The token needs create, read, update, delete and list on ``MOUNT/keys`` and update on ``encrypt``, ``decrypt`` and
``hmac`` below it; ``MOUNT/config/keys`` must have ``disable_upsert`` set, so that a key that was destroyed is not made
anew by using it. Source: HashiCorp Vault HTTP API, transit secrets engine.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from closeout.records.keys import KEK_NAME, KeyGone, ServiceUnreachable

SECONDS = 10
ANSWER_MAX = 1 << 20
INDEX = "index"
FORM = "vault:v"


@dataclass(frozen=True)
class VaultKeys:
    """The transit engine at ``address`` (https; plain http to this machine only), keys named ``prefix-NAME``."""

    address: str
    token: str = field(repr=False)
    mount: str = "transit"
    prefix: str = "closeout"
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("the address of Vault begins with https://")

    def create(self, name: str) -> None:
        """Make the key ``name``; an existing one stays. Raises: ValueError, ServiceUnreachable."""
        said = {"type": "aes256-gcm96", "exportable": False, "allow_plaintext_backup": False}
        self._demand(self._call("POST", f"keys/{self._key(name)}", said))

    def wrap(self, name: str, key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``key`` bound to ``context``. Raises: KeyGone, ServiceUnreachable."""
        said = {"plaintext": _text(key), "associated_data": _text(context)}
        return str(self._data("POST", f"encrypt/{self._key(name)}", said, name)["ciphertext"]).encode()

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt what ``wrap`` returned. Raises: KeyGone, ServiceUnreachable."""
        if not wrapped.startswith(FORM.encode()):
            raise KeyGone(f"not wrapped by {name}")
        said = {"ciphertext": wrapped.decode(), "associated_data": _text(context)}
        return base64.b64decode(self._data("POST", f"decrypt/{self._key(name)}", said, name)["plaintext"])

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return HMAC-SHA256 under a key that is made at the first call and never rotated."""
        said = {"input": _text(len(purpose.encode()).to_bytes(2) + purpose.encode() + message)}
        path = f"hmac/{self._key(INDEX)}/sha2-256"
        status, body = self._call("POST", path, said)
        if status in {400, 404}:
            self.create(INDEX)
            status, body = self._call("POST", path, said)
        found = str(self._demand((status, body))["data"]["hmac"])
        return base64.b64decode(found.rpartition(":")[2])

    def destroy(self, name: str) -> None:
        """Destroy the key ``name`` for good; destroying twice is the same as once. Raises: ServiceUnreachable."""
        path = f"keys/{self._key(name)}"
        status, body = self._call("POST", f"{path}/config", {"deletion_allowed": True})
        if status in {400, 404} and self._call("GET", path, None)[0] == 404:
            return
        self._demand((status, body))
        self._demand(self._call("DELETE", path, None))

    def names(self) -> Sequence[str]:
        """Return the names of the keys that exist, sorted. Raises: ServiceUnreachable."""
        status, body = self._call("LIST", "keys", None)
        if status == 404:
            return []
        begin = f"{self.prefix}-"
        every = [str(one) for one in self._demand((status, body))["data"]["keys"]]
        mine = [one.removeprefix(begin) for one in every if one.startswith(begin)]
        return sorted(one for one in mine if one != INDEX)

    def _key(self, name: str) -> str:
        if not KEK_NAME.match(name):
            raise ValueError(f"not a key name: {name!r}")
        return f"{self.prefix}-{name}"

    def _data(self, method: str, path: str, said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        status, body = self._call(method, path, said)
        if status in {400, 404}:
            raise KeyGone(f"{name} is not there, or did not wrap this")
        found: Mapping[str, Any] = self._demand((status, body))["data"]
        return found

    @staticmethod
    def _demand(answer: tuple[int, Mapping[str, Any]]) -> Mapping[str, Any]:
        status, body = answer
        if status not in {200, 204}:
            raise ServiceUnreachable(f"Vault answered {status}")
        return body

    def _call(self, method: str, path: str, said: Mapping[str, Any] | None) -> tuple[int, Mapping[str, Any]]:
        parts = urlsplit(self.address)
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=SECONDS, context=self.tls)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=SECONDS)
        )
        try:
            body = None if said is None else json.dumps(said)
            headers = {"X-Vault-Token": self.token, "X-Vault-Request": "true"}
            connection.request(method, f"{parts.path.rstrip('/')}/v1/{self.mount}/{path}", body, headers)
            answer = connection.getresponse()
            content = answer.read(ANSWER_MAX)
            return answer.status, json.loads(content) if content else {}
        except (OSError, http.client.HTTPException, ValueError) as gone:
            raise ServiceUnreachable(f"Vault did not answer: {type(gone).__name__}") from gone
        finally:
            connection.close()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()

"""Small servers that speak as HashiCorp Vault's transit engine and AWS KMS do, as far as their pages say."""

# ruff: noqa: D102 - the methods are named by the protocols
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "a token of the tests"


class Quiet(BaseHTTPRequestHandler):
    """A handler that answers JSON and keeps no log."""

    kept: dict[str, Any]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def content(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")

    def answer(self, status: int, said: Any = None) -> None:
        body = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Transit(Quiet):
    """Keys, encrypt, decrypt, hmac, config, delete, list; ``disable_upsert`` is set."""

    def do_POST(self) -> None:
        said = self.content()
        if self.headers["x-vault-token"] != TOKEN:
            return self.answer(403, {"errors": ["permission denied"]})
        _, _, _, verb, name, *rest = self.path.split("/")
        key = self.kept.get(name)
        if verb == "keys" and not rest:
            self.kept.setdefault(name, {"key": os.urandom(32), "deletable": False})
            return self.answer(200, {"data": {"name": name}})
        if key is None:
            return self.answer(400, {"errors": ["encryption key not found"]})
        if verb == "keys":
            key["deletable"] = said["deletion_allowed"]
            return self.answer(200, {"data": {}})
        if verb == "hmac":
            found = hmac.digest(key["key"], base64.b64decode(said["input"]), "sha256")
            return self.answer(200, {"data": {"hmac": "vault:v1:" + base64.b64encode(found).decode()}})
        bound = base64.b64decode(said["associated_data"])
        if verb == "encrypt":
            nonce = os.urandom(12)
            found = nonce + AESGCM(key["key"]).encrypt(nonce, base64.b64decode(said["plaintext"]), bound)
            return self.answer(200, {"data": {"ciphertext": "vault:v1:" + base64.b64encode(found).decode()}})
        sealed = base64.b64decode(said["ciphertext"].removeprefix("vault:v1:"))
        try:
            plain = AESGCM(key["key"]).decrypt(sealed[:12], sealed[12:], bound)
        except InvalidTag:
            return self.answer(400, {"errors": ["cipher: message authentication failed"]})
        return self.answer(200, {"data": {"plaintext": base64.b64encode(plain).decode()}})

    def do_GET(self) -> None:
        self.answer(200 if self.path.rpartition("/")[2] in self.kept else 404, {"errors": []})

    def do_DELETE(self) -> None:
        name = self.path.rpartition("/")[2]
        if name not in self.kept or not self.kept[name]["deletable"]:
            return self.answer(400, {"errors": ["deletion is not allowed for this key"]})
        del self.kept[name]
        return self.answer(204)

    def do_LIST(self) -> None:
        self.answer(200 if self.kept else 404, {"data": {"keys": list(self.kept)}})


class Kms(Quiet):
    """Keys with aliases; a key whose deletion is scheduled refuses everything."""

    def do_POST(self) -> None:
        said = self.content()
        verb = re.sub(
            r"(?<!^)(?=[A-Z])", "_", self.headers["x-amz-target"].removeprefix("TrentService.")
        ).lower()
        try:
            self.answer(200, getattr(self, verb)(said))
        except KeyError as wrong:
            self.answer(400, {"__type": wrong.args[0], "message": "refused"})

    def held(self, said: Any) -> Any:
        ident = said["KeyId"]
        aliases = self.kept.setdefault("aliases", {})
        if ident.startswith("alias/"):
            if ident not in aliases:
                raise KeyError("NotFoundException")
            ident = aliases[ident]
        return self.kept.setdefault("keys", {})[ident]

    def able(self, said: Any) -> Any:
        key = self.held(said)
        if key["deleted"]:
            raise KeyError("KMSInvalidStateException")
        return key

    def create_key(self, said: Any) -> Any:
        ident = str(uuid.uuid4())
        made = {"id": ident, "key": os.urandom(32), "deleted": False, "usage": said["KeyUsage"]}
        self.kept.setdefault("keys", {})[ident] = made
        return {"KeyMetadata": {"KeyId": ident}}

    def create_alias(self, said: Any) -> Any:
        aliases = self.kept.setdefault("aliases", {})
        if said["AliasName"] in aliases:
            raise KeyError("AlreadyExistsException")
        aliases[said["AliasName"]] = said["TargetKeyId"]
        return {}

    def delete_alias(self, said: Any) -> Any:
        if self.kept["aliases"].pop(said["AliasName"], None) is None:
            raise KeyError("NotFoundException")
        return {}

    def describe_key(self, said: Any) -> Any:
        key = self.held(said)
        more = {"DeletionDate": 1.0} if key["deleted"] else {}
        return {"KeyMetadata": {"KeyId": key["id"], **more}}

    def schedule_key_deletion(self, said: Any) -> Any:
        assert 7 <= said["PendingWindowInDays"] <= 30
        self.able(said)["deleted"] = True
        return {}

    def encrypt(self, said: Any) -> Any:
        key, nonce = self.able(said), os.urandom(12)
        bound = json.dumps(said["EncryptionContext"], sort_keys=True).encode()
        body = AESGCM(key["key"]).encrypt(nonce, base64.b64decode(said["Plaintext"]), bound)
        return {"CiphertextBlob": base64.b64encode(nonce + body).decode()}

    def decrypt(self, said: Any) -> Any:
        key, sealed = self.able(said), base64.b64decode(said["CiphertextBlob"])
        bound = json.dumps(said["EncryptionContext"], sort_keys=True).encode()
        try:
            plain = AESGCM(key["key"]).decrypt(sealed[:12], sealed[12:], bound)
        except (InvalidTag, ValueError):
            raise KeyError("InvalidCiphertextException") from None
        return {"Plaintext": base64.b64encode(plain).decode()}

    def generate_mac(self, said: Any) -> Any:
        key = self.able(said)
        assert key["usage"] == "GENERATE_VERIFY_MAC"
        found = hmac.digest(key["key"], base64.b64decode(said["Message"]), hashlib.sha256)
        return {"Mac": base64.b64encode(found).decode()}

    def list_aliases(self, said: Any) -> Any:
        every = sorted(self.kept.setdefault("aliases", {}))
        begin = int(said.get("Marker", 0))
        page = {"Aliases": [{"AliasName": one} for one in every[begin : begin + 2]]}
        more = begin + 2 < len(every)
        return page | ({"Truncated": True, "NextMarker": str(begin + 2)} if more else {"Truncated": False})


@contextmanager
def served(handler: type[Quiet]) -> Iterator[str]:
    """Serve ``handler`` with keys of its own and yield its address."""
    mine = type(handler.__name__, (handler,), {"kept": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), mine)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""Key-encryption keys in AWS KMS, found by their aliases. No key ever leaves it. Needs the extra ``kms``.

A destroyed key is *scheduled*: AWS keeps it for seven days, in which it decrypts nothing and an administrator could
still call it back. The horizon of an erasure counts them (:data:`closeout.records.epochs.HORIZON`).
Source: AWS KMS API reference.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from closeout.records.keys import KEK_NAME, KeyGone, ServiceUnreachable

PENDING_DAYS = 7
INDEX = "index"
GONE = frozenset({
    "NotFoundException", "KMSInvalidStateException", "DisabledException", "InvalidCiphertextException",
    "IncorrectKeyException",
})  # fmt: skip


class KmsKeys:
    """Keys with aliases ``alias/PREFIX-NAME``. Credentials come from where boto3 finds them: never from arguments."""

    def __init__(
        self, *, region: str | None = None, endpoint: str | None = None, prefix: str = "closeout"
    ) -> None:
        import boto3
        from botocore.config import Config

        quick = Config(
            connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"}
        )
        self._client: Any = boto3.client("kms", region_name=region, endpoint_url=endpoint, config=quick)
        self._prefix = prefix

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def create(self, name: str) -> None:
        """Make the key ``name``; an existing one stays. Raises: ValueError, ServiceUnreachable."""
        self._create(name, KeySpec="SYMMETRIC_DEFAULT", KeyUsage="ENCRYPT_DECRYPT")

    def _create(self, name: str, **kind: str) -> None:
        alias = self._alias(name)
        if self._ask("describe_key", KeyId=alias, gone=None) is not None:
            return
        made = self._ask("create_key", Description=f"closeout {name}", **kind)["KeyMetadata"]["KeyId"]
        try:
            self._ask("create_alias", AliasName=alias, TargetKeyId=made)
        except _Exists:
            self._ask("schedule_key_deletion", KeyId=made, PendingWindowInDays=PENDING_DAYS)

    def wrap(self, name: str, key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``key`` bound to ``context``. Raises: KeyGone, ServiceUnreachable."""
        said = self._ask(
            "encrypt", KeyId=self._alias(name), Plaintext=key, EncryptionContext=_bound(context), gone=name
        )
        return bytes(said["CiphertextBlob"])

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt what ``wrap`` returned. Raises: KeyGone, ServiceUnreachable."""
        said = self._ask(
            "decrypt", KeyId=self._alias(name), CiphertextBlob=wrapped, EncryptionContext=_bound(context), gone=name
        )  # fmt: skip
        return bytes(said["Plaintext"])

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return HMAC-SHA256 under a key of its own, made at the first call. Raises: ServiceUnreachable."""
        said = hashlib.sha256(len(purpose.encode()).to_bytes(2) + purpose.encode() + message).digest()
        words: dict[str, Any] = {"KeyId": self._alias(INDEX), "MacAlgorithm": "HMAC_SHA_256", "Message": said}
        answer = self._ask("generate_mac", gone=None, **words)
        if answer is None:
            self._create(INDEX, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
            answer = self._ask("generate_mac", **words)
        return bytes(answer["Mac"])

    def destroy(self, name: str) -> None:
        """Schedule the deletion of ``name`` in seven days and drop its alias. Idempotent."""
        alias = self._alias(name)
        found = self._ask("describe_key", KeyId=alias, gone=None)
        if found is None:
            return
        if not found["KeyMetadata"].get("DeletionDate"):
            ident = found["KeyMetadata"]["KeyId"]
            self._ask("schedule_key_deletion", KeyId=ident, PendingWindowInDays=PENDING_DAYS)
        self._ask("delete_alias", AliasName=alias, gone=None)

    def names(self) -> Sequence[str]:
        """Return the names of the keys that exist, sorted. Raises: ServiceUnreachable."""
        begin = f"alias/{self._prefix}-"
        found: list[str] = []
        marker: dict[str, str] = {}
        while True:
            said = self._ask("list_aliases", **marker)
            every = [str(one["AliasName"]) for one in said["Aliases"]]
            found += [one.removeprefix(begin) for one in every if one.startswith(begin)]
            if not said.get("Truncated"):
                return sorted(one for one in found if one != INDEX)
            marker = {"Marker": said["NextMarker"]}

    def _alias(self, name: str) -> str:
        if not KEK_NAME.match(name):
            raise ValueError(f"not a key name: {name!r}")
        return f"alias/{self._prefix}-{name}"

    def _ask(self, verb: str, *, gone: str | None = "", **words: Any) -> Any:
        """Call KMS. ``gone``: name of the key for KeyGone; None: answer None; empty: it must be there."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, verb)(**words)
        except ClientError as no:
            code = no.response.get("Error", {}).get("Code", "")
            if code == "AlreadyExistsException":
                raise _Exists from no
            if code in GONE and gone is None:
                return None
            if code in GONE and gone:
                raise KeyGone(f"{gone} is not there, or did not wrap this") from no
            raise ServiceUnreachable(f"KMS refused {verb}: {code}") from no
        except BotoCoreError as away:
            raise ServiceUnreachable(f"KMS did not answer: {type(away).__name__}") from away


class _Exists(Exception):
    """Another process was faster."""


def _bound(context: bytes) -> dict[str, str]:
    """Return the encryption context; it stands in the logs of AWS, so it is a digest and names nobody."""
    return {"closeout": base64.b64encode(hashlib.sha256(context).digest()).decode()}

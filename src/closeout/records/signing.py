"""The operator's signing keys: JSON (Ed25519), PDF (ECDSA with an own root) and the audit log (Ed25519).

Private keys lie in a directory, readable by the owner only. What others need to check a signature lies in
``public/``; a retired key stays there for ever, so that old certificates stay valid.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc.jwk import OKPKey

from closeout.records import notes
from closeout.records.keys import write_private

SCHEMA = "closeout.keys/1"
ROOT_YEARS = 30
LEAF_YEARS = 10
YEAR = dt.timedelta(days=365)
NAME = re.compile(r"^[a-z0-9.-]{1,100}$")


class KeysUnreadable(Exception):
    """A file of keys is missing or is not one."""


@dataclass(frozen=True)
class PublicKeys:
    """What it takes to check any document of this operator, now or in thirty years."""

    jwks: Mapping[str, Mapping[str, str]]  # key id -> JWK
    roots: tuple[str, ...]  # PEM
    signers: tuple[str, ...]  # PEM of every certificate that signs or signed PDFs
    logs: tuple[str, ...]  # verifier keys of the audit log, C2SP text
    authorities: tuple[str, ...] = ()  # PEM: roots of the time stamp authorities that the operator uses

    def dumps(self) -> str:
        """Return the content of ``public-keys.json``."""
        said = {
            "schema": SCHEMA,
            "keys": list(self.jwks.values()),
            "roots": list(self.roots),
            "signers": list(self.signers),
            "logs": list(self.logs),
            **({"authorities": list(self.authorities)} if self.authorities else {}),
        }
        return json.dumps(said, indent=2, sort_keys=True) + "\n"

    def fingerprint(self) -> str:
        """Return SHA-256 (hex) of :meth:`dumps`: what an operator publishes and a reader compares."""
        return hashlib.sha256(self.dumps().encode()).hexdigest()


def read_public(path: Path) -> PublicKeys:
    """Read ``public-keys.json``, or find it in a directory. Raises: KeysUnreadable."""
    if path.is_dir():
        path = next(
            (p for p in (path / "public-keys.json", path / "public" / "public-keys.json") if p.exists()), path
        )
    try:
        return loads_public(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as wrong:
        raise KeysUnreadable(f"{path}: {wrong}") from wrong


def loads_public(text: str) -> PublicKeys:
    """Read the text of ``public-keys.json``. Raises: KeysUnreadable."""
    try:
        said = json.loads(text)
        if said["schema"] != SCHEMA:
            raise KeysUnreadable(f"schema is {said['schema']!r}, not {SCHEMA!r}")
        return PublicKeys(
            jwks={jwk["kid"]: jwk for jwk in said["keys"]},
            roots=tuple(said["roots"]),
            signers=tuple(said["signers"]),
            logs=tuple(said["logs"]),
            authorities=tuple(said.get("authorities", ())),
        )
    except (ValueError, KeyError, TypeError) as wrong:
        raise KeysUnreadable(f"not a file of public keys: {wrong!r}") from wrong


class KeyStore:
    """The signing keys in ``directory``. ``name`` (a host name) stands in all that they sign."""

    def __init__(self, directory: Path, *, name: str = "closeout.example") -> None:
        if not NAME.match(name):
            raise ValueError(f"not a host name: {name!r}")
        self._directory = directory
        self._public = directory / "public"
        self.name = name

    def prepare(self, at: dt.datetime) -> KeyStore:
        """Make what is missing (root, one key per use, the public files) and return the store. Idempotent.

        ``at``: naive UTC; validity starts a year before, so that a clock that is set back still signs.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._public.mkdir(mode=0o755, exist_ok=True)
        current = self._current()
        if not (self._directory / "root.key").exists() or not (self._public / "root.pem").exists():
            self._make_root(at)
        made = {
            "jws": current.get("jws") or self._make_jws(),
            "pdf": current.get("pdf") or self._make_pdf(at),
            "log": current.get("log") or self._make_log(),
        }
        if made != current:
            self._point_to(made)
        return self

    def rotate(self, at: dt.datetime) -> None:
        """Sign with new keys from now on; the old ones stay known to :meth:`public`."""
        self.prepare(at)
        self._point_to({**self._current(), "jws": self._make_jws(), "pdf": self._make_pdf(at)})

    def jws_key(self) -> tuple[str, Ed25519PrivateKey]:
        """Return key id and key that sign JSON now. Raises: KeysUnreadable."""
        return self._ed25519("jws")

    def log_key(self) -> tuple[str, Ed25519PrivateKey]:
        """Return the log's name and the key that signs its checkpoints. Raises: KeysUnreadable."""
        return self.name, self._ed25519("log")[1]

    def pdf_signer(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey, x509.Certificate]:
        """Return the certificate, its key and the root that sign PDFs now. Raises: KeysUnreadable."""
        kid = self._current().get("pdf", "")
        key = self._private(f"pdf-{kid}")
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeysUnreadable(f"pdf-{kid} is not an elliptic-curve key; prepare() makes one")
        leaf = x509.load_pem_x509_certificate((self._public / f"pdf-{kid}.pem").read_bytes())
        return leaf, key, x509.load_pem_x509_certificate((self._public / "root.pem").read_bytes())

    def public(self) -> PublicKeys:
        """Return every public key, retired ones included."""
        jwks = [json.loads(path.read_text()) for path in sorted(self._public.glob("jws-*.json"))]
        return PublicKeys(
            jwks={jwk["kid"]: jwk for jwk in jwks},
            roots=tuple(path.read_text() for path in sorted(self._public.glob("root*.pem"))),
            signers=tuple(path.read_text() for path in sorted(self._public.glob("pdf-*.pem"))),
            logs=tuple(path.read_text().strip() for path in sorted(self._public.glob("log-*.txt"))),
            authorities=tuple(path.read_text() for path in sorted(self._public.glob("tsa-*.pem"))),
        )

    def trust_authority(self, pem: bytes) -> None:
        """Publish the root certificate of a time stamp authority, whose stamps then count. Raises: KeysUnreadable."""
        try:
            root = x509.load_pem_x509_certificate(pem)
        except ValueError as wrong:
            raise KeysUnreadable(f"not a certificate: {wrong}") from wrong
        kid = root.fingerprint(hashes.SHA256()).hex()[:16]
        _write_public(self._public / f"tsa-{kid}.pem", root.public_bytes(serialization.Encoding.PEM))
        self._point_to(self._current())

    def _point_to(self, made: Mapping[str, str]) -> None:
        """Publish first, sign afterwards: nothing is ever signed by a key that nobody can look up."""
        _write_public(self._public / "public-keys.json", self.public().dumps().encode())
        write_private(self._directory / "current.json", json.dumps(made, sort_keys=True).encode())

    def _current(self) -> dict[str, str]:
        try:
            current: dict[str, str] = json.loads((self._directory / "current.json").read_text())
        except FileNotFoundError:
            return {}
        except ValueError as wrong:
            raise KeysUnreadable(f"{self._directory / 'current.json'}: {wrong}") from wrong
        return current

    def _ed25519(self, use: str) -> tuple[str, Ed25519PrivateKey]:
        kid = self._current().get(use, "")
        key = self._private(f"{use}-{kid}")
        if not isinstance(key, Ed25519PrivateKey):
            raise KeysUnreadable(f"{use}-{kid} is not an Ed25519 key; prepare() makes one")
        return kid, key

    def _private(self, stem: str) -> object:
        path = self._directory / f"{stem}.key"
        try:
            return serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError) as wrong:
            raise KeysUnreadable(f"{path}: {wrong}; KeyStore.prepare() makes keys") from wrong

    def _make_jws(self) -> str:
        key = Ed25519PrivateKey.generate()
        jwk = OKPKey.import_key(_pem(key))
        kid = jwk.thumbprint()
        shown = {**jwk.as_dict(private=False), "kid": kid, "use": "sig", "alg": "EdDSA"}
        write_private(self._directory / f"jws-{kid}.key", _pem(key))
        _write_public(self._public / f"jws-{kid}.json", json.dumps(shown, sort_keys=True).encode())
        return kid

    def _make_log(self) -> str:
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        kid = notes.key_id(self.name, public).hex()
        write_private(self._directory / f"log-{kid}.key", _pem(key))
        _write_public(self._public / f"log-{kid}.txt", (notes.public_text(self.name, public) + "\n").encode())
        return kid

    def _make_root(self, at: dt.datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(self.name, "Closure records root")
        made = _certificate(subject, subject, key.public_key(), at, years=ROOT_YEARS, authority=True)
        signed = made.sign(key, hashes.SHA256())
        write_private(self._directory / "root.key", _pem(key))
        _write_public(self._public / "root.pem", signed.public_bytes(serialization.Encoding.PEM))

    def _make_pdf(self, at: dt.datetime) -> str:
        root_key = self._private("root")
        if not isinstance(root_key, ec.EllipticCurvePrivateKey):
            raise KeysUnreadable("root.key is not an elliptic-curve key")
        root = x509.load_pem_x509_certificate((self._public / "root.pem").read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(self.name, "Closure certificates")
        made = _certificate(subject, root.subject, key.public_key(), at, years=LEAF_YEARS, authority=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        signed = made.add_extension(issuer, critical=False).sign(root_key, hashes.SHA256())
        kid = signed.fingerprint(hashes.SHA256()).hex()[:16]
        write_private(self._directory / f"pdf-{kid}.key", _pem(key))
        _write_public(self._public / f"pdf-{kid}.pem", signed.public_bytes(serialization.Encoding.PEM))
        return kid


def _pem(key: Any) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem: bytes = key.private_bytes(encoding, form, serialization.NoEncryption())
    return pem


def _subject(name: str, unit: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name), x509.NameAttribute(NameOID.COMMON_NAME, unit)]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    at: dt.datetime,
    *,
    years: int,
    authority: bool,
) -> x509.CertificateBuilder:
    """Return a certificate to sign: an authority for certificates only, or a leaf for documents."""
    usage = x509.KeyUsage(
        digital_signature=not authority, content_commitment=not authority, key_cert_sign=authority,
        crl_sign=authority, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - YEAR)
        .not_valid_after(at + years * YEAR)
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True
        )
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    if authority:
        return made
    return made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)


def _write_public(path: Path, content: bytes) -> None:
    write_private(path, content)
    path.chmod(0o644)

"""One contract for every place that key-encryption keys live in: file, Vault transit, AWS KMS, PKCS#11. R-REC-3."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from tests.core.key_services import TOKEN, Kms, Transit, served

from closeout.records import epochs, key_address
from closeout.records.keys import FileKeys, KeyGone, KeyPort, ServiceUnreachable
from closeout.records.keys_kms import KmsKeys
from closeout.records.keys_pkcs11 import Pkcs11Keys
from closeout.records.keys_vault import VaultKeys
from closeout.records.vault import Vault

MODULES = (
    os.environ.get("SOFTHSM2_LIB", ""),
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
KEY = bytes(range(32))


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module of PKCS#11 with a token of its own."""
    module = next((Path(one) for one in MODULES if one and Path(one).exists()), None)
    tool = os.environ.get("SOFTHSM2_UTIL") or shutil.which("softhsm2-util")
    if module is None or tool is None:
        pytest.skip("LOUD: SoftHSM (Debian: softhsm2) is not installed; keys in an HSM are not tested here")
    folder = tmp_path_factory.mktemp("token")
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    words = ["--init-token", "--free", "--label", "closeout", "--pin", "1234", "--so-pin", "1234"]
    subprocess.run([tool, *words, "--module", str(module)], check=True, capture_output=True)
    return module


@pytest.fixture(params=["file", "vault", "kms", "pkcs11"])
def port(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KeyPort]:
    if request.param == "file":
        yield FileKeys(tmp_path / "kek")
    elif request.param == "vault":
        with served(Transit) as address:
            yield VaultKeys(address, TOKEN)
    elif request.param == "kms":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the tests")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the tests")
        with served(Kms) as address, closing(KmsKeys(region="eu-central-1", endpoint=address)) as port:
            yield port
    else:
        module = request.getfixturevalue("token")
        port = Pkcs11Keys(module, token="closeout", pin="1234", prefix=f"t{os.urandom(4).hex()}")
        yield port
        for name in port.names():
            port.destroy(name)


def test_what_is_wrapped_comes_back(port: KeyPort) -> None:
    port.create("epoch-1")
    wrapped = port.wrap("epoch-1", KEY, context=b"here")
    assert KEY not in wrapped
    assert port.unwrap("epoch-1", wrapped, context=b"here") == KEY
    port.create("epoch-1")
    assert port.unwrap("epoch-1", wrapped, context=b"here") == KEY, "an existing key stays"


def test_it_opens_for_its_place_and_key_only(port: KeyPort) -> None:
    port.create("epoch-1")
    port.create("epoch-2")
    wrapped = port.wrap("epoch-1", KEY, context=b"here")
    flipped = wrapped[:-9] + (b"A" if wrapped[-9:-8] != b"A" else b"B") + wrapped[-8:]
    for name, sealed, context in (
        ("epoch-1", wrapped, b"there"),
        ("epoch-2", wrapped, b"here"),
        ("epoch-1", flipped, b"here"),
        ("epoch-9", wrapped, b"here"),
    ):
        with pytest.raises(KeyGone):
            port.unwrap(name, sealed, context=context)


def test_a_destroyed_key_opens_nothing_and_wraps_nothing(port: KeyPort) -> None:
    port.create("epoch-1")
    port.create("epoch-2")
    wrapped = port.wrap("epoch-1", KEY, context=b"here")
    port.destroy("epoch-1")
    port.destroy("epoch-1")
    port.destroy("never-made")
    assert port.names() == ["epoch-2"]
    with pytest.raises(KeyGone):
        port.unwrap("epoch-1", wrapped, context=b"here")
    with pytest.raises(KeyGone):
        port.wrap("epoch-1", KEY, context=b"here")


def test_a_keyed_hash_stays_the_same(port: KeyPort) -> None:
    found = port.mac("tombstone:email", b"a@example.org")
    assert len(found) == 32
    assert found == port.mac("tombstone:email", b"a@example.org")
    others = {port.mac("tombstone:email", b"b@example.org"), port.mac("tombstone:phone", b"a@example.org")}
    assert len(others | {found}) == 3
    assert port.names() == []


def test_names_are_many(port: KeyPort) -> None:
    """More than one page of a service that pages."""
    for number in range(5):
        port.create(f"epoch-{number}")
    assert port.names() == [f"epoch-{number}" for number in range(5)]
    with pytest.raises(ValueError, match="not a key name"):
        port.create("../etc")


def test_the_vault_lives_on_it(port: KeyPort, keyring_database: str) -> None:
    """A year of keys: sealed, renewed by the next epoch, the old key gone, still readable."""
    now = datetime(2026, 3, 1)
    with psycopg.connect(keyring_database) as keyring:
        vault = Vault.over(keyring, port)
        sealed = vault.seal("sandbox:1", "operational", b"letter")
        epochs.open_next(keyring, port, now)
        assert epochs.rewrap(keyring, port) == 1
        assert epochs.destroy_closed(keyring, port, now) == [1]
        assert vault.open("sandbox:1", "operational", sealed) == b"letter"
        assert port.names() == ["epoch-2"]


def test_a_service_that_is_away_is_not_a_key_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference between a bad minute and an erased person."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the tests")
    with served(Transit) as away:
        pass
    for port in (VaultKeys(away, TOKEN), KmsKeys(region="eu-central-1", endpoint=away)):
        for call in (
            lambda port=port: port.wrap("epoch-1", KEY, context=b""),
            lambda port=port: port.unwrap("epoch-1", b"vault:v1:AAAA", context=b""),
            lambda port=port: port.mac("a", b"b"),
            lambda port=port: port.create("epoch-1"),
        ):
            with pytest.raises(ServiceUnreachable):
                call()


def test_vault_is_asked_over_tls_and_keeps_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="https"):
        VaultKeys("http://vault.example.org:8200", TOKEN)
    assert TOKEN not in repr(VaultKeys("https://vault.example.org:8200", TOKEN))
    with served(Transit) as address, pytest.raises(ServiceUnreachable, match="403"):
        VaultKeys(address, "another").create("epoch-1")


def test_one_line_says_where_keys_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets come from files or the environment, never from the line; what is wrong says what to set."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert isinstance(key_address.port("", tmp_path / "kek", secrets={}), FileKeys)
    with served(Transit) as address:
        vault = key_address.port(
            f"vault:{address}?mount=keys", tmp_path, secrets={"VAULT_TOKEN_FILE": str(tmp_path / "token")}
        )
        assert vault == VaultKeys(address, TOKEN, mount="keys")
        with pytest.raises(key_address.BadAddress, match="VAULT_TOKEN_FILE"):
            key_address.port(f"vault:{address}", tmp_path, secrets={})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-a-test")  # else the library asks the machine it runs on
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-a-test")
    assert isinstance(key_address.port("kms:eu-central-1", tmp_path, secrets={}), KmsKeys)
    for wrong in ("vault:http://vault.example.org", "tpm:0"):
        with pytest.raises(key_address.BadAddress):
            key_address.port(wrong, tmp_path, secrets={"VAULT_TOKEN": TOKEN})

"""The certificate: says what happened, verifies offline, and no byte of it can be changed. R-CLO-14."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
import json
import random
import shutil
import stat
import subprocess
from datetime import datetime
from pathlib import Path

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as other_jws
from joserfc.jwk import OKPKey
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from closeout.records import certificate, signing
from closeout.records.certificate import Both, Closed, Exported, Fate, Happened, Statement

NOW = datetime(2026, 3, 1, 12, 0, 1)


def statement(number: str = "CO-2026-000042") -> Statement:
    return Statement(
        number=number,
        venue="Sandbox Exchange",
        account="m····@example.org",
        applied_at=datetime(2026, 2, 22, 12),
        closed_at=NOW,
        issued_at=NOW,
        policy_version="a1b2c3d4e5f6",
        consent_sha256="ab" * 32,
        closed=(Closed("orders", Both(en="Open orders cancelled", zh="撤销的挂单"), 7, ("0.1 BTC",)),),
        history=(Happened(NOW, "closed", Both(en="Closed", zh="账户注销")),),
        files=(Exported("archive.zip", 1234, "cd" * 32),),
        fates=(
            Fate(Both(en="Identity", zh="身份信息"), datetime(2031, 3, 1), Both(en="Law", zh="法律")),
            Fate(Both(en="Badges", zh="徽章"), None, Both(en="Not needed", zh="不再需要"), "ef" * 32),
        ),
        ledger_sums=(("BTC", "0"),),
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> signing.KeyStore:
    return signing.KeyStore(tmp_path_factory.mktemp("keys") / "signing").prepare(NOW)


@pytest.fixture(scope="module")
def issued(keys: signing.KeyStore) -> certificate.Certificate:
    return certificate.issue(statement(), keys)


def test_both_forms_verify_and_say_the_same(keys: signing.KeyStore, issued: certificate.Certificate) -> None:
    of_json = certificate.verify(issued.json, keys.public())
    of_pdf = certificate.verify(issued.pdf, keys.public())
    assert of_json.valid, of_json
    assert of_pdf.valid, of_pdf
    assert (of_json.form, of_pdf.form) == ("json", "pdf")
    assert of_json.statement == of_pdf.statement == statement().plain()


def test_a_certificate_can_be_made_and_checked_where_an_event_loop_runs(tmp_path: Path) -> None:
    """A server that speaks to its clients from an event loop issues the same certificates."""

    async def inside() -> bool:
        own = signing.KeyStore(tmp_path / "keys").prepare(NOW)
        made = certificate.issue(statement(), own)
        return certificate.verify(made.pdf, own.public()).valid

    assert asyncio.run(inside())


def test_every_changed_byte_of_the_json_is_noticed(
    keys: signing.KeyStore, issued: certificate.Certificate
) -> None:
    public = keys.public()
    for place in range(len(issued.json)):
        for bit in (1, 32):
            changed = _flip(issued.json, place, bit)
            assert not certificate.verify(changed, public).valid, (place, bit)


def _flip(document: bytes, place: int, bit: int) -> bytes:
    return document[:place] + bytes([document[place] ^ bit]) + document[place + 1 :]


def test_every_changed_byte_of_the_signature_container_is_noticed(
    keys: signing.KeyStore, issued: certificate.Certificate
) -> None:
    """The container is the only part of a PDF that its signature does not cover."""
    public, begin = keys.public(), issued.pdf.index(b"/Contents <") + 10
    end = issued.pdf.index(b">", begin)
    written = len(issued.pdf[begin:end].rstrip(b"0"))
    chosen = [*range(begin, begin + 12), *range(begin, begin + written, 17), begin + written, end - 1, end]
    for place in chosen:
        changed = _flip(issued.pdf, place, 1)
        found = certificate.verify(changed, public)
        assert not found.valid, place
        assert found.reason in {"altered", "malformed", "unknown_key"}


def test_changed_bytes_anywhere_in_the_pdf_are_noticed(
    keys: signing.KeyStore, issued: certificate.Certificate
) -> None:
    public, dice = keys.public(), random.Random(20260301)
    chosen = [*range(16), *dice.sample(range(len(issued.pdf)), 60), len(issued.pdf) - 1]
    for place in chosen:
        changed = _flip(issued.pdf, place, dice.choice([1, 2, 4, 8, 16, 32, 64, 128]))
        assert not certificate.verify(changed, public).valid, place


def test_a_truncated_or_extended_document_is_refused(
    keys: signing.KeyStore, issued: certificate.Certificate
) -> None:
    public = keys.public()
    for document in (issued.json, issued.pdf):
        for cut in (0, 1, len(document) // 2, len(document) - 1):
            assert not certificate.verify(document[:cut], public).valid
        for more in (b"\n", b" ", b"%%EOF\n"):
            assert not certificate.verify(document + more, public).valid


def test_an_incremental_change_is_refused(keys: signing.KeyStore, issued: certificate.Certificate) -> None:
    """Other software says "Signature is valid" for a PDF with something appended; here it is not valid."""
    writer = IncrementalPdfFileWriter(io.BytesIO(issued.pdf))
    writer.set_info(writer.add_object(writer.trailer["/Info"].get_object()))
    out = io.BytesIO()
    writer.write(out)
    found = certificate.verify(out.getvalue(), keys.public())
    assert (found.valid, found.reason) == (False, "altered")


def test_the_readable_part_cannot_differ_from_the_signed_one(
    keys: signing.KeyStore, issued: certificate.Certificate
) -> None:
    said = json.loads(issued.json)
    said["statement"]["account"] = "somebody else"
    changed = (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()
    assert certificate.verify(changed, keys.public()).reason == "altered"


def test_a_certificate_of_unknown_keys_is_named_so(issued: certificate.Certificate, tmp_path: Path) -> None:
    strange = signing.KeyStore(tmp_path).prepare(NOW).public()
    for document in (issued.json, issued.pdf):
        found = certificate.verify(document, strange)
        assert (found.valid, found.reason) == (False, "unknown_key"), found


def test_old_certificates_stay_valid_after_rotation(tmp_path: Path) -> None:
    keys = signing.KeyStore(tmp_path).prepare(NOW)
    old = certificate.issue(statement("old"), keys)
    keys.rotate(datetime(2027, 3, 1))
    new = certificate.issue(dataclasses.replace(statement("new"), issued_at=datetime(2027, 3, 2)), keys)
    public = signing.loads_public(keys.public().dumps())
    assert len(public.jwks) == len(public.signers) == 2
    for document in (old.json, old.pdf, new.json, new.pdf):
        assert certificate.verify(document, public).valid
    assert json.loads(old.json)["protected"] != json.loads(new.json)["protected"]


def test_the_same_statement_gives_the_same_json_and_the_same_page(
    keys: signing.KeyStore, issued: certificate.Certificate
) -> None:
    again = certificate.issue(statement(), keys)
    assert again.json == issued.json
    assert again.digest == issued.digest
    covered = issued.pdf.index(b"startxref")
    assert again.pdf[:covered] == issued.pdf[:covered], "only the signature may differ"


def test_a_foreign_library_accepts_the_json(keys: signing.KeyStore, issued: certificate.Certificate) -> None:
    """RFC 7515 flattened serialization: two libraries that did not make it."""
    said = json.loads(issued.json)
    header = json.loads(base64.urlsafe_b64decode(said["protected"] + "=="))
    jwk = dict(keys.public().jwks[header["kid"]])
    parts = {name: said[name] for name in ("payload", "protected", "signature")}
    with pytest.warns(Warning, match="EdDSA"):
        opened = other_jws.deserialize_json(parts, OKPKey.import_key(jwk), algorithms=["EdDSA"])  # type: ignore[arg-type]
    assert opened.payload == statement().dumps()
    compact = f"{said['protected']}.{said['payload']}.{said['signature']}"
    decoded = jwt.api_jws.decode(compact, jwt.PyJWK(jwk).key, algorithms=["EdDSA"])
    assert decoded == statement().dumps()


def test_the_qr_code_verifies_by_itself(keys: signing.KeyStore) -> None:
    from closeout.records import certificate_sheet

    seen: list[str] = []
    draw = certificate_sheet.draw

    def spy(said: Statement, *, digest: str, code: str, languages: tuple[str, ...]) -> bytes:
        seen.append(code)
        return draw(said, digest=digest, code=code, languages=languages)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificate_sheet, "draw", spy)
        issued = certificate.issue(statement(), keys)
    found = certificate.verify(seen[0].encode(), keys.public())
    assert found.valid
    assert found.statement == {"n": "CO-2026-000042", "c": "2026-03-01T12:00:01Z", "d": issued.digest}
    assert len(seen[0]) < 600


def test_pdfsig_says_valid_and_total_document(issued: certificate.Certificate, tmp_path: Path) -> None:
    """Poppler's own verifier; where it is not installed this test says so."""
    program = shutil.which("pdfsig")
    if program is None:
        pytest.skip("pdfsig (poppler-utils) is not installed: the independent PDF verifier did not run")
    file = tmp_path / "certificate.pdf"
    file.write_bytes(issued.pdf)
    said = subprocess.run([program, str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    file.write_bytes(_flip(issued.pdf, issued.pdf.index(b"stream") + 20, 1))
    said = subprocess.run([program, str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" not in said


@pytest.mark.parametrize("languages", [("zh", "en"), ("en", "zh"), ("zh",), ("en",)])
def test_it_is_issued_in_each_language(keys: signing.KeyStore, languages: tuple[str, ...]) -> None:
    issued = certificate.issue(statement(), keys, languages=languages)
    assert certificate.verify(issued.pdf, keys.public()).valid


def test_an_unknown_language_is_refused(keys: signing.KeyStore) -> None:
    with pytest.raises(ValueError, match="zh, en"):
        certificate.issue(statement(), keys, languages=("de",))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_no_input_breaks_verification(document: bytes) -> None:
    nobody = signing.PublicKeys({}, (), (), ())
    assert not certificate.verify(document, nobody).valid
    assert not certificate.verify(b"{" + document, nobody).valid
    assert not certificate.verify(b"%PDF-1.4\n" + document, nobody).valid


def test_private_keys_are_the_owners_alone(keys: signing.KeyStore) -> None:
    folder = keys._directory
    private = sorted(folder.glob("*.key"))
    assert len(private) == 4
    for file in private:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert b"PRIVATE" not in b"".join(path.read_bytes() for path in (folder / "public").iterdir())


def test_preparing_twice_changes_nothing(keys: signing.KeyStore) -> None:
    before = keys.public()
    assert keys.prepare(datetime(2030, 1, 1)).public() == before


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": "other"}', '{"schema": "closeout.keys/1"}'])
def test_a_file_that_is_no_file_of_keys_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "public-keys.json"
    file.write_text(text)
    with pytest.raises(signing.KeysUnreadable):
        signing.read_public(file)


def test_aware_times_and_half_translated_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        dataclasses.replace(statement(), issued_at=datetime.fromisoformat("2026-03-01T12:00:00+00:00"))
    with pytest.raises(ValueError, match="en and zh"):
        Both(en="only", zh=" ")

"""What holders send is read in a process of its own; what is hostile is refused with its reason. R-SUP-4."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image
from tests.cases.webms import video

from closeout.cases import upload_reader, uploads, webm
from closeout.reasons import Refused


def picture(form: str = "JPEG", size: tuple[int, int] = (640, 480), **more: object) -> bytes:
    """Return a picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, form, **more)
    return out.getvalue()


def with_place() -> bytes:
    """Return a photo that tells where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    exif[0x010E] = "secret canary"
    return picture(exif=exif)


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG that says it is huge."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def archive() -> bytes:
    """Return a ZIP file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        written.writestr("page.html", "<script>")
    return out.getvalue()


def animated() -> bytes:
    """Return a picture of two frames."""
    frames = [Image.new("RGB", (200, 200), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


def test_a_photo_is_drawn_anew_without_its_place() -> None:
    """One real process: the file comes back as a plain JPEG, and nothing of what surrounded its pixels."""
    clean = uploads.read("photo", with_place())
    assert clean.media_type == "image/jpeg"
    assert b"canary" not in clean.content
    with Image.open(io.BytesIO(clean.content)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (640, 480))
        assert not opened.getexif()


def test_a_huge_picture_is_refused_before_it_is_unpacked() -> None:
    """Bad input: a 30,000×30,000 PNG; in the real process with its limits."""
    with pytest.raises(Refused) as why:
        uploads.read("photo", bomb(30_000, 30_000))
    assert [reason.code for reason in why.value.reasons] == ["upload_too_many_pixels"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bytes(50 << 20), "upload_too_large"),
        (archive(), "upload_not_photo"),
        (picture() + archive(), "upload_not_photo"),
        (picture("GIF"), "upload_not_photo"),
        (picture("TIFF"), "upload_not_photo"),
        (animated(), "upload_not_photo"),
        (picture(size=(60, 60)), "upload_not_photo"),
        (picture()[:2000], "upload_not_photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "upload_not_photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "upload_not_photo"),
        (b"", "upload_not_photo"),
        (bomb(7000, 6000), "upload_too_many_pixels"),
    ],
)
def test_what_is_no_plain_photo_is_refused(content: bytes, code: str) -> None:
    """Bad input: 50 MB, a JPEG that is a ZIP, animations, drawings, torn and empty files."""
    with pytest.raises(upload_reader.Unusable) as why:
        upload_reader.photo(content)
    assert str(why.value) == code


def test_a_video_loses_its_metadata_and_nothing_else() -> None:
    plain, tagged = video(), video(tags=b"a canary of a place")
    clean = webm.cleaned(tagged)
    assert len(clean) == len(tagged)
    assert b"canary" not in clean
    assert b"writer" not in clean
    assert webm.cleaned(clean) == clean
    assert webm.cleaned(plain).count(bytes(300)) == plain.count(bytes(300))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (video(sound=None), "upload_no_sound"),
        (video(sound=3), "upload_no_sound"),
        (video(seconds=0.5), "upload_too_short"),
        (video(seconds=121), "upload_too_long"),
        (video(kind=b"matroska"), "upload_not_video"),
        (video(codec=b"V_UNCOMPRESSED"), "upload_not_video"),
        (video()[:-3], "upload_not_video"),
        (b"\0\0\0\x18ftypmp42", "upload_not_video"),
        (b"#EXTM3U\n/etc/passwd", "upload_not_video"),
        (picture(), "upload_not_video"),
        (b"", "upload_not_video"),
    ],
)
def test_what_is_no_video_with_sound_is_refused(content: bytes, code: str) -> None:
    """Bad input: a video without sound, with silence only, torn, too long, of another kind, a playlist."""
    with pytest.raises(webm.BadVideo) as why:
        webm.cleaned(content)
    assert str(why.value) == code


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_torn_file_is_an_answer_and_no_crash(cut: int) -> None:
    with pytest.raises(webm.BadVideo):
        webm.cleaned(video(seconds=0.1)[:cut])

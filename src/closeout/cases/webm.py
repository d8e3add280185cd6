"""WebM by its content: one picture track and one sound track that holds sound, metadata taken out in place. Pure.

Source: RFC 8794 (EBML) and RFC 9559 (Matroska). Browsers record with segments and clusters of unknown size, so
elements are read one after the other and containers are simply walked into.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

EBML, DOC_TYPE = 0x1A45DFA3, 0x4282
INFO, SCALE = 0x1549A966, 0x2AD7B1
TRACK, NUMBER, TYPE, CODEC, WIDTH, HEIGHT = 0xAE, 0xD7, 0x83, 0x86, 0xB0, 0xBA
CLUSTER, AT, SIMPLE, BLOCK = 0x1F43B675, 0xE7, 0xA3, 0xA1
SEGMENT, TRACKS, VIDEO, GROUP = 0x18538067, 0x1654AE6B, 0xE0, 0xA0
WALKED = frozenset({EBML, SEGMENT, INFO, TRACKS, TRACK, VIDEO, CLUSTER, GROUP})
OPEN_ENDED = frozenset({SEGMENT, CLUSTER})
DROPPED = frozenset({0x1254C367, 0x1941A469, 0x1043A770})  # tags, attachments, chapters
BLANKED = frozenset({0x7BA9, 0x4D80, 0x5741, 0x4461, 0x536E, 0x258688})  # titles, programs, date, names
CODECS = {1: ("V_VP8", "V_VP9", "V_AV1"), 2: ("A_OPUS", "A_VORBIS")}
PICTURE, SOUND = 1, 2
SIDE_MAX = 1920
LEAST, MOST = 1.0, 120.0  # seconds
SOUND_LEAST = 200  # bytes a second; silence is coded in fewer
VOID = 0xEC


class BadVideo(Exception):
    """The content is refused; the message is a code of the reasons."""


@dataclass(frozen=True)
class Element:
    """One element: where it begins, where its content lies."""

    ident: int
    begins: int
    start: int
    end: int


@dataclass
class Track:
    """One track and what its blocks hold."""

    number: int = 0
    kind: int = 0
    codec: str = ""
    side: int = 0
    size: int = 0
    times: list[int] = field(default_factory=list)

    def seconds(self, scale: int) -> float:
        """Return from the first to the last block."""
        return (max(self.times) - min(self.times)) * scale / 1e9 if self.times else 0.0


def cleaned(content: bytes) -> bytes:
    """Return ``content`` with titles, tags and attachments overwritten.

    Raises: BadVideo (upload_not_video, upload_no_sound, upload_too_long).
    """
    clean, found = bytearray(content), _Found()
    for element in elements(content):
        length = element.end - element.begins
        if element.ident in DROPPED:
            clean[element.begins : element.end] = _void(length)
        elif element.ident in BLANKED:
            clean[element.start : element.end] = bytes(element.end - element.start)
        else:
            found.take(element.ident, content[element.start : element.end])
    if found.kind != "webm":
        raise BadVideo("upload_not_video")
    _judge(found.tracks, found.scale)
    return bytes(clean)


@dataclass
class _Found:
    """What was read so far."""

    tracks: list[Track] = field(default_factory=list)
    scale: int = 1_000_000
    at: int = 0
    kind: str = ""

    def take(self, ident: int, body: bytes) -> None:
        """Note what one element says. Raises: BadVideo."""
        if ident == DOC_TYPE:
            self.kind = body.rstrip(b"\0").decode("ascii", "replace")
        elif ident == SCALE:
            self.scale = int.from_bytes(body) or 1
        elif ident == TRACK:
            self.tracks.append(Track())
        elif ident == AT:
            self.at = int.from_bytes(body)
        elif ident in (SIMPLE, BLOCK):
            _block(body, self.at, self.tracks)
        elif self.tracks:
            _describe(self.tracks[-1], ident, body)


def elements(content: bytes) -> Iterator[Element]:
    """Yield every element, containers before what they hold. Raises: BadVideo."""
    place, first = 0, True
    while place < len(content):
        begins = place
        ident, place = _number(content, place, keep_marker=True)
        size, place = _number(content, place, keep_marker=False)
        if first and ident != EBML:
            raise BadVideo("upload_not_video")
        first = False
        if size is None and ident not in OPEN_ENDED:
            raise BadVideo("upload_not_video")
        end = len(content) if size is None else place + size
        if end > len(content) and ident not in WALKED:
            raise BadVideo("upload_not_video")
        yield Element(ident or 0, begins, place, min(end, len(content)))
        if ident not in WALKED:
            place = end


def _number(content: bytes, place: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """Read a number of variable length; None for "unknown". Raises: BadVideo."""
    first = content[place] if place < len(content) else 0
    length = 9 - first.bit_length()
    if first == 0 or place + length > len(content) or (keep_marker and length > 4):
        raise BadVideo("upload_not_video")
    value = int.from_bytes(content[place : place + length])
    if not keep_marker:
        value &= (1 << 7 * length) - 1
        if value == (1 << 7 * length) - 1:
            return None, place + length
    return value, place + length


def _describe(track: Track, ident: int, body: bytes) -> None:
    if ident == NUMBER:
        track.number = int.from_bytes(body)
    elif ident == TYPE:
        track.kind = int.from_bytes(body)
    elif ident == CODEC:
        track.codec = body.rstrip(b"\0").decode("ascii", "replace")
    elif ident in (WIDTH, HEIGHT):
        track.side = max(track.side, int.from_bytes(body))


def _block(body: bytes, at: int, tracks: list[Track]) -> None:
    number, place = _number(body, 0, keep_marker=False)
    track = next((one for one in tracks if one.number == number), None)
    if track is None or len(body) < place + 3:
        raise BadVideo("upload_not_video")
    track.times.append(at + int.from_bytes(body[place : place + 2], signed=True))
    track.size += len(body) - place - 3


def _judge(tracks: list[Track], scale: int) -> None:
    pictures = [track for track in tracks if track.kind == PICTURE]
    sounds = [track for track in tracks if track.kind == SOUND]
    if len(pictures) != 1 or len(tracks) != len(pictures) + len(sounds) or len(sounds) > 1:
        raise BadVideo("upload_not_video")
    if any(track.codec not in CODECS[track.kind] for track in tracks) or pictures[0].side > SIDE_MAX:
        raise BadVideo("upload_not_video")
    seconds = pictures[0].seconds(scale)
    if seconds > MOST:
        raise BadVideo("upload_too_long")
    if seconds < LEAST:
        raise BadVideo("upload_too_short")
    if not sounds or sounds[0].seconds(scale) < seconds / 2 or sounds[0].size < SOUND_LEAST * seconds:
        raise BadVideo("upload_no_sound")


def _void(length: int) -> bytes:
    """Return an element of ``length`` bytes that says nothing. Source: RFC 8794, 11.3.2."""
    if length < 9:
        return bytes([VOID, 0x80 | (length - 2)]) + bytes(length - 2)
    return bytes([VOID, 0x01]) + (length - 9).to_bytes(7) + bytes(length - 9)

"""WebM files for tests, written element by element."""

from __future__ import annotations


def element(ident: int, body: bytes, *, unknown: bool = False) -> bytes:
    """Return one element; ``unknown``: of unknown size, as browsers write what they are still recording."""
    name = ident.to_bytes((ident.bit_length() + 7) // 8)
    size = b"\x01" + b"\xff" * 7 if unknown else (0x10000000 | len(body)).to_bytes(4)
    return name + size + body


def number(ident: int, value: int) -> bytes:
    """Return an element that holds a number."""
    return element(ident, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def video(
    *,
    seconds: float = 3,
    sound: int | None = 80,
    tags: bytes = b"",
    kind: bytes = b"webm",
    codec: bytes = b"V_VP8",
) -> bytes:
    """Return a video of so many seconds. ``sound``: bytes of a 20 ms packet, None for no sound track."""
    tracks = element(
        0xAE, number(0xD7, 1) + number(0x83, 1) + element(0x86, codec) + element(0xE0, number(0xB0, 640))
    )
    if sound is not None:
        tracks += element(0xAE, number(0xD7, 2) + number(0x83, 2) + element(0x86, b"A_OPUS"))
    blocks = b""
    for at in range(0, int(seconds * 1000) + 1, 100):
        blocks += element(
            0x1F43B675, number(0xE7, at) + element(0xA3, b"\x81\0\0\x80" + bytes(300)), unknown=True
        )
        for step in range(0, 100, 20) if sound is not None else ():
            blocks += element(0xA3, b"\x82" + step.to_bytes(2) + b"\x80" + bytes(sound or 0))
    info = element(0x1549A966, number(0x2AD7B1, 1_000_000) + element(0x4D80, b"writer 1.0"))
    extra = element(0x1254C367, tags) if tags else b""
    inside = info + extra + element(0x1654AE6B, tracks) + blocks
    return element(0x1A45DFA3, element(0x4282, kind)) + element(0x18538067, inside, unknown=True)

"""How a PDF of closeout looks: font, colours, grid, tables. Used by certificate and account statement."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape

import qrcode
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from closeout.records.archival import ArchivalCanvas

FONT = "CloseoutSans"
INK, SOFT, LINE, ACCENT, WASH = (
    HexColor(code) for code in ("#16202c", "#5b6878", "#d5dbe3", "#0f5c57", "#f3f6f8")
)
MARGIN = 20 * mm
PADDING = 6  # what reportlab's frame adds on each side, in points
WIDTH = A4[0] - 2 * MARGIN
MISSING = "〓"  # the mark of Chinese typesetting for a character that the font lacks


def prepare() -> frozenset[int]:
    """Register the font once and return the code points it has."""
    if FONT not in pdfmetrics.getRegisteredFontNames():
        path = importlib.resources.files("closeout.records.fonts") / "CloseoutSans.ttf"
        with importlib.resources.as_file(path) as file:
            pdfmetrics.registerFont(TTFont(FONT, str(file)))
    font: Any = pdfmetrics.getFont(FONT)
    return frozenset(font.face.charToGlyph)


def style(
    size: float, *, colour: Color = INK, lead: float = 1.45, after: float = 0, right: bool = False
) -> Any:
    """Return a paragraph style; lines break between Han characters."""
    return ParagraphStyle(
        name=f"s{size}", fontName=FONT, fontSize=size, leading=size * lead, textColor=colour,
        spaceAfter=after,
        wordWrap="CJK", alignment=2 if right else 0,
    )  # fmt: skip


def shown(text: str) -> str:
    """Return ``text`` safe for a paragraph: markup escaped, characters the font lacks marked."""
    known = prepare()
    return escape("".join(ch if ord(ch) in known else MISSING for ch in text if ch.isprintable()))


def text(words: str, size: float = 9, **how: Any) -> Paragraph:
    """Return one paragraph of plain text."""
    return Paragraph(shown(words), style(size, **how))


def heading(words: Sequence[str]) -> list[Flowable]:
    """Return a section heading: the first language strong, the others soft beside it."""
    first, *rest = words
    soft = "".join(f' <font size="9" color="#5b6878">&nbsp;{shown(word)}</font>' for word in rest)
    return [
        Spacer(1, 5.5 * mm),
        Paragraph(f"{shown(first)}{soft}", style(12, colour=ACCENT)),
        Spacer(1, 1.5 * mm),
    ]


def pairs(rows: Sequence[tuple[str, str]]) -> Table:
    """Return a two-column list of names and values."""
    cells = [
        [text(name, 8.5, colour=SOFT), text(value, 8 if len(value) > 60 else 9.5)] for name, value in rows
    ]
    table = Table(cells, colWidths=[58 * mm, WIDTH - 58 * mm])
    table.setStyle([*_plain_rules(), ("LEFTPADDING", (0, 0), (0, -1), 0)])
    return table


def grid(
    head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float], *, size: float = 8
) -> Table:
    """Return a table whose head is repeated on each page. ``widths``: shares of the page, sum 1."""
    prepare()
    room = [share * WIDTH for share in widths]
    cells: list[list[Any]] = [[text(word, 7.5, colour=SOFT) for word in head]]
    cells += [[_cell(value, size, wide) for value, wide in zip(row, room, strict=True)] for row in rows]
    table = Table(cells, colWidths=room, repeatRows=1)
    plain: list[tuple[Any, ...]] = [
        ("FONT", (0, 0), (-1, -1), FONT, size, size * 1.45),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
    ]
    table.setStyle([*_plain_rules(), *plain, ("BACKGROUND", (0, 0), (-1, 0), WASH)])
    return table


def _cell(value: str, size: float, room: float) -> Any:
    """Return text that fits its column as it is, which is much faster to lay out, and the rest as a paragraph."""
    fits = value.isascii() and pdfmetrics.stringWidth(value, FONT, size) < room - 10
    return value if fits else text(value, size)


def _plain_rules() -> list[tuple[Any, ...]]:
    return [
        ("FONT", (0, 0), (-1, -1), FONT, 8, 8 * 1.45),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("TOPPADDING", (0, 0), (-1, -1), 2.6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.2),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
    ]


class QrCode(Flowable):
    """A QR code as one vector path, with its quiet zone. Error correction L: a clean print, a long text."""

    def __init__(self, words: str, side: float) -> None:
        super().__init__()
        self.width = self.height = side
        self._words = words

    def draw(self) -> None:
        """Draw the code with the canvas's origin at its lower left corner."""
        code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_L, border=2, mask_pattern=4)
        code.add_data(self._words)
        code.make(fit=True)
        matrix = code.get_matrix()
        step = self.width / len(matrix)
        path = self.canv.beginPath()
        for down, row in enumerate(matrix):
            for begin, length in _runs(row):
                path.rect(begin * step, self.height - (down + 1) * step, length * step, step)
        self.canv.setFillColor(INK)
        self.canv.drawPath(path, stroke=0, fill=1)


def _runs(row: Sequence[bool | None]) -> list[tuple[int, int]]:
    """Return begin and length of each run of dark modules."""
    runs: list[tuple[int, int]] = []
    for place, dark in enumerate(row):
        if not dark:
            continue
        if runs and sum(runs[-1]) == place:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((place, 1))
    return runs


def build(
    story: list[Flowable],
    target: Any,
    *,
    title: str,
    author: str,
    footer: str,
    on_first: Callable[[Canvas], None],
) -> None:
    """Lay ``story`` out on A4 and write it to ``target`` as PDF/A-3b; equal input gives equal bytes."""
    prepare()
    document = SimpleDocTemplate(
        target, pagesize=A4, leftMargin=MARGIN - PADDING, rightMargin=MARGIN - PADDING, topMargin=18 * mm,
        bottomMargin=20 * mm, title=title, author=author, subject=footer, creator="closeout",
        invariant=1, initialFontName=FONT,
        lang="zh-CN",
    )  # fmt: skip

    def frame(canvas: Canvas, _document: object) -> None:
        canvas.setStrokeColor(LINE)
        canvas.line(MARGIN, 14 * mm, MARGIN + WIDTH, 14 * mm)
        canvas.setFont(FONT, 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN, 9.5 * mm, footer)
        canvas.drawRightString(MARGIN + WIDTH, 9.5 * mm, str(canvas.getPageNumber()))

    def first(canvas: Canvas, document_: object) -> None:
        frame(canvas, document_)
        on_first(canvas)

    document.build(story, onFirstPage=first, onLaterPages=frame, canvasmaker=ArchivalCanvas)


def ribbon(canvas: Canvas) -> None:
    """Draw the coloured band at the head of a first page."""
    canvas.setFillColor(ACCENT)
    canvas.rect(0, A4[1] - 6 * mm, A4[0], 6 * mm, stroke=0, fill=1)

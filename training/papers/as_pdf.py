"""The report as PDF by reportlab, in Inter; equal reports give equal bytes."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from reportlab.graphics import shapes as pdf
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

from training.papers.blocks import Block, Box, Dot, Drawing, Heading, Label, Paper, Sentence, Shape, Stroke, Table

MARGIN = 54.0
WIDE = A4[0] - 2 * MARGIN
TONES = {"first": "#4F46E5", "second": "#0F766E", "muted": "#4B5563", "hairline": "#D1D5DB", "text": "#111827"}
PLAIN, BOLD = "Inter", "Inter-Bold"
BODY = ParagraphStyle(
    "body", fontName=PLAIN, fontSize=9.5, leading=13.5, textColor=HexColor(TONES["text"]), spaceAfter=4
)
CELL = ParagraphStyle("cell", BODY, fontSize=8, leading=10.5, spaceAfter=0, splitLongWords=True)
FIGURE = ParagraphStyle("figure", CELL, alignment=2)
SMALL = ParagraphStyle(
    "small", BODY, fontSize=8.5, textColor=HexColor(TONES["muted"]), spaceBefore=8, spaceAfter=3, keepWithNext=1
)
TITLE = ParagraphStyle("title", BODY, fontName=BOLD, fontSize=20, leading=25)
HEADING = ParagraphStyle(
    "heading", BODY, fontName=BOLD, fontSize=13, leading=17, spaceBefore=16, spaceAfter=5, keepWithNext=1
)


@cache
def _glyphs() -> frozenset[int]:
    """Register the fonts, once; the characters that they have."""
    for name, weight in ((PLAIN, "regular"), (BOLD, "bold")):
        pdfmetrics.registerFont(TTFont(name, Path(__file__).with_name(f"inter-{weight}.ttf")))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)
    return frozenset(pdfmetrics.getFont(PLAIN).face.charToGlyph)


def write(paper: Paper) -> bytes:
    _glyphs()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
        title=paper.title, subject=paper.subtitle, creator="Fynix Flux Pilot", lang="en", invariant=1,
    )  # fmt: skip
    story: list[Flowable] = [Paragraph(_marked(paper.title), TITLE), Paragraph(_marked(paper.subtitle), SMALL)]
    for block in paper.blocks:
        story.extend(_flow(block))
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return out.getvalue()


def _foot(canvas: Any, document: Any) -> None:
    canvas.setFont(PLAIN, 8)
    canvas.setFillColor(HexColor(TONES["muted"]))
    canvas.drawRightString(A4[0] - MARGIN, MARGIN / 2, _legible(_("Page %(n)s") % {"n": document.page}))


def _flow(block: Block) -> Iterator[Flowable]:
    if isinstance(block, Heading):
        yield Paragraph(_marked(block.text), HEADING)
    elif isinstance(block, Sentence):
        mark = f"<b>{_marked(block.mark)}:</b> " if block.mark else ""
        yield Paragraph(mark + _marked(block.text), BODY)
    elif isinstance(block, Drawing):
        yield Paragraph(_marked(block.title), SMALL)
        yield _drawn(block)
    else:
        yield Paragraph(_marked(block.caption), SMALL)
        yield _grid(block)
        yield Spacer(1, 6)


def _grid(table: Table) -> Grid:
    def cells(row: tuple[str, ...], open_: str = "", close: str = "") -> list[Paragraph]:
        styles = (CELL if place < table.words else FIGURE for place in range(len(row)))
        return [Paragraph(open_ + _marked(text) + close, style) for text, style in zip(row, styles, strict=True)]

    rows = [cells(table.head, "<b>", "</b>"), *map(cells, table.rows)]
    line = HexColor(TONES["hairline"])
    style = [("LINEBELOW", (0, 0), (-1, -1), 0.5, line), ("VALIGN", (0, 0), (-1, -1), "TOP"),
             ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]  # fmt: skip
    widths = [WIDE / len(table.head)] * len(table.head)
    if table.words == 2 and len(table.head) == 2:
        widths = [WIDE * 0.3, WIDE * 0.7]
    return Grid(rows, colWidths=widths, style=style, repeatRows=1)


def _drawn(drawing: Drawing) -> pdf.Drawing:
    scale = min(1.0, WIDE / drawing.width)
    found = pdf.Drawing(drawing.width * scale, drawing.height * scale)
    group = pdf.Group(*(_shape(shape, drawing.height) for shape in drawing.shapes))
    group.scale(scale, scale)
    found.add(group)
    return found


def _shape(shape: Shape, height: float) -> pdf.Shape:
    """A shape with its origin at the bottom left, where PDF has it."""
    tone = HexColor(TONES[shape.tone])
    if isinstance(shape, Stroke):
        points = [part for x, y in shape.points for part in (x, height - y)]
        width = 0.75 if shape.tone in ("muted", "hairline") else 1.5
        dash = [5, 4] if shape.is_dashed else None
        return pdf.PolyLine(points, strokeColor=tone, strokeWidth=width, strokeDashArray=dash)
    if isinstance(shape, Box):
        bottom = height - shape.y - shape.height
        return pdf.Rect(shape.x, bottom, shape.width, shape.height, fillColor=tone, strokeColor=None)
    if isinstance(shape, Dot):
        return pdf.Circle(shape.x, height - shape.y, shape.radius, fillColor=tone, strokeColor=None)
    return _label(shape, height)


def _label(label: Label, height: float) -> pdf.Shape:
    return pdf.String(
        label.x, height - label.y, _legible(label.text), textAnchor=label.anchor, fontName=PLAIN, fontSize=9,
        fillColor=HexColor(TONES[label.tone]),
    )  # fmt: skip


def _marked(text: str) -> str:
    return escape(_legible(text), quote=False)


def _legible(text: str) -> str:
    """The text in characters that the font has: without an accent where it lacks the letter, else a question mark."""
    glyphs = _glyphs()
    return "".join(letter if ord(letter) in glyphs else _nearest(letter, glyphs) for letter in text)


def _nearest(letter: str, glyphs: frozenset[int]) -> str:
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if ord(part) in glyphs)
    return base or (" " if letter.isspace() else "?")

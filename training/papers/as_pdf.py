"""The report as PDF by reportlab, its letters embedded; equal reports give equal bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import astuple
from html import escape
from math import inf
from typing import Any

from django.utils.translation import gettext as _
from reportlab.graphics import shapes as pdf
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

from training.papers import letters
from training.papers.blocks import Block, Box, Dot, Drawing, Heading, Label, Paper, Sentence, Shape, Stroke, Table

MARGIN = 54.0
WIDE = A4[0] - 2 * MARGIN
TONES = {"first": "#4F46E5", "second": "#0F766E", "muted": "#4B5563", "hairline": "#D1D5DB", "text": "#111827"}
TICK = 9.0  # points of the words in a drawing
PLAIN, BOLD = letters.PLAIN, letters.BOLD
PADDING = 6.0  # beside the words of a page or a cell
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


def write(paper: Paper) -> bytes:
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
        title=paper.title, subject=paper.subtitle, creator="Fynix Flux Pilot", lang="en", invariant=1,
    )  # fmt: skip
    story: list[Flowable] = [_paragraph(paper.title, TITLE), _paragraph(paper.subtitle, SMALL)]
    if not letters.has_all(_texts(astuple(paper))):
        told = _(
            "Letters that no font of this file has stand as their names in brackets. HTML and Markdown have them all."
        )
        story.append(_paragraph(told, BODY))
    for block in paper.blocks:
        story.extend(_flow(block))
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return out.getvalue()


def _foot(canvas: Any, document: Any) -> None:
    canvas.setFillColor(HexColor(TONES["muted"]))
    (runs,) = letters.lines(_("Page %(n)s") % {"n": document.page}, size=8, width=inf)
    x = A4[0] - MARGIN - letters.measure(runs, size=8)
    for font, text in runs:
        canvas.setFont(font, 8)
        canvas.drawString(x, MARGIN / 2, text)
        x += letters.measure([(font, text)], size=8)


def _texts(part: Any) -> Iterator[str]:
    """Every text within a paper that was taken apart."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple):
        for each in part:
            yield from _texts(each)


def _flow(block: Block) -> Iterator[Flowable]:
    if isinstance(block, Heading):
        yield _paragraph(block.text, HEADING)
    elif isinstance(block, Sentence):
        yield _paragraph(block.text, BODY, mark=f"{block.mark}: " if block.mark else "")
    elif isinstance(block, Drawing):
        yield _paragraph(block.title, SMALL)
        yield _drawn(block)
    else:
        yield _paragraph(block.caption, SMALL)
        yield _grid(block)
        yield Spacer(1, 6)


def _grid(table: Table) -> Grid:
    widths = [WIDE / len(table.head)] * len(table.head)
    if table.words == 2 and len(table.head) == 2:
        widths = [WIDE * 0.3, WIDE * 0.7]

    def cells(row: tuple[str, ...], *, bold: bool = False) -> list[Paragraph]:
        styles = (CELL if place < table.words else FIGURE for place in range(len(row)))
        return [
            _paragraph(text, style, bold=bold, width=width - 2 * PADDING)
            for text, style, width in zip(row, styles, widths, strict=True)
        ]

    rows = [cells(table.head, bold=True), *map(cells, table.rows)]
    line = HexColor(TONES["hairline"])
    style = [("LINEBELOW", (0, 0), (-1, -1), 0.5, line), ("VALIGN", (0, 0), (-1, -1), "TOP"),
             ("LEFTPADDING", (0, 0), (-1, -1), PADDING), ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
             ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]  # fmt: skip
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
    """The words as one string of each font; of those that end at the point, as many as have room before it."""
    text = label.text
    runs = _tick(text)
    while label.anchor == "end" and letters.measure(runs, size=TICK) > label.x and len(text) > 2:
        text = text[:-2] + "…"
        runs = _tick(text)
    wide, ink = letters.measure(runs, size=TICK), HexColor(TONES[label.tone])
    x = label.x - {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
    group = pdf.Group()
    for font, part in runs:
        group.add(pdf.String(x, height - label.y, part, fontName=font, fontSize=TICK, fillColor=ink))
        x += letters.measure([(font, part)], size=TICK)
    return group


def _tick(text: str) -> list[letters.Run]:
    (runs,) = letters.lines(text, size=TICK, width=inf)
    return runs


def _paragraph(
    text: str, style: ParagraphStyle, *, mark: str = "", bold: bool = False, width: float = WIDE - 2 * PADDING
) -> Paragraph:
    """A text of any script; `mark` stands before it, in bold."""
    bold = bold or style.fontName == BOLD
    before = letters.lines(mark, bold=True, size=style.fontSize, width=inf)
    room = width - sum(letters.measure(line, size=style.fontSize) for line in before)
    lines = letters.lines(text, bold=bold, size=style.fontSize, width=room)
    told = "".join(map(_marked, before)) + "<br/>".join(map(_marked, lines))
    return Paragraph(told, style)


def _marked(line: list[letters.Run]) -> str:
    return "".join(f'<font name="{font}">{escape(text, quote=False)}</font>' for font, text in line)

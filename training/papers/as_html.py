"""The report as one HTML file that needs nothing else: drawings are SVG within it, and it may load nothing."""

from __future__ import annotations

from pathlib import Path

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from training.papers.blocks import Block, Box, Dot, Drawing, Heading, Label, Paper, Sentence, Shape, Stroke, Table

STYLE = Path(__file__).with_name("paper.css")


def write(paper: Paper) -> bytes:
    style = mark_safe(STYLE.read_text(encoding="utf-8"))  # noqa: S308 -- our own file
    body = format_html_join("\n", "{}", ((_block(block),) for block in paper.blocks))
    context = {"paper": paper, "body": body, "style": style, "language": get_language() or "en"}
    return render_to_string("training/paper.html", context).encode()


def _block(block: Block) -> SafeString:
    if isinstance(block, Heading):
        return format_html("<h2>{}</h2>", block.text)
    if isinstance(block, Sentence):
        mark = format_html("<strong>{}:</strong> ", block.mark) if block.mark else ""
        return format_html("<p>{}{}</p>", mark, block.text)
    return _drawing(block) if isinstance(block, Drawing) else _table(block)


def _table(table: Table) -> SafeString:
    return format_html(
        '<div class="scroll"><table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        table.caption,
        format_html_join(
            "", '<th scope="col"{}>{}</th>', ((_side(at, table), text) for at, text in enumerate(table.head))
        ),
        format_html_join("", "<tr>{}</tr>", ((_cells(row, table),) for row in table.rows)),
    )


def _cells(row: tuple[str, ...], table: Table) -> SafeString:
    return format_html_join("", "<td{}>{}</td>", ((_side(at, table), text) for at, text in enumerate(row)))


def _side(place: int, table: Table) -> SafeString:
    return SafeString("" if place < table.words else ' class="figure"')


def _drawing(drawing: Drawing) -> SafeString:
    return format_html(
        '<figure><figcaption>{}</figcaption><svg viewBox="0 0 {} {}" width="{}" role="img" aria-label="{}">{}</svg>'
        "<details><summary>{}</summary>{}</details></figure>",
        drawing.title, f"{drawing.width:.0f}", f"{drawing.height:.0f}", f"{drawing.width:.0f}", drawing.title,
        format_html_join("", "{}", ((_shape(shape),) for shape in drawing.shapes)),
        _("As a table"), _table(drawing.table),
    )  # fmt: skip


def _shape(shape: Shape) -> SafeString:
    if isinstance(shape, Stroke):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        dash = SafeString(' stroke-dasharray="5 4"' if shape.is_dashed else "")
        return format_html('<polyline class="stroke-{}" points="{}"{}/>', shape.tone, points, dash)
    if isinstance(shape, Box):
        place = (f"{value:.1f}" for value in (shape.x, shape.y, shape.width, shape.height))
        return format_html('<rect class="fill-{}" x="{}" y="{}" width="{}" height="{}"/>', shape.tone, *place)
    if isinstance(shape, Dot):
        place = (f"{value:.1f}" for value in (shape.x, shape.y, shape.radius))
        return format_html('<circle class="fill-{}" cx="{}" cy="{}" r="{}"/>', shape.tone, *place)
    return _label(shape)


def _label(label: Label) -> SafeString:
    place = (f"{label.x:.1f}", f"{label.y:.1f}")
    return format_html(
        '<text class="fill-{}" x="{}" y="{}" text-anchor="{}">{}</text>', label.tone, *place, label.anchor, label.text
    )

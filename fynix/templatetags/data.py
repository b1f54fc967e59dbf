"""What shows data: tables, bars, stages, drawings, logs."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from fynix.templatetags.figures import as_number, number
from fynix.templatetags.marks import EMPTY, classes, icon
from fynix.templatetags.surfaces import anchored, fold

register = template.Library()


@register.simple_block_tag
def table(content: str, caption: str, class_: str = "") -> SafeString:
    """A table that scrolls in its own named box; content is `<thead>` and `<tbody>`."""
    return format_html(
        '<div class="table-scroll" tabindex="0" role="region" aria-label="{0}">'
        '<table class="{1}"><caption class="vh">{0}</caption>{2}</table></div>',
        caption,
        classes("table", class_),
        content,
    )


@register.simple_tag
def progress(
    value: float | None,
    maximum: float = 100,
    *,
    label: str = "",
    words: object = "",
    tone: str = "",
    id_: str = "",
) -> SafeString:
    """A bar with its name and words; without a `value` it is indeterminate."""
    amount = format_html(' value="{}"', f"{value:g}") if value is not None else ""
    shown = format_html('<div class="progress-words"><span>{}</span><span>{}</span></div>', label, words)
    return format_html(
        '<div class="{}">{}<progress{} max="{}"{} aria-label="{}"></progress></div>',
        classes("progress", f"progress-{tone}" if tone else ""),
        shown if label or words else "",
        anchored(id_),
        f"{maximum:g}",
        amount,
        label or _("Progress"),
    )


@register.simple_block_tag
def timeline(content: str, label: str) -> SafeString:
    """Stages in their order, each a `step`; on a phone they stand below one another."""
    return format_html('<ol class="timeline" aria-label="{}">{}</ol>', label, content)


@register.simple_tag
def step(name: object, state: str = "", *, note: object = "", href: str = "") -> SafeString:
    """One stage: state is done, current, failed or nothing (still to come); `note` is a time or a figure."""
    drawings = {"done": "check", "current": "play", "failed": "close"}
    spoken = {"done": _("done"), "failed": _("failed")}.get(state, "")
    place = {"current": ' aria-current="step"', "done": ' data-state="done"', "failed": ' data-state="failed"'}
    return format_html(
        '<li{}><span class="timeline-dot">{}</span><span>{}{}</span>{}</li>',
        SafeString(place.get(state, "")),
        icon(drawings[state]) if state in drawings else "",
        format_html('<a href="{}">{}</a>', href, name) if href else name,
        format_html('<span class="vh"> {}</span>', spoken) if spoken else "",
        format_html('<span class="small muted">{}</span>', note) if note else "",
    )


@register.simple_block_tag
def chart_frame(
    content: str,
    title: str,
    summary: object,
    *,
    columns: Sequence[str] = (),
    rows: Sequence[Sequence[Any]] = (),
    csv: str = "",
    id_: str = "",
) -> SafeString:
    """A drawing with its title, what it says in a sentence, and its figures as a table (`csv`: address of all)."""
    twin: SafeString = EMPTY
    if columns:
        head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in columns))
        lines = format_html_join("", "<tr>{}</tr>", ((_cells(row),) for row in rows))
        whole = format_html(
            '<p><a class="btn btn-small" href="{}" download>{}{}</a></p>', csv, icon("download"), _("All rows as CSV")
        )
        figures = table(format_html("<thead><tr>{}</tr></thead><tbody>{}</tbody>", head, lines), caption=title)
        twin = fold(format_html("{}{}", figures, whole if csv else ""), title=_("View as table"))
    return format_html(
        '<figure class="chart"{}><figcaption><strong>{}</strong> <span>{}</span></figcaption>{}{}</figure>',
        anchored(id_),
        title,
        summary,
        content,
        twin,
    )


def _cells(row: Sequence[Any]) -> SafeString:
    """Figures at the line's end, words at its start."""
    return format_html_join(
        "",
        "<td{}>{}</td>",
        ((EMPTY, value) if as_number(value) is None else (SafeString(' class="num"'), number(value)) for value in row),
    )


@register.simple_block_tag
def log(content: str, label: str, id_: str = "") -> SafeString:
    """Lines of a log, each a `log_line`; it never speaks by itself. `fx-log` around it adds filter and following."""
    return format_html(
        '<div class="log" role="log" aria-live="off" aria-label="{}" tabindex="0" dir="ltr"{}>'
        '<div class="log-chunk">{}</div></div>',
        label,
        anchored(id_),
        content,
    )


@register.simple_tag
def log_line(time: object, level: str, text: object) -> SafeString:
    """One line: level is info, warning or error."""
    return format_html(
        '<div class="log-line" data-level="{0}"><span>{1}</span><span>{0}</span><span>{2}</span></div>',
        level,
        time,
        text,
    )

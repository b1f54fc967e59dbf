"""What holds things: cards, figures, notices, folds, and what stands where something is missing."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from fynix.templatetags.marks import EMPTY, classes, icon

register = template.Library()

TONE_ICONS = {"info": "info", "success": "check", "warning": "warning", "danger": "error"}
MESSAGE_TONES = {"error": "danger", "warning": "warning", "success": "success"}
SKELETONS = {"text": 3, "card": 4, "table": 6, "chart": 1}
"""Each kind of skeleton with the number of its lines."""


def anchored(id_: str) -> SafeString:
    """The id attribute, or nothing."""
    return format_html(' id="{}"', id_) if id_ else EMPTY


@register.simple_block_tag
def card(
    content: str,
    title: str = "",
    *,
    subtitle: str = "",
    icon_: str = "",
    level: int = 2,
    id_: str = "",
    class_: str = "",
    href: str = "",
) -> SafeString:
    """A white section; `class_="card-flush"` lets a table reach its edges; `href` makes all of it one link."""
    head: SafeString = EMPTY
    if title:
        drawing = icon(icon_) if icon_ else ""
        words = format_html("<p>{}</p>", subtitle) if subtitle else ""
        name = format_html('<a class="card-way" href="{}">{}</a>', href, title) if href else title
        heading = format_html("<h{0}>{1}{2}</h{0}>", level, drawing, name)
        head = format_html('<div class="card-head">{}{}</div>', heading, words)
    look = classes("card", "card-link" if href else "", class_)
    return format_html('<section class="{}"{}>{}{}</section>', look, anchored(id_), head, content)


@register.simple_tag
def stat(
    label: str, value: object, *, hint: object = "", tone: str = "", large: bool = False, change: str = ""
) -> SafeString:
    """One figure under its label; `change` takes a `delta`. Several sit in `<div class="stats">`."""
    return format_html(
        '<div class="{}"><span class="stat-label">{}</span><span class="{}">{}{}</span>{}</div>',
        classes("stat", "stat-large" if large else ""),
        label,
        classes("stat-value", f"tone-{tone}" if tone else ""),
        value,
        change,
        format_html('<span class="stat-hint">{}</span>', hint) if hint else "",
    )


@register.simple_block_tag
def banner(content: str, tone: str = "info", title: str = "", live: bool = False) -> SafeString:
    """A notice in the page; `live=True` announces it (role alert for danger, status otherwise)."""
    role = format_html(' role="{}"', "alert" if tone == "danger" else "status") if live else ""
    heading = format_html('<p class="banner-title">{}</p>', title) if title else ""
    return format_html(
        '<div class="banner banner-{}"{}>{}<div class="banner-body">{}{}</div></div>',
        tone,
        role,
        icon(TONE_ICONS.get(tone, "info")),
        heading,
        content,
    )


@register.simple_tag
def message_tone(level_tag: str) -> str:
    """The banner tone of a message of django.contrib.messages."""
    return MESSAGE_TONES.get(level_tag, "info")


@register.simple_block_tag
def empty(content: str, title: str, icon_: str = "table", level: int = 2) -> SafeString:
    """What stands where nothing is yet: a sentence and the next action."""
    return format_html(
        '<div class="empty"><span class="empty-mark">{0}</span><h{1}>{2}</h{1}>{3}</div>',
        icon(icon_),
        level,
        title,
        content,
    )


@register.simple_block_tag
def failure(
    content: str, title: str, *, request_id: str = "", retry: str = "", icon_: str = "warning", level: int = 2
) -> SafeString:
    """What stands where something went wrong: what happened, what to do, trying again, the request's id."""
    again = (
        format_html(
            '<div class="cluster"><a class="btn" href="{}">{}{}</a></div>', retry, icon("refresh"), _("Try again")
        )
        if retry
        else EMPTY
    )
    asked = format_html('<p class="small">{} <code>{}</code></p>', _("Request"), request_id) if request_id else EMPTY
    return format_html(
        '<div class="empty empty-failed"><span class="empty-mark">{0}</span><h{1}>{2}</h{1}>{3}{4}{5}</div>',
        icon(icon_),
        level,
        title,
        content,
        again,
        asked,
    )


@register.simple_tag
def skeleton(kind: str = "text", lines: int = 0) -> SafeString:
    """The place of something that is being fetched: `text`, `card`, `table` or `chart`, as large as what comes."""
    count = lines or SKELETONS[kind]
    bars = format_html_join("", '<span class="{}"></span>', [("skeleton-line",)] * count)
    return format_html(
        '<div class="skeleton skeleton-{}" role="status"><span class="vh">{}</span>{}</div>', kind, _("Loading…"), bars
    )


@register.simple_block_tag
def fold(content: str, title: str, open_: bool = False, id_: str = "") -> SafeString:
    """A part that folds away, without script."""
    return format_html(
        '<details class="fold"{}{}><summary>{}{}</summary><div class="fold-body">{}</div></details>',
        anchored(id_),
        mark_safe(" open") if open_ else "",
        icon("chevron-right"),
        title,
        content,
    )


@register.simple_block_tag
def snippet(content: str, title: str = "") -> SafeString:
    """Plain text to copy: code, a command, instructions."""
    text = mark_safe(content.strip("\n"))  # noqa: S308 - strip() forgets that a rendered block is safe
    return format_html(
        '<div class="snippet"><div class="snippet-head"><span>{}</span>'
        '<button type="button" class="btn btn-quiet btn-small" data-copy-near="pre">{}</button></div>'
        '<pre tabindex="0" dir="ltr" aria-label="{}"><code>{}</code></pre></div>',
        title,
        _("Copy"),
        title or _("Text to copy"),
        text,
    )


@register.simple_block_tag
def page_header(content: str, title: str, subtitle: object = "", level: int = 1) -> SafeString:
    """The page's heading, a line under it, and its actions as content."""
    words = format_html('<p class="sub">{}</p>', subtitle) if subtitle else ""
    actions = format_html('<div class="page-head-actions">{}</div>', content) if content.strip() else ""
    return format_html(
        '<div class="page-head"><div class="page-head-text"><h{0}>{1}</h{0}>{2}</div>{3}</div>',
        level,
        title,
        words,
        actions,
    )

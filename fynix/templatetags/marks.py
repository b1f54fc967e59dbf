"""The smallest components: drawings, pills, exactness marks, differences, hashes, moments."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from fynix.templatetags.figures import as_number, minus, number

register = template.Library()

EMPTY = mark_safe("")
STATES: dict[str, tuple[str, str]] = {
    "queued": ("", "clock"),
    "pending": ("", "clock"),
    "uploading": ("info", "upload"),
    "assembling": ("info", "layers"),
    "profiling": ("info", "flask"),
    "running": ("info", "play"),
    "building": ("info", "box"),
    "cancelling": ("warning", "stop"),
    "cancelled": ("", "stop"),
    "canceled": ("", "stop"),
    "finished": ("success", "check"),
    "succeeded": ("success", "check"),
    "done": ("success", "check"),
    "ready": ("success", "check"),
    "production": ("accent", "star"),
    "failed": ("danger", "error"),
    "expired": ("", "clock"),
    "archived": ("", "box"),
}
"""State word to badge tone and icon; an unknown state is a plain badge."""
STATE_NAMES = {
    "queued": _("Queued"),
    "pending": _("Pending"),
    "uploading": _("Uploading"),
    "assembling": _("Assembling"),
    "profiling": _("Profiling"),
    "running": _("Running"),
    "building": _("Building"),
    "cancelling": _("Cancelling"),
    "cancelled": _("Cancelled"),
    "canceled": _("Canceled"),
    "finished": _("Finished"),
    "succeeded": _("Succeeded"),
    "done": _("Done"),
    "ready": _("Ready"),
    "production": _("Production"),
    "failed": _("Failed"),
    "expired": _("Expired"),
    "archived": _("Archived"),
}
EXACTNESS = {"exact": _("exact"), "sampled": _("sampled"), "approx": _("approx")}
TURNING = {"arrow-left", "arrow-right", "chevron-right", "external", "logout", "rotate-back"}
"""Drawings that point along the line, and so the other way where lines run to the left."""


def classes(*names: str) -> str:
    """The names that are not empty, as a class attribute's value."""
    return " ".join(name for name in names if name)


@register.simple_tag
def icon(name: str, label: str = "", class_: str = "") -> SafeString:
    """One drawing of the sprite; hidden from assistive technology unless it has a `label`."""
    return _drawn(name, str(label), class_, settings.STATIC_URL)


@lru_cache(maxsize=1024)
def _drawn(name: str, label: str, class_: str, root: str) -> SafeString:
    """Drawn once: a list draws the same few hundreds of times. `root` is what the sprite's address begins with."""
    voice = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    sprite = static("icons/sprite.svg")
    return format_html(
        '<svg class="{}" {}><use href="{}#{}"></use></svg>',
        classes("icon", "icon-turns" if name in TURNING else "", class_),
        voice,
        sprite,
        name,
    )


@register.simple_tag
def badge(text: object, tone: str = "", icon_: str = "") -> SafeString:
    """A short word in a pill: tone is info, success, warning, danger, accent or nothing."""
    look = classes("badge", f"badge-{tone}" if tone else "")
    return format_html('<span class="{}">{}{}</span>', look, icon(icon_) if icon_ else "", text)


@register.simple_tag
def state(value: object, text: str = "") -> SafeString:
    """The pill of a run, upload, version or artifact state."""
    return _pill(str(value).lower(), str(text), get_language(), settings.STATIC_URL)


@lru_cache(maxsize=1024, typed=True)  # typed: a text that passes for markup is another than the same that does not
def _pill(word: str, text: str, language: str | None, root: str) -> SafeString:
    """Drawn and named once in each language: a list shows the same few hundreds of times."""
    tone, drawing = STATES.get(word, ("", ""))
    return badge(text or str(STATE_NAMES.get(word) or capfirst(word.replace("_", " "))), tone, drawing)


@register.simple_tag
def mark(exactness: str, rows: int | None = None) -> SafeString:
    """How a figure was found: exact, sampled (of `rows`) or approx."""
    words = str(EXACTNESS.get(exactness, exactness))
    if rows and exactness == "sampled":
        words = gettext("sampled, %(rows)s rows") % {"rows": number(rows)}
    return format_html('<span class="mark mark-{}">{}</span>', exactness, words)


@register.simple_tag
def delta(value: Any, better: str = "up", digits: int = 3, unit: str = "") -> SafeString:
    """A signed difference with its direction; `better` says which way is good: up, down or none."""
    parsed = as_number(value)
    if parsed is None:
        return EMPTY
    rounded = round(parsed, digits)
    way = "up" if rounded > 0 else "down" if rounded < 0 else ""
    verdict = "" if not way or better == "none" else "better" if way == better else "worse"
    spoken = gettext("better") if verdict == "better" else gettext("worse")
    return format_html(
        '<span class="{}">{}<bdi dir="ltr">{}{}</bdi>{}</span>',
        classes("delta", f"delta-{verdict}" if verdict else ""),
        icon(f"arrow-{way}") if way else "",
        minus(f"{rounded:+.{digits}f}") if way else gettext("no difference"),
        unit if way else "",
        format_html('<span class="vh"> {}</span>', spoken) if verdict else "",
    )


@register.simple_tag
def copy_button(text: object, label: str = "") -> SafeString:
    """A button that puts `text` on the clipboard."""
    return format_html(
        '<button type="button" class="copy" data-copy="{}" aria-label="{}">{}</button>',
        text,
        label or gettext("Copy"),
        icon("copy"),
    )


@register.simple_tag
def short_hash(value: object, length: int = 10) -> SafeString:
    """The first characters of a digest, with a button that copies all of it."""
    if not value:
        return EMPTY
    whole = str(value)
    return format_html(
        '<span class="hash"><code title="{}">{}</code>{}</span>',
        whole,
        whole[:length],
        copy_button(whole, gettext("Copy the whole hash")),
    )


@register.simple_tag
def when(moment: datetime | None, missing: str = "–") -> SafeString:
    """How long ago, with the exact moment as machine-readable time and title."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', missing)
    local = timezone.localtime(moment)
    exact = f"{local:%Y-%m-%d %H:%M:%S %Z}"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, naturaltime(moment))

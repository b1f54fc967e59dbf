"""What people press: buttons, menus, windows, words with an explanation."""

import uuid

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from fynix.templatetags.marks import EMPTY, classes, icon

register = template.Library()


@register.simple_tag
def button(
    text: object,
    kind: str = "",
    *,
    href: str = "",
    icon_: str = "",
    size: str = "",
    busy: str = "",
    working: bool = False,
    disabled: bool = False,
    pressed: bool | None = None,
    type_: str = "submit",
    **more: object,
) -> SafeString:
    """A button, or with `href` a link that looks like one.

    `kind` is primary (one a page), danger, quiet or nothing; `size` small, large or nothing. `busy` is what it says
    while its form is on the way; `working=True` shows it so from the start. Further arguments are attributes,
    with `_` for `-`: `name`, `value`, `form`, `data_dialog_open`.
    """
    look = classes("btn", f"btn-{kind}" if kind else "", f"btn-{size}" if size else "")
    drawing = icon(icon_, class_="icon-bounce" if kind == "primary" else "") if icon_ else EMPTY
    state = {
        "type": type_,
        "data-busy": busy,
        "aria-busy": "true" if working else "",
        "aria-pressed": "" if pressed is None else str(pressed).lower(),
    }
    attributes = {"href": href} if href else state
    attributes |= {name.replace("_", "-"): str(value) for name, value in more.items()}
    written = format_html_join("", ' {}="{}"', ((name, value) for name, value in attributes.items() if value))
    return format_html(
        '<{0} class="{1}"{2}{3}>{4}<span>{5}</span></{0}>',
        "a" if href else "button",
        look,
        written,
        mark_safe(" disabled") if disabled and not href else "",
        drawing,
        text,
    )


@register.simple_tag
def outside(text: object, href: str) -> SafeString:
    """A link that leaves this server, which says so."""
    return format_html(
        '<a class="link-outside" href="{}" rel="external noopener">{}{}<span class="vh"> {}</span></a>',
        href,
        text,
        icon("external"),
        _("(another site)"),
    )


@register.simple_block_tag
def menu(content: str, title: str, *, icon_: str = "", end: bool = False, label: str = "") -> SafeString:
    """Links and buttons under a button. Opens without script; arrow keys, Home, End and Escape work with it.

    `label` names the button where `title` is empty; `end=True` opens towards the line's start.
    """
    return format_html(
        '<details class="{}"><summary{}>{}{}{}</summary><div class="menu-body">{}</div></details>',
        classes("menu", "menu-end" if end else ""),
        format_html(' aria-label="{}"', label) if label else "",
        icon(icon_) if icon_ else "",
        format_html('<span class="clip menu-name">{}</span>', title) if title else "",
        icon("chevron-down"),
        content,
    )


@register.simple_block_tag
def dialog(content: str, id_: str, title: str) -> SafeString:
    """A modal window; a button with `data-dialog-open="<id>"` opens it, Escape and `data-dialog-close` close it."""
    close = format_html(
        '<button class="btn btn-quiet btn-icon btn-small" aria-label="{}">{}</button>', _("Close"), icon("close")
    )
    return format_html(
        '<dialog class="dialog" id="{0}" aria-labelledby="{0}-title"><div class="dialog-head">'
        '<h2 id="{0}-title">{1}</h2><form method="dialog">{2}</form></div>{3}</dialog>',
        id_,
        title,
        close,
        content,
    )


@register.simple_block_tag
def tooltip(content: str, text: str) -> SafeString:
    """A word with an explanation on hover and focus; Escape puts it away."""
    anchor = f"tip-{uuid.uuid4().hex[:8]}"
    return format_html(
        '<span class="tip" tabindex="0" aria-describedby="{0}">{1}'
        '<span class="tip-text" role="tooltip" id="{0}">{2}</span></span>',
        anchor,
        content,
        text,
    )

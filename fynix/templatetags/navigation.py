"""Ways through the product: breadcrumb, tabs, pages of a list, columns to sort by."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.core.paginator import Page
from django.http import HttpRequest
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from fynix.templatetags.figures import number
from fynix.templatetags.marks import EMPTY, icon

register = template.Library()

PLACES = ("page", "cursor")
"""Where in a list one is; asking for another order or filter begins at its start."""


def pairs(parts: Sequence[object]) -> list[tuple[object, object]]:
    """`("A", "/a", "B")` as `[("A", "/a"), ("B", "")]`."""
    padded = [*parts, ""] if len(parts) % 2 else list(parts)
    return list(zip(padded[::2], padded[1::2], strict=True))


def query(request: HttpRequest, *, drop: Sequence[str] = (), **changes: str) -> str:
    """The request's query string with some parameters changed and some dropped."""
    kept = request.GET.copy()
    for name in drop:
        kept.pop(name, None)
    for name, value in changes.items():
        kept[name] = value
    return "?" + kept.urlencode()


@register.simple_tag
def breadcrumb(*parts: object) -> SafeString:
    """`{% breadcrumb "Home" home_url "Datasets" datasets_url "penguins" %}`; the last text is this page."""
    steps = [
        (
            format_html('<a href="{}">{}</a>', url, text)
            if url
            else format_html('<span aria-current="page">{}</span>', text),
        )
        for text, url in pairs(parts)
    ]
    return format_html(
        '<nav class="crumbs" aria-label="{}"><ol class="crumbs-list">{}</ol></nav>',
        _("Breadcrumb"),
        format_html_join("", "<li>{}</li>", steps),
    )


@register.simple_tag
def tabs(*parts: object, current: object = "", label: str = "") -> SafeString:
    """Link tabs: `{% tabs "Single" url_1 "Batch" url_2 current=request.path %}` (address or text)."""
    items = [
        (url, mark_safe(' aria-current="page"') if current and current in (url, text) else "", text)
        for text, url in pairs(parts)
    ]
    return format_html(
        '<nav class="tabs" aria-label="{}"><ul class="tabs-list">{}</ul></nav>',
        label or _("Sections"),
        format_html_join("", '<li><a href="{}"{}>{}</a></li>', items),
    )


@register.simple_block_tag
def tabset(content: str, label: str) -> SafeString:
    """Tabs within a page: holds `tabpanel`s. Needs `fynix/elements/fx-tabs`; without script all parts are there."""
    return format_html('<fx-tabs class="tabset" aria-label="{}">{}</fx-tabs>', label, content)


@register.simple_block_tag
def tabpanel(content: str, title: str, level: int = 3) -> SafeString:
    """One part of a `tabset`."""
    return format_html('<section class="tabpanel"><h{0}>{1}</h{0}>{2}</section>', level, title, content)


@register.simple_tag(takes_context=True)
def sort_header(
    context: Context, text: str, key: str, *, numeric: bool = False, default: str = "", param: str = "sort"
) -> SafeString:
    """The head of a column that the server sorts by: `?sort=key`, and `?sort=-key` the other way round.

    Figures (`numeric=True`) begin with the largest. `default` is the order of a list that nobody has sorted. All other
    parameters stay, but the list begins at its first page.
    """
    request: HttpRequest = context["request"]
    now = request.GET.get(param, default)
    first, second = (f"-{key}", key) if numeric else (key, f"-{key}")
    order = {key: "ascending", f"-{key}": "descending"}.get(now, "")
    drawing = icon({"ascending": "arrow-up", "descending": "arrow-down"}.get(order, "sort"))
    return format_html(
        '<th scope="col"{}{}><a href="{}">{}{}</a></th>',
        mark_safe(' class="num"') if numeric else "",
        format_html(' aria-sort="{}"', order) if order else "",
        query(request, drop=PLACES, **{param: second if now == first else first}),
        text,
        drawing,
    )


@register.simple_tag(takes_context=True)
def pagination(context: Context, page: Page[Any], key: str = "page") -> SafeString:
    """Earlier and later, with the place between; keeps the other query parameters."""
    if page.paginator.num_pages < 2:
        return EMPTY
    request: HttpRequest = context["request"]

    def step(there: bool, to: int, rel: str, text: str) -> SafeString:
        if not there:
            return format_html('<span class="btn btn-small" aria-disabled="true">{}</span>', text)
        to_page = query(request, **{key: str(to)})
        return format_html('<a class="btn btn-small" rel="{}" href="{}">{}</a>', rel, to_page, text)

    return format_html(
        '<nav class="pagination" aria-label="{}">{}<span>{}</span>{}</nav>',
        _("Pages"),
        step(page.has_previous(), page.number - 1, "prev", _("Earlier")),
        _("%(first)s to %(last)s of %(all)s")
        % {
            "first": number(page.start_index()),
            "last": number(page.end_index()),
            "all": number(page.paginator.count),
        },
        step(page.has_next(), page.number + 1, "next", _("Later")),
    )


@register.simple_tag(takes_context=True)
def cursor_pages(context: Context, next_cursor: str | None, key: str = "cursor") -> SafeString:
    """The way on in a list that knows only what comes next, and back to its start."""
    request: HttpRequest = context["request"]
    begun = key in request.GET
    if not begun and not next_cursor:
        return EMPTY
    start, on = EMPTY, EMPTY
    if begun:
        start = format_html(
            '<a class="btn btn-small" href="{}">{}</a>', query(request, drop=[key]), _("From the start")
        )
    if next_cursor:
        on = format_html(
            '<a class="btn btn-small end" rel="next" href="{}">{}</a>',
            query(request, **{key: next_cursor}),
            _("Show more"),
        )
    return format_html('<nav class="pagination" aria-label="{}">{}{}</nav>', _("Earlier and later"), start, on)

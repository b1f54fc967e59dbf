"""Photographs and structured data of the landing page: `{% load landing %}`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from fynix.templatetags.assets import theme
from landing.content import Photograph
from landing.shots import FORMATS, FRAMES, Frame

register = template.Library()

Source = tuple[str, str, str, str, int, int]
SCHEMES = {"system": ("dark", "light"), "light": ("light",), "dark": ("dark",)}
"""By the chosen colours, which pictures a page may show; the last one is for every browser that knows no better."""
DARK = "(prefers-color-scheme: dark)"
SIZES = "(max-width: 79rem) calc(100vw - 3rem), 72rem"


@register.simple_tag(takes_context=True)
def photograph(context: Context, shot: Photograph) -> SafeString:
    """The picture in the best format, frame, width and colours for this screen; loaded when it comes near."""
    schemes = SCHEMES[theme(context)]
    sources = format_html_join(
        "",
        '<source type="image/{}" media="{}" srcset="{}" sizes="{}" width="{}" height="{}">',
        (source for scheme in schemes for source in _sources(shot.key, scheme, aside=scheme != schemes[-1])),
    )
    frame = FRAMES[-1]
    width = frame.widths[0]
    return format_html(
        '<picture>{}<img src="{}" alt="{}" width="{}" height="{}" loading="lazy" decoding="async"></picture>',
        sources,
        _address(shot.key, frame, schemes[-1], width, FORMATS[-1]),
        shot.alt,
        width,
        frame.height(width),
    )


def _sources(key: str, scheme: str, *, aside: bool) -> Iterator[Source]:
    for frame in FRAMES:
        media = f"{frame.media} and {DARK}" if aside else frame.media
        widest = frame.widths[-1]
        for kind in FORMATS:
            files = ", ".join(f"{_address(key, frame, scheme, width, kind)} {width}w" for width in frame.widths)
            yield kind, media, files, SIZES, widest, frame.height(widest)


def _address(key: str, frame: Frame, scheme: str, width: int, kind: str) -> str:
    return static(f"img/shots/{key}-{frame.name}-{scheme}-{width}.{kind}")


@register.simple_tag(takes_context=True)
def structured(context: Context, facts: Mapping[str, Any]) -> SafeString:
    """What the page is about, as JSON-LD: data, not code, and still under the nonce of the policy."""
    request: HttpRequest | None = context.get("request")
    nonce = str(getattr(request, "csp_nonce", ""))
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    body = mark_safe(text)  # noqa: S308 - our own texts, "<" escaped
    return format_html('<script type="application/ld+json" nonce="{}">{}</script>', nonce, body)

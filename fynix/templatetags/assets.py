"""Script modules without a bundler, an import map from `fynix/...` names to hashed addresses; and joined sheets."""

import json
from functools import cache

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from fynix.sheets import JOINED, JoiningStorage

register = template.Library()

VENDORED = {"uplot": "vendor/uplot-1.6.32.js"}
"""Bare name to static path of each vendored module."""


def module_paths() -> dict[str, str]:
    """Every importable name with its static path: `fynix/lib/dom` is `js/lib/dom.js`."""
    own = {
        "fynix/" + path.removeprefix("js/").removesuffix(".js"): path
        for finder in finders.get_finders()
        for path, _storage in finder.list([])
        if path.startswith("js/") and path.endswith(".js")
    }
    return dict(sorted({**own, **VENDORED}.items()))


_kept_paths = cache(module_paths)  # the files of a running server do not change


def _paths() -> dict[str, str]:
    return module_paths() if settings.DEBUG else _kept_paths()


def _map() -> SafeString:
    imports = {name: static(path) for name, path in _paths().items()}
    text = json.dumps({"imports": imports}, separators=(",", ":")).replace("<", "\\u003c")
    return mark_safe(text)  # noqa: S308 - names and addresses of our own files, "<" escaped


@register.simple_tag(takes_context=True)
def importmap(context: Context) -> SafeString:
    """The import map, the one inline script of a page, under the request's CSP nonce."""
    request: HttpRequest | None = context.get("request")
    nonce = str(getattr(request, "csp_nonce", ""))
    return format_html('<script type="importmap" nonce="{}">{}</script>', nonce, _map())


@register.simple_tag
def modules(*names: str) -> SafeString:
    """Preload and run the named modules: `{% modules "fynix/elements/fx-upload" %}`."""
    paths = _paths()
    addresses = [(static(paths[name]),) for name in names]
    preload = format_html_join("\n", '<link rel="modulepreload" href="{}">', addresses)
    run = format_html_join("\n", '<script type="module" src="{}"></script>', addresses)
    return format_html("{}\n{}", preload, run)


@register.simple_tag
def sheets(name: str) -> SafeString:
    """Link a joined style sheet: `{% sheets "css/app.css" %}`; while pages are being written, its parts one by one."""
    parts = (name,) if isinstance(staticfiles_storage, JoiningStorage) else JOINED[name]
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', [(static(part),) for part in parts])


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """`light`, `dark` or `system`, as the person chose it (cookie `theme`)."""
    request: HttpRequest | None = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else ""
    return chosen if chosen in {"light", "dark"} else "system"

"""The page of all components, for who builds pages: each as it looks, beside the markup that it was made from."""

import re
from dataclasses import dataclass
from pathlib import Path

from django import forms
from django.contrib.staticfiles import finders
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import Context, Template
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now
from django.views.decorators.http import require_safe

FOLDER = "styleguide/specimens"
COLOUR = re.compile(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);")
SYMBOL = re.compile(r'<symbol id="([\w-]+)"')

SPECIMENS: dict[str, tuple[str, ...]] = {
    "Controls": ("button", "link", "menu", "dialog", "tooltip", "toast"),
    "Forms": ("field", "form", "choices", "filters", "dropzone"),
    "Surfaces": ("card", "stat", "banner", "fold", "snippet", "insight"),
    "Marks": ("badge", "state", "mark", "delta", "icon", "figures"),
    "Ways": ("page_header", "breadcrumb", "tabs", "tabset", "pagination", "cursor_pages"),
    "Data": ("table", "sort_header", "list", "progress", "timeline", "history", "chart_frame", "log"),
    "States": ("empty", "failure", "skeleton"),
}
"""Group to its specimens; each is a template of that name."""


@dataclass(frozen=True)
class Specimen:
    """A component, drawn, with the template it was drawn from; the first line of that is what it is for."""

    name: str
    note: str
    markup: str
    drawn: SafeString


@dataclass(frozen=True)
class Colour:
    """A token with its two values, `#RRGGBB`."""

    name: str
    light: str
    dark: str


class SampleForm(forms.Form):
    """One field of each kind, some with faults in what was sent."""

    name = forms.CharField(help_text="Letters and digits.")
    rows = forms.IntegerField(label="Rows at most", required=False, min_value=1)
    mail = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"placeholder": "ada@example.org"}))
    metric = forms.ChoiceField(choices=[("auc", "AUC"), ("log_loss", "Log loss")])
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    closed = forms.CharField(label="Decided elsewhere", disabled=True, initial="Stratified", required=False)
    sure = forms.BooleanField(label="I have read the checks", required=False)


class ShortForm(forms.Form):
    """A form of one field."""

    q = forms.CharField(label="Find", required=False)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every component in all its states. For staff; for others it is not there."""
    if not (request.user.is_active and request.user.is_staff):
        raise Http404
    facts = {
        "groups": {title: [_specimen(name, request) for name in names] for title, names in SPECIMENS.items()},
        "colours": [Colour(*found) for found in COLOUR.findall(_text("css/tokens.css"))],
        "right_to_left": request.GET.get("dir") == "rtl",
    }
    return render(request, "styleguide/page.html", facts)


def _text(path: str) -> str:
    return Path(str(finders.find(path))).read_text()


def _specimen(name: str, request: HttpRequest) -> Specimen:
    template: Template = get_template(f"{FOLDER}/{name}.html").template  # type: ignore[attr-defined]
    note, _, markup = template.source.partition("\n")
    drawn = template.render(Context({"request": request, **_samples()}))
    return Specimen(name, note.removeprefix("{# ").removesuffix(" #}"), markup.strip(), mark_safe(drawn))  # noqa: S308


def _samples() -> dict[str, object]:
    """What the specimens speak of."""
    return {
        "form": SampleForm({"rows": "0", "mail": "ada", "metric": "auc"}, auto_id="sample_%s"),
        "blank": SampleForm(auto_id="blank_%s"),
        "faulty": SampleForm({"mail": "ada"}, auto_id="faulty_%s"),
        "short": ShortForm(auto_id="short_%s"),
        "page": Paginator(range(120), 25).page(2),
        "moment": now(),
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "columns": ("Round", "Validation AUC"),
        "rows": ((100, 0.8214), (200, 0.8391), (300, 0.8460)),
        "icons": SYMBOL.findall(_text("icons/sprite.svg")),
        "request_id": "4f1c0a52b7d8",
    }

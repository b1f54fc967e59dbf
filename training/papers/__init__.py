"""A finished run's report as a file of its own: one content, several ways of writing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from training.models import Run
from training.papers.content import compose


@dataclass(frozen=True)
class Writer:
    """What the button to a form of the report says, and who makes it: `path` is module:function, loaded when asked."""

    label: StrPromise
    content_type: str
    path: str

    def write(self, run: Run) -> bytes:
        """The whole file. Raises ReportNotReady."""
        module, function = self.path.split(":")
        make: Callable[..., bytes] = getattr(import_module(module), function)
        return make(compose(run))


def download(run: Run, form: str) -> HttpResponse:
    """The report in that form, to be saved. Raises ReportNotReady."""
    writer = WRITERS[form]
    name = f"{run.project.slug}-run-{run.number}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(writer.write(run), content_type=writer.content_type, headers=headers)


WRITERS: dict[str, Writer] = {
    "html": Writer(_("Report as HTML"), "text/html; charset=utf-8", "training.papers.as_html:write"),
    "pdf": Writer(_("Report as PDF"), "application/pdf", "training.papers.as_pdf:write"),
    "md": Writer(_("Report as Markdown"), "text/markdown; charset=utf-8", "training.papers.as_markdown:write"),
}

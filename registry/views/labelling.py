"""Labels on a version: tags, pin, notes, free names, and putting it away."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.access import Action
from accounts.models import User
from accounts.requests import AuthedRequest, signed_in
from fynix.errors import Invalid
from registry import labels, versions
from registry.models import ModelVersion
from registry.views import found

Verb = Callable[[ModelVersion, str, User], object]

VERBS: dict[str, Verb] = {
    "tag": lambda version, text, by: labels.tag(version=version, text=text, by=by, at=now()),
    "untag": lambda version, text, by: labels.untag(version=version, text=text),
    "pin": lambda version, text, by: labels.pin(version=version, by=by, at=now()),
    "unpin": lambda version, text, by: labels.unpin(version=version, by=by, at=now()),
    "name": lambda version, text, by: labels.name(version=version, alias=text, by=by, at=now()),
    "unname": lambda version, text, by: labels.unname(version=version, alias=text, by=by, at=now()),
    "archive": lambda version, text, by: versions.archive(version=version, by=by, at=now()),
    "restore": lambda version, text, by: versions.restore(version=version, by=by, at=now()),
}


@signed_in
@require_POST
def label(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """`do` is one of VERBS, `text` the tag or name that it is about."""
    version = found.version(request, slug, name, number, Action.LABEL)
    verb = VERBS.get(request.POST.get("do", ""))
    if verb is None:
        raise Invalid(
            gettext("A version can be given these labels: {names}.").format(names=", ".join(VERBS)), field="do"
        )
    verb(version, request.POST.get("text", ""), request.user)
    return redirect("model-version", slug, name, number)


@signed_in
@require_POST
def note(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Leave a word about the version for others."""
    version = found.version(request, slug, name, number, Action.PROPOSE)
    labels.note(version=version, text=request.POST.get("note", ""), by=request.user, at=now())
    return redirect("model-version", slug, name, number)

"""Which formats a project makes, and who may have them: a file that runs code when opened needs the owner's word."""

from datetime import datetime

from django.db import transaction
from django.http import Http404

from accounts import audit
from accounts.access import Action
from accounts.models import Project, User
from registry.exporters import EXPORTERS, FORMATS, Exporter
from registry.models import DownloadGrant, FormatConsent


def offered(project: Project) -> dict[str, Exporter]:
    """The formats that new versions of this project are made in."""
    allowed = set(_standing(project))
    return {key: exporter for key, exporter in EXPORTERS.items() if not exporter.runs_code or key in allowed}


def is_offered(project: Project, key: str) -> bool:
    return not FORMATS[key].runs_code or key in _standing(project)


def needs(key: str) -> Action:
    """The right that a download of this format takes."""
    return Action.DOWNLOAD_CODE if FORMATS[key].runs_code else Action.DOWNLOAD


def switchable(key: str) -> Exporter:
    """The format that an owner may switch on and off. Raises Http404 for every other."""
    if key not in EXPORTERS or not EXPORTERS[key].runs_code:
        raise Http404
    return EXPORTERS[key]


def allow(*, project: Project, key: str, by: User, at: datetime) -> None:
    """New versions get this format from now on. Twice is once."""
    switchable(key)
    with transaction.atomic():
        _, is_new = FormatConsent.objects.get_or_create(
            project=project, format=key, withdrawn_at=None, defaults={"given_by": by, "given_at": at}
        )
        if is_new:
            audit.record(
                audit.Act.FORMAT_ALLOW, actor=by, project=project, subject=project.pk, detail={"format": key}, at=at
            )


def withdraw(*, project: Project, key: str, by: User, at: datetime) -> None:
    """No new files of this format, no downloads of those there are, and every open link to one ends."""
    switchable(key)
    with transaction.atomic():
        standing = FormatConsent.objects.filter(project=project, format=key, withdrawn_at=None)
        if not standing.update(withdrawn_at=at, withdrawn_by=by):
            return
        links = DownloadGrant.objects.filter(
            artifact__format=key, artifact__version__model__project=project, revoked_at=None, expires_at__gt=at
        ).update(revoked_at=at, revoked_by=by)
        facts: dict[str, str | int] = {"format": key, "links": links}
        audit.record(audit.Act.FORMAT_WITHDRAW, actor=by, project=project, subject=project.pk, detail=facts, at=at)


def consents(project: Project) -> dict[str, FormatConsent]:
    """The owner's word on each format that has it now."""
    rows = FormatConsent.objects.filter(project=project, withdrawn_at=None).select_related("given_by")
    return {row.format: row for row in rows}


def _standing(project: Project) -> list[str]:
    return list(FormatConsent.objects.filter(project=project, withdrawn_at=None).values_list("format", flat=True))

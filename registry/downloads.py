"""Signed links to artifacts: for one person, for a short time, revocable, noted in the audit.

The link carries a grant's id and a signature; the row decides. Membership is asked again when it is used.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from accounts import access, audit
from accounts.models import Project, User
from fynix import blobs
from fynix.errors import DomainError
from registry import formats
from registry.models import Artifact, DownloadGrant, ModelVersion

SIGNER_SALT = "registry.downloads"


class InvalidLink(DomainError):
    code = "signature_invalid"
    status = 403


class ExpiredLink(DomainError):
    code = "url_expired"
    status = 410


class NotOffered(DomainError):
    code = "format_not_offered"
    status = 409


def grant(*, artifact: Artifact, user: User, at: datetime, seconds: int | None = None) -> DownloadGrant:
    """A new link for this person; the longest life is the server's setting.

    Raises Http404 or PermissionDenied where the person's role does not reach, NotOffered.
    """
    project = artifact.version.model.project
    access.require(user, project, formats.needs(artifact.format))
    if not formats.is_offered(project, artifact.format):
        raise NotOffered(_("The project's owner has switched this format off."), field="format")
    life = min(seconds or settings.DOWNLOAD_SECONDS, settings.DOWNLOAD_SECONDS)
    return DownloadGrant.objects.create(
        artifact=artifact, user=user, created_at=at, expires_at=at + timedelta(seconds=life)
    )


def token(link: DownloadGrant) -> str:
    """The text that stands in the address."""
    return Signer(salt=SIGNER_SALT).sign(link.pk)


def redeem(*, text: str, at: datetime) -> Artifact:
    """The artifact behind a link. Every use is counted, the first is audited: a download manager comes in parts.

    Raises InvalidLink, ExpiredLink, blobs.Corrupt.
    """
    link = _link(text)
    if link is None or not access.may(link.user, _project(link), formats.needs(link.artifact.format)):
        raise InvalidLink(_("This download link is not valid. Ask for a new one on the version's page."))
    if link.revoked_at:
        raise ExpiredLink(_("This download link was taken back. Ask for a new one on the version's page."))
    if at >= link.expires_at or not formats.is_offered(_project(link), link.artifact.format):
        raise ExpiredLink(_("This download link has expired. Ask for a new one on the version's page."))
    if not blobs.exists(link.artifact.sha256):
        raise blobs.Corrupt(_("The stored file is missing. Tell the people who run this server."))
    _note(link, at=at)
    return link.artifact


def outstanding(version: ModelVersion, *, at: datetime) -> int:
    """How many links to files of this version would work now."""
    return _open(DownloadGrant.objects.filter(artifact__version=version), at=at).count()


def revoke(*, artifacts: QuerySet[Artifact], subject: str, project: Project, by: User, at: datetime) -> int:
    """End every open link to these files, whoever holds it; how many there were.

    `subject` is what the record names: one file or a version. A download that has begun is not cut off; its next
    part is refused.
    """
    with transaction.atomic():
        links = DownloadGrant.objects.filter(artifact__in=artifacts)
        count = _open(links, at=at).update(revoked_at=at, revoked_by=by)
        audit.record(audit.Act.LINKS_REVOKE, actor=by, project=project, subject=subject, detail={"links": count}, at=at)
    return count


def _open(links: QuerySet[DownloadGrant], *, at: datetime) -> QuerySet[DownloadGrant]:
    return links.filter(revoked_at=None, expires_at__gt=at)


def _project(link: DownloadGrant) -> Project:
    return link.artifact.version.model.project


def _link(text: str) -> DownloadGrant | None:
    try:
        pk = Signer(salt=SIGNER_SALT).unsign(text)
    except BadSignature:
        return None
    related = "artifact__version__model__project", "user"
    return DownloadGrant.objects.select_related(*related).filter(pk=pk).first()


def _note(link: DownloadGrant, *, at: datetime) -> None:
    used = DownloadGrant.objects.filter(pk=link.pk)
    with transaction.atomic():
        is_first = used.filter(uses=0).update(uses=1)
        if not is_first:
            used.update(uses=F("uses") + 1)
            return
        audit.record(
            audit.Act.ARTIFACT_DOWNLOAD,
            actor=link.user,
            project=_project(link),
            subject=link.artifact.pk,
            detail={"format": link.artifact.format, "sha256": link.artifact.sha256},
            at=at,
        )

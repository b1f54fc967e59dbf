"""Files that were made from a version for taking away.

The model itself stays, with its metrics, card, history and the file that is its own bytes; what goes was made from it.
The row of the version and the record of key actions keep the name and hash of each file that went.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import F, QuerySet
from django.urls import reverse

from accounts import audit, quotas, retention
from accounts.models import Keepsake, Project
from fynix import blobs
from fynix.retention.stored import Stored
from registry.models import Artifact, Build, ModelVersion, RegisteredModel


def stored(project: Project) -> Iterator[Stored]:
    """Every version with files that were made from it."""
    files: dict[str, list[Artifact]] = {}
    for file in _made(Artifact.objects.filter(version__model__project=project)):
        files.setdefault(file.version_id, []).append(file)
    for version in ModelVersion.objects.filter(pk__in=files).select_related("model"):
        own = files[version.pk]
        yield Stored(
            Keepsake.FILES, version.pk, f"{version.model.name} v{version.number}",
            reverse("model-version", args=[project.slug, version.model.name, version.number]),
            len(own), sum(file.size_bytes for file in own), version.created_at, (version.pk,),
        )  # fmt: skip


def let_go(project: Project, subject: str, *, at: datetime) -> None:
    """Remove the rows and give the room back, unless it must stay. Call in a transaction."""
    version = ModelVersion.objects.select_related("created_by").get(pk=subject)
    # Whoever promotes it now comes first or last.
    RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    files = list(_made(version.artifacts.all()))
    if not files or version.pk in retention.kept(project):
        return
    for file in files:
        blobs.touch(file.sha256)  # a backup under way that still names it will find it
        quotas.give_back(
            project=project, user=version.created_by, kind="artifact", subject=file.pk, size_bytes=file.size_bytes,
            at=at,
        )  # fmt: skip
    Artifact.objects.filter(pk__in=[file.pk for file in files]).delete()
    gone = [f"{file.filename} {file.sha256}" for file in files]
    audit.record(
        audit.Act.FILES_EXPIRE, actor=None, project=project, subject=version.pk, at=at,
        detail={"number": version.number, "files": gone, "bytes": sum(file.size_bytes for file in files)},
    )  # fmt: skip


def _made(files: QuerySet[Artifact]) -> QuerySet[Artifact]:
    """Those of finished versions that are not the model's own bytes."""
    return files.filter(version__state=Build.READY).exclude(sha256=F("version__sha256"))

"""Everything that would be missed, copied into one folder while the product runs.

The database is copied first, as it was at one moment; then every file that its rows name. A stored file never changes,
so what is written meanwhile does no harm.
"""

import shutil
from datetime import datetime
from pathlib import Path

import structlog
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from datasets import multipart, storage
from datasets.models import DatasetVersion
from fynix import blobs, env
from fynix.queue.models import OPEN
from fynix.safekeeping import databases, manifest, references
from fynix.safekeeping.manifest import Manifest
from training.checkpoints import Kept
from training.models import Run

log = structlog.get_logger(__name__)

BLOBS, SPOOL, CHECKPOINTS, KEY = "blobs", "spool", "checkpoints", "secret_key"


def make(folder: Path, *, at: datetime) -> Manifest:
    """Back up into an empty or new folder. Raises Unusable, ToolFailed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise manifest.Unusable(f"{folder} is not empty. Give every backup a folder of its own.")
    with databases.dumped(folder) as (database, alias):
        files = [database, *_unread(folder, alias), *_checkpoints(folder, alias), *_key(folder)]
        copied, damaged = _blobs(folder, alias)
        made = Manifest(
            made_at=at.isoformat(),
            product=manifest.product(),
            engine=connections[alias].vendor,
            files={str(file.relative_to(folder)): manifest.digest(file) for file in files},
            blobs=copied,
            rows=databases.counts(alias),
            migrations=sorted(".".join(key) for key in MigrationRecorder(connections[alias]).applied_migrations()),
            damaged=damaged,
        )
    manifest.write(made, folder)
    return made


def _blobs(folder: Path, alias: str) -> tuple[dict[str, int], list[str]]:
    """Copy what rows name: size by hash, and the hashes that rows need but that could not be had."""
    needed = {sha256 for _, sha256 in references.promised(alias)}
    copied, damaged = {}, []
    for sha256 in sorted(references.named(alias)):
        target = folder / BLOBS / sha256[:2] / sha256
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with blobs.local(sha256) as path:
                shutil.copyfile(path, target)
        except blobs.Corrupt:
            if sha256 in needed:
                log.error("blob_not_backed_up", sha256=sha256)
                damaged.append(sha256)
        else:
            copied[sha256] = target.stat().st_size
    return copied, damaged


def _unread(folder: Path, alias: str) -> list[Path]:
    """Copy uploads that are complete and not read yet: from the spool, else from where they wait or moved meanwhile."""
    found = []
    waiting = DatasetVersion.objects.using(alias).filter(job__state__in=OPEN, upload__isnull=False)
    for version in waiting:
        target = folder / SPOOL / f"{version.upload_id}.part"
        target.parent.mkdir(exist_ok=True)
        try:
            shutil.copyfile(storage.path(str(version.upload_id)), target)
        except FileNotFoundError:
            now = DatasetVersion.objects.filter(pk=version.pk).exclude(sha256="").first()
            if now is None or not blobs.exists(now.sha256):
                if multipart.enabled() and multipart.fetch(str(version.upload_id), target):
                    found.append(target)
                continue  # reading it failed meanwhile; restoring says so
            with blobs.local(now.sha256) as path:
                shutil.copyfile(path, target)
        found.append(target)
    return found


def _checkpoints(folder: Path, alias: str) -> list[Path]:
    """Copy the newest checkpoint of every run that has not ended."""
    found = []
    for identity in Run.objects.using(alias).filter(job__state__in=OPEN).values_list("pk", flat=True):
        if data := Kept(run=identity, attempt=0).load():
            target = folder / CHECKPOINTS / identity
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
            found.append(target)
    return found


def _key(folder: Path) -> list[Path]:
    """Copy the key that was made at the first start; one that the environment gives is kept elsewhere."""
    kept = env.data_dir() / KEY
    if env.secret("FYNIX_SECRET_KEY", "") or not kept.exists():
        return []
    target = folder / KEY
    shutil.copyfile(kept, target)
    target.chmod(0o600)
    return [target]

"""A backup put back into an empty database and an empty store, and what was under way begun again."""

import os
import shutil
from datetime import datetime
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts import audit
from datasets import storage, uploads
from datasets.models import DatasetVersion
from fynix import blobs, env
from fynix.queue import jobs
from fynix.queue.models import OPEN
from fynix.safekeeping import databases, manifest
from fynix.safekeeping.backup import BLOBS, CHECKPOINTS, KEY, SPOOL
from fynix.safekeeping.manifest import Manifest, Unusable
from training.checkpoints import Kept


def put_back(folder: Path, *, at: datetime) -> Manifest:
    """Restore the backup in `folder`. Raises Unusable and changes nothing when this is no place for it."""
    made = manifest.read(folder)
    _check_fit(made)
    _check_empty()
    _check_blobs(folder, made)
    databases.load(folder / databases.FILES[made.engine])
    if (counted := databases.counts("default")) != made.rows:
        wrong = sorted(name for name in made.rows if counted.get(name) != made.rows[name])
        raise Unusable(f"The database did not come back whole: {', '.join(wrong)}.")
    _put_files(folder, made)
    call_command("migrate", verbosity=0, interactive=False)
    _settle(at=at)
    audit.record(audit.Act.SERVER_RESTORE, actor=None, subject=made.made_at, at=at, detail={"files": len(made.blobs)})
    return made


def _check_fit(made: Manifest) -> None:
    if made.engine != connection.vendor:
        raise Unusable(f"This backup is of {made.engine}, and DATABASE_URL names {connection.vendor}.")
    known = {".".join(key) for key in MigrationExecutor(connection).loader.disk_migrations or {}}
    if unknown := sorted(set(made.migrations) - known):
        raise Unusable(f"This backup is of a newer version: it knows {unknown[0]}. Install that version first.")


def _check_empty() -> None:
    if databases.tables():
        raise Unusable("This database has tables already. Restore into an empty one.")
    if next(blobs.everything(), None) is not None:
        raise Unusable("This file store holds files already. Restore into an empty folder or bucket.")


def _check_blobs(folder: Path, made: Manifest) -> None:
    for sha256 in made.blobs:
        file = folder / BLOBS / sha256[:2] / sha256
        if not file.exists() or blobs.digest(file) != sha256:
            raise Unusable(f"The file {sha256} of this backup is not what was written. Use another backup.")


def _put_files(folder: Path, made: Manifest) -> None:
    for sha256 in made.blobs:
        blobs.put(folder / BLOBS / sha256[:2] / sha256)
    for name in made.files:
        kind, _, rest = name.partition("/")
        if kind == SPOOL:
            shutil.copyfile(folder / name, storage.path(rest.removesuffix(".part")))
        elif kind == CHECKPOINTS:
            Kept(run=rest, attempt=0).save((folder / name).read_bytes())
        elif name == KEY and not env.secret("FYNIX_SECRET_KEY", ""):
            _put_key(folder / name)


def _put_key(file: Path) -> None:
    target = env.data_dir() / KEY
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as kept:
        kept.write(file.read_bytes())


def _settle(*, at: datetime) -> None:
    """Nobody holds the work of the old server any more: queue it again, and close what cannot go on."""
    uploads.close_open(at=at)
    for version in DatasetVersion.objects.select_related("job").filter(job__state__in=OPEN, upload__isnull=False):
        if not (storage.path(str(version.upload_id)).exists() or (version.sha256 and blobs.exists(version.sha256))):
            jobs.abandon(
                version.job, code="upload_lost", at=at,
                detail="The server was restored from a backup that lacks this file. Upload it again.",
            )  # fmt: skip
    jobs.requeue(at=at)

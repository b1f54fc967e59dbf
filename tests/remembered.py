"""What takes long to make is made once a session by the product's own verbs, and afterwards put back as it was left.

A row that is put back is the row that the verbs wrote, under the same key; sequences of PostgreSQL never go back, so
nothing else takes that key. Things are put back only where the record of key actions stands as it stood before they
were made; anywhere else they are made anew.
"""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from accounts.models import AuditHead
from fynix import blobs

SETTLED = (ContentType, Permission, Group, Group.permissions.through)
"""What stays in the database between tests that empty it: made by migrating, changed by no test."""
Rows = dict[type[models.Model], dict[Any, dict[str, Any]]]


@dataclass(frozen=True)
class Left:
    """What making something left: new rows, rows that changed, and copies of the stored files that they name."""

    new: Rows
    changed: Rows
    files: tuple[Path, ...]
    key: Any


class Memory:
    """Of one session; `folder` keeps the files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left: dict[tuple[object, ...], Left] = {}

    def have(self, name: object, make: Callable[[], Any]) -> Any:
        """The key of what `make` makes (any plain value that finds it again), with all its rows in the database."""
        place = (name, AuditHead.objects.values_list("hash", flat=True).first())
        if place not in self.left:
            before = _rows()
            key = make()
            self.left[place] = self._difference(before, _rows(), key)
        else:
            self._put_back(self.left[place])
        return self.left[place].key

    def _difference(self, before: Rows, after: Rows, key: Any) -> Left:
        new, changed = {}, {}
        for table, rows in after.items():
            old = before[table]
            new[table] = {each: row for each, row in rows.items() if each not in old}
            changed[table] = {each: row for each, row in rows.items() if each in old and row != old[each]}
        written = [value for rows in new.values() for row in rows.values() for value in row.values()]
        return Left(new, changed, tuple(self._kept(set(_hashes(written)))), key)

    def _kept(self, hashes: set[str]) -> Iterator[Path]:
        for sha256 in hashes:
            if blobs.exists(sha256):
                with blobs.local(sha256) as path:
                    (self.folder / sha256).write_bytes(path.read_bytes())
                yield self.folder / sha256

    def _put_back(self, left: Left) -> None:
        for file in left.files:
            blobs.put(file)
        with transaction.atomic():
            for table, rows in left.new.items():
                table._base_manager.bulk_create([table(**copy.deepcopy(row)) for row in rows.values()])
            for table, rows in left.changed.items():
                for key, row in rows.items():
                    table._base_manager.filter(pk=key).update(**copy.deepcopy(row))


def _hashes(values: list[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value))


def _rows() -> Rows:
    """Every row of every table, by key."""
    return {
        table: {row.pop("pk"): row for row in table._base_manager.values("pk", *_columns(table))}
        for table in apps.get_models(include_auto_created=True)
        if table not in SETTLED and table._meta.managed
    }


def _columns(table: type[models.Model]) -> list[str]:
    return [field.attname for field in table._meta.concrete_fields if not field.generated]

"""What a training keeps in case its worker dies: one blob per run, in the file store, checked when read."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


class Kept:
    """The checkpoints of one run, as the engine's `Checkpoints`.

    A file's name sorts by attempt and order and carries its hash, so that a half-written file or one of a
    worker that was thought dead is never taken for the newest.
    """

    def __init__(self, *, run: str, attempt: int) -> None:
        self._folder = f"checkpoints/{run}"
        self._attempt = attempt
        self._count = 0

    def save(self, data: bytes) -> None:
        self._count += 1
        name = f"{self._attempt:04}-{self._count:06}-{hashlib.sha256(data).hexdigest()}"
        default_storage.save(f"{self._folder}/{name}", ContentFile(data))
        self._remove(older for older in self._names() if older < name)

    def load(self) -> bytes | None:
        for name in reversed(self._names()):
            with default_storage.open(f"{self._folder}/{name}") as file:
                data: bytes = file.read()
            if hashlib.sha256(data).hexdigest() == name.rpartition("-")[2]:
                return data
        return None

    def clear(self) -> None:
        """Remove all of them: the run has ended."""
        self._remove(self._names())

    def _names(self) -> list[str]:
        with suppress(FileNotFoundError):
            return sorted(default_storage.listdir(self._folder)[1])
        return []

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            default_storage.delete(f"{self._folder}/{name}")

"""What a backup says of itself; it is written last, so a backup without one was never finished."""

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

NAME = "manifest.json"
SCHEMA_VERSION = 1


class Unusable(Exception):
    """A backup cannot be made or put back there; the text says why."""


@dataclass(frozen=True)
class Manifest:
    """One backup: its database and other files by relative path and hash, its blobs by their own hash.

    `rows` counts the rows of every table, `migrations` are those the database has seen, `damaged` names blobs that
    rows need and that were not there or not whole when the backup was made.
    """

    made_at: str
    product: str
    engine: str
    files: dict[str, str]
    blobs: dict[str, int]
    rows: dict[str, int]
    migrations: list[str]
    damaged: list[str]
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Manifest":
        return cls(**data)

    @property
    def size_bytes(self) -> int:
        return sum(self.blobs.values())


def write(manifest: Manifest, folder: Path) -> None:
    (folder / NAME).write_text(json.dumps(manifest.to_json(), indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> Manifest:
    """The manifest of a finished backup whose files are what it says. Raises Unusable."""
    try:
        data = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unusable(f"{folder} holds no {NAME}: it is no backup, or one that was not finished.") from None
    if data.get("schema_version") != SCHEMA_VERSION:
        raise Unusable(f"This backup was written by another version ({data.get('product')}). Restore it with that one.")
    manifest = Manifest.from_json(data)
    for name, sha256 in manifest.files.items():
        if not (folder / name).exists() or digest(folder / name) != sha256:
            raise Unusable(f"{name} of this backup is not what was written. Use another backup.")
    return manifest


def digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def product() -> str:
    """The version of the product, or `source` where it runs from its source tree."""
    try:
        return metadata.version("fynix-flux-pilot")
    except metadata.PackageNotFoundError:
        return "source"

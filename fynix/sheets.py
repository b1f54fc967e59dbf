"""The style sheets that pages of a kind share travel as one file: each more is a round trip before the first paint.

They are written one by one, a sheet for each layer; `collectstatic` joins them.
"""

from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

SHARED = ("css/tokens.css", "css/base.css", "css/components/controls.css")
JOINED: dict[str, tuple[str, ...]] = {
    "css/app.css": (
        *SHARED,
        "css/components/surfaces.css",
        "css/components/data.css",
        "css/components/shell.css",
    ),
    "css/landing.css": (*SHARED, "css/pages/landing.css", "css/pages/landing-drawings.css"),
}
"""Each joined sheet and its parts, in the order in which they hold."""


class JoiningStorage(CompressedManifestStaticFilesStorage):
    """Static files by the hash of what is in them, compressed, and the joined sheets among them."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        if not dry_run:
            for name, parts in JOINED.items():
                self.delete(name)
                self.save(name, ContentFile(b"\n".join(_read(*paths[part]) for part in parts)))
                paths[name] = (self, name)
        yield from super().post_process(paths, dry_run, **options)


def _read(storage: Any, path: str) -> bytes:
    with storage.open(path) as sheet:
        return bytes(sheet.read())

"""A zip writer whose bytes depend on nothing but the content and a date."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import date


def write(files: Mapping[str, bytes], created: date) -> bytes:
    """A zip of `files` in the order given, every entry dated `created` at midnight, mode 0644."""
    return append(b"", files, created)


def append(head: bytes, files: Mapping[str, bytes], created: date) -> bytes:
    """`head` with a zip of `files` behind it, which zip readers find from the end."""
    out = io.BytesIO(head)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(entry(name, created), content)
    return out.getvalue()


def entry(name: str, created: date) -> zipfile.ZipInfo:
    """The head of one entry, the same on every machine."""
    info = zipfile.ZipInfo(name, (created.year, created.month, created.day, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, whatever the machine, so that the mode below holds
    info.external_attr = 0o100644 << 16
    return info

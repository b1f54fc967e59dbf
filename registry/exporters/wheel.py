"""The wheel: a Python package with its own engine and no dependency, written without a build tool."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from registry.exporters import ExportContext, archive
from registry.exporters.pack import pack
from registry.exporters.usage import usage

SOURCE = Path(__file__).with_name("wheel_src")
WHEEL = b"Wheel-Version: 1.0\nGenerator: fynix-flux-pilot\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build(context: ExportContext) -> bytes:
    """Bytes of the .whl; the same context always gives the same bytes."""
    info = f"{context.module}-{context.version}.0.0.dist-info"
    files = {f"{context.module}/{name}": content for name, content in _package(context).items()}
    files[f"{info}/METADATA"] = _metadata(context)
    files[f"{info}/WHEEL"] = WHEEL
    files[f"{info}/entry_points.txt"] = (
        f"[console_scripts]\n{context.distribution} = {context.module}.__main__:main\n".encode()
    )
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    return archive.write(files, context.created)


def _package(context: ExportContext) -> dict[str, bytes]:
    header, block = pack(context)
    code = {path.name: path.read_bytes() for path in sorted(SOURCE.glob("*.py"))}
    return {
        **code,
        "model.json": json.dumps(header, sort_keys=True, separators=(",", ":")).encode(),
        "model.bin": block,
        "MODEL_CARD.md": context.card.encode(),
        "USAGE.txt": usage("wheel", context).encode(),
    }


def _metadata(context: ExportContext) -> bytes:
    """Core metadata 2.1 (PEP 566), the card as its description. Headers hold slugs and numbers only."""
    headers = {
        "Metadata-Version": "2.1",
        "Name": context.distribution,
        "Version": f"{context.version}.0.0",
        "Summary": f"Scores rows with version {context.version} of the model {context.slug}.",
        "Requires-Python": ">=3.9",
        "Provides-Extra": "fast",
        "Requires-Dist": 'numpy>=1.24; extra == "fast"',
        "Description-Content-Type": "text/markdown",
    }
    return "".join(f"{name}: {value}\n" for name, value in headers.items()).encode() + b"\n" + context.card.encode()


def _record(files: dict[str, bytes], own: str) -> bytes:
    """RECORD of the wheel (PEP 376): every file with its sha256 and size, itself without."""
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    return "\n".join([*lines, f"{own},,", ""]).encode()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()

"""One zip with every format of a version, its card, signature, usage texts, proofs and hashes."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from registry.exporters import BUNDLE, FORMATS, ExportContext, archive
from registry.exporters.environment import environment
from registry.exporters.parity import Parity

CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One finished artifact: where its bytes lie, what proves it, and how to use it."""

    format: str
    filename: str
    path: Path
    parity: Parity
    usage: str


def filename(context: ExportContext) -> str:
    return FORMATS[BUNDLE].filename.format(slug=context.slug, version=context.version)


def write(target: Path, context: ExportContext, members: Iterable[Member]) -> Parity:
    """Writes the zip, a piece at a time, and gives the proofs of its members as one.

    The same members and context give the same bytes.
    """
    inside = list(members)
    sums: dict[str, str] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for member in inside:
            sums[member.filename] = _copy(out, member.path, member.filename, context)
        for name, text in _texts(context, inside).items():
            out.writestr(archive.entry(name, context.created), text.encode())
            sums[name] = hashlib.sha256(text.encode()).hexdigest()
        listing = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
        out.writestr(archive.entry("SHA256SUMS", context.created), listing.encode())
    with target.open("rb") as file:
        return _joint([member.parity for member in inside], hashlib.file_digest(file, "sha256").hexdigest())


def _copy(out: zipfile.ZipFile, path: Path, name: str, context: ExportContext) -> str:
    """Stores a file without holding it; its hash."""
    digest = hashlib.sha256()
    entry = archive.entry(name, context.created)
    entry.file_size = path.stat().st_size  # tells zipfile whether the entry needs 64-bit sizes
    with path.open("rb") as source, out.open(entry, "w") as sink:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            sink.write(chunk)
    return digest.hexdigest()


def _texts(context: ExportContext, members: list[Member]) -> Mapping[str, str]:
    proofs = {member.format: member.parity.to_json() for member in members}
    return {
        "MODEL_CARD.md": context.card,
        "schema.json": _json(context.model.schema.to_json()),
        "parity.json": _json(proofs),
        "environment.json": _json(environment()),
        "facts.json": _json(dict(context.facts)),
        **{f"usage/{member.format}.txt": member.usage for member in members},
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _joint(proofs: list[Parity], sha256: str) -> Parity:
    """What holds for all: the fewest rows, the largest differences, every runtime once."""
    labels = [proof.label_agreement for proof in proofs if proof.label_agreement is not None]
    return replace(
        proofs[0],
        format=BUNDLE,
        sha256=sha256,
        rows=min(proof.rows for proof in proofs),
        adversarial_rows=min(proof.adversarial_rows for proof in proofs),
        runtimes=tuple(dict.fromkeys(runtime for proof in proofs for runtime in proof.runtimes)),
        max_abs=max(proof.max_abs or 0.0 for proof in proofs),
        max_rel=max(proof.max_rel or 0.0 for proof in proofs),
        label_agreement=min(labels, default=None),
        margins_bit_equal=all(proof.margins_bit_equal for proof in proofs),
        verified=all(proof.verified for proof in proofs),
        second_opinion=next((proof.second_opinion for proof in proofs if proof.second_opinion), None),
        not_run=tuple(dict.fromkeys(name for proof in proofs for name in proof.not_run)),
    )

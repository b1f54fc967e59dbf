"""Which rows name which bytes of the file store."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Model, Q

from datasets.models import DatasetVersion
from fynix.queue.models import State
from registry.models import Artifact, ModelVersion
from sandbox.models import Batch
from training.models import Outcome

DEFAULT = "default"


@dataclass(frozen=True)
class Reference:
    """A column that holds the sha256 of a stored file, the rows for which the file must be there, and which hold it.

    A row that holds it no more let the file go by a rule and remembers its hash.
    """

    model: type[Model]
    column: str
    promised: Q = field(default_factory=Q)
    held: Q = field(default_factory=Q)


# The hash of an uploaded file is noted before its bytes move from the spool to the store.
REFERENCES = (
    Reference(DatasetVersion, "sha256", promised=Q(job__state=State.SUCCEEDED), held=Q(file_gone_at__isnull=True)),
    Reference(DatasetVersion, "table_sha256"),
    Reference(DatasetVersion, "leftover_sha256"),
    Reference(Outcome, "model_sha256"),
    Reference(Outcome, "holdout_sha256"),
    Reference(ModelVersion, "sha256"),
    Reference(Artifact, "sha256"),
    Reference(Batch, "input_sha256", held=Q(rows_gone_at__isnull=True)),
    Reference(Batch, "results_sha256", held=Q(results_gone_at__isnull=True)),
)
# What else is called so: hashes of secrets, of parts and of documents, which no file is stored under.
OTHER_HASHES = {
    "accounts.Invitation.token_sha256",
    "accounts.PersonalToken.secret_sha256",
    "datasets.Upload.sha256",
    "datasets.UploadPart.sha256",
    "sandbox.TestRun.sha256",
}


def named(using: str = DEFAULT) -> set[str]:
    """Every hash that any row names."""
    return {sha256 for reference in REFERENCES for _, sha256 in _rows(reference, Q(), using)}


def is_named(sha256: str) -> bool:
    """Whether any row names this hash now."""
    return any(
        reference.model._default_manager.filter(reference.held, **{reference.column: sha256}).exists()  # noqa: SLF001
        for reference in REFERENCES
    )


def promised(using: str = DEFAULT) -> Iterator[tuple[str, str]]:
    """Which row needs which hash to be in the store; a hash comes once for each such row."""
    for reference in REFERENCES:
        for identity, sha256 in _rows(reference, reference.promised, using):
            yield f"{reference.model._meta.label} {identity}", sha256  # noqa: SLF001  Django's public name for it


def _rows(reference: Reference, which: Q, using: str) -> Iterator[tuple[str, str]]:
    rows = reference.model._default_manager.using(using).filter(which, reference.held)  # noqa: SLF001
    rows = rows.exclude(**{reference.column: ""})
    yield from rows.values_list("pk", reference.column).iterator()

"""What can go from a project: one thing, with what it takes and since when it is there."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Keepsake


@dataclass(frozen=True)
class Stored:
    """It stays where anything that is named in `relied_on` must stay."""

    kind: Keepsake
    subject: str
    name: str
    url: str
    files: int
    size_bytes: int
    since: datetime
    relied_on: tuple[str, ...]

"""What people decided about how a file is read: frozen, versioned, with a JSON form. An empty plan decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast, get_args

ENCODINGS = (
    "utf-8", "utf-16", "cp1252", "iso8859-15", "cp1250", "iso8859-2", "cp1251", "koi8-r", "cp1253", "cp1254", "cp1255",
    "cp1256", "cp437", "cp850", "mac-roman", "cp932", "euc-jp", "gb18030", "big5", "cp949",
)  # fmt: skip
QUOTES = ('"', "'", "")
Type = Literal["number", "boolean", "category", "datetime", "identifier", "text"]
TYPES: tuple[Type, ...] = get_args(Type)
ACTIONS = ("drop", "drop_repeated", "impute", "merge", "days_first", "months_first", "retype", "encode")
RESULTS: Mapping[str, tuple[str, ...]] = {"retype": TYPES, "encode": ("one_hot", "frequency", "rare", "log")}
"""What a column can become, for the actions that ask."""
ONE_HOT_COLUMNS = 20  # for the most frequent levels
TREATMENTS = ("show", "partial", "redact", "hash", "drop")


@dataclass(frozen=True)
class ReadingChoice:
    """How a text is to be read; None leaves it to us. `sheet` names one of a workbook.

    Raises ValueError for an encoding, a delimiter or a quotation mark that we do not read.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None and self.encoding not in ENCODINGS:
            raise ValueError(f"Encodings are {', '.join(ENCODINGS)}.")
        if self.delimiter is not None and not _parts_cells(self.delimiter):
            raise ValueError("Cells are parted by one sign that is no letter, digit, quotation mark or line end.")
        if self.quote is not None and self.quote not in QUOTES:
            raise ValueError("Cells are wrapped in quotation marks, in apostrophes or in nothing.")


@dataclass(frozen=True)
class Step:
    """One fix of a recipe: an action of ACTIONS on a column, or on the whole table (None).

    `to` is one of RESULTS for the actions that are named there.
    """

    action: str
    column: str | None = None
    to: str | None = None


def types(steps: Iterable[Step]) -> dict[str, Type]:
    """The type that people chose last for each column; what is encoded after that has none."""
    found: dict[str, Type] = {}
    for step in steps:
        if step.action == "retype" and step.column is not None:
            found[step.column] = cast(Type, step.to)
        elif step.action == "encode" and step.column is not None:
            found.pop(step.column, None)
    return found


@dataclass(frozen=True)
class Plan:
    """Everything that was decided about a version, version 1 of its JSON form.

    `privacy` maps columns to one of TREATMENTS; `steps` are fixes, in the order in which they are done.
    """

    reading: ReadingChoice = ReadingChoice()
    privacy: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    schema_version: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` wrote. Raises ValueError for a version this code does not know."""
        if data["schema_version"] != 1:
            raise ValueError(f"unknown plan version {data['schema_version']}")
        return cls(
            reading=ReadingChoice(**data["reading"]), privacy=data.get("privacy", {}),
            steps=tuple(Step(**step) for step in data.get("steps", ())),
        )  # fmt: skip


def _parts_cells(sign: str) -> bool:
    return (
        len(sign) == 1
        and sign.isascii()
        and (sign == "\t" or (sign.isprintable() and not sign.isalnum()))
        and (sign not in QUOTES)
    )

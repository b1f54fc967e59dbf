"""What a profile says about a table: frozen, versioned, free of raw personal data, with a JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from datasets.pii import PiiFinding, shown
from datasets.suggestions import Suggestion

Basis = Literal["exact", "sampled", "approx"]
Kind = Literal[
    "number",
    "currency",
    "percent",
    "boolean",
    "category",
    "identifier",
    "text",
    "datetime",
    "empty",
    "constant",
]
Storage = Literal["number", "text", "datetime"]
Scale = Literal["values", "linear", "log", "calendar", "length"]
Method = Literal["spearman", "cramers_v", "correlation_ratio"]
Cell = float | int | str
LONGEST_CELL = 200


@dataclass(frozen=True)
class Figure:
    """A number that says how it was come by; `sample` is the number of rows behind a sampled one."""

    value: float | int
    basis: Basis = "exact"
    sample: int | None = None


@dataclass(frozen=True)
class Reject:
    """A record that could not be kept; `line` is the line of the file where it starts, from 1."""

    line: int
    reason: str


@dataclass(frozen=True)
class Renamed:
    """A header name that was empty or taken; `position` counts columns from 0."""

    position: int
    was: str
    now: str


@dataclass(frozen=True)
class Reading:
    """How the file was read. `records` = `kept` + `rejected`; header, skipped, blank lines are no records.

    `format` is "csv", "jsonl", "parquet" or "xlsx", `packing` "gzip" or empty. `encoding`, `delimiter`, `quote` and
    `newline` are empty for formats that have none. `sheet` of the `sheets` of a workbook was read.

    `ragged` counts kept records with fewer (padded with missing) or more (blank, cut) cells than columns.
    `skipped` counts lines above the table; `repaired` says whether the tolerant reader was needed;
    `replaced` counts characters that no encoding could explain. `rejects` holds the first 100.
    """

    encoding: str
    delimiter: str
    newline: str
    has_header: bool
    records: int
    kept: int
    rejected: int = 0
    ragged: int = 0
    blank_rows: int = 0
    skipped: int = 0
    replaced: int = 0
    repaired: bool = False
    rejects: tuple[Reject, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    format: str = "csv"
    packing: str = ""
    quote: str = '"'
    sheet: str = ""
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Histogram:
    """Bars of a column; `below`, the counts and `above` sum to the non-missing rows behind them.

    `edges` has one more entry than `counts`, except on scale "values", where it holds the values themselves.
    Edges are ISO dates on scale "calendar" (with `unit` "year", "month", ...), characters on scale "length".
    """

    scale: Scale
    edges: tuple[Cell, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0
    unit: str | None = None
    basis: Basis = "exact"
    sample: int | None = None


@dataclass(frozen=True)
class Value:
    """A frequent value and its rows."""

    value: str
    count: int


@dataclass(frozen=True)
class ColumnProfile:
    """One column. Counts are in rows; shares and `missing_share` are between 0 and 1.

    `missing` counts empty cells and null words, `invalid` cells that do not fit the column's kind: both are
    null in the typed table. `minimum` and `maximum` are ISO texts for a datetime. `percentiles` maps "1",
    "5", ... "99" to values. `mean`, `std` and `percentiles` are None or empty unless the storage is "number".
    `skew` is taken between the 0.5th and 99.5th percentile; `outliers` counts values beyond three
    interquartile ranges. `top_share` is the share of the most frequent value among non-missing rows.
    `unit` is the currency sign or "%", `format` the date pattern. `notes` are codes that rules read,
    mapped to the number behind them. `treatment` is what was done to its personal data in this table; `is_hidden`
    says that people decided since to hide what is left. Where `pii` is direct, no value leaves unmasked and no bound
    is given. `chosen` is the type that people gave the column, where they did not leave it to us.
    """

    name: str
    position: int
    kind: Kind
    storage: Storage
    missing: int
    missing_share: float
    distinct: Figure
    invalid: int = 0
    examples: tuple[str, ...] = ()
    minimum: Cell | None = None
    maximum: Cell | None = None
    mean: float | None = None
    std: float | None = None
    percentiles: Mapping[str, float] = field(default_factory=dict)
    skew: float | None = None
    outliers: int = 0
    histogram: Histogram | None = None
    top: tuple[Value, ...] = ()
    other: int = 0
    top_share: float = 0.0
    basis: Basis = "exact"
    sample: int | None = None
    unit: str | None = None
    format: str | None = None
    pii: PiiFinding | None = None
    notes: Mapping[str, float] = field(default_factory=dict)
    duplicate_of: str | None = None
    error: str | None = None
    treatment: str | None = None
    chosen: str | None = None
    is_hidden: bool = False

    @property
    def hides_values(self) -> bool:
        """Whether no value may be shown unmasked, nor learned from."""
        return self.is_hidden or (self.pii is not None and self.pii.hides_values)


@dataclass(frozen=True)
class Association:
    """Two columns that go together, judged on `sample` rows in which both have values.

    `value` is Spearman's rank correlation between -1 and 1, or Cramér's V or the correlation ratio between 0 and 1.
    """

    first: str
    second: str
    method: Method
    value: float
    sample: int


@dataclass(frozen=True)
class ProfileDocument:
    """The report on a table, version 1 of its JSON form. `preview` holds the first 50 rows as shown."""

    rows: int
    reading: Reading
    columns: tuple[ColumnProfile, ...]
    duplicates: Figure
    preview: tuple[tuple[str | None, ...], ...]
    suggestions: tuple[Suggestion, ...]
    associations: tuple[Association, ...] = ()
    schema_version: int = 1

    def column(self, name: str) -> ColumnProfile:
        """The column of that name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ProfileDocument:
        """The document that `to_json` wrote. Raises ValueError for a version this code does not know."""
        if data["schema_version"] != 1:
            raise ValueError(f"unknown profile version {data['schema_version']}")
        return cls(
            rows=data["rows"],
            reading=_reading(data["reading"]),
            columns=tuple(_column(c) for c in data["columns"]),
            duplicates=Figure(**data["duplicates"]),
            preview=tuple(tuple(row) for row in data["preview"]),
            suggestions=tuple(Suggestion(**s) for s in data["suggestions"]),
            associations=tuple(Association(**a) for a in data.get("associations", ())),
        )


def _reading(data: Mapping[str, Any]) -> Reading:
    parts = {
        "rejects": tuple(Reject(**r) for r in data["rejects"]),
        "renamed": tuple(Renamed(**r) for r in data["renamed"]),
        "sheets": tuple(data.get("sheets", ())),
    }
    return Reading(**{**data, **parts})


def _column(data: Mapping[str, Any]) -> ColumnProfile:
    parts = {
        "distinct": Figure(**data["distinct"]),
        "examples": tuple(data["examples"]),
        "histogram": data["histogram"] and _histogram(data["histogram"]),
        "top": tuple(Value(**v) for v in data["top"]),
        "pii": data["pii"] and PiiFinding.from_json(data["pii"]),
    }
    return ColumnProfile(**{**data, **parts})


def _histogram(data: Mapping[str, Any]) -> Histogram:
    return Histogram(**{**data, "edges": tuple(data["edges"]), "counts": tuple(data["counts"])})


def cell(text: str, column: ColumnProfile) -> str:
    """A cell as the document may hold it: masked or redacted, and no longer than 200 characters."""
    safe = text if column.treatment == "show" else shown(text[:2000], column.pii)
    return safe if len(safe) <= LONGEST_CELL else f"{safe[:LONGEST_CELL]}…"

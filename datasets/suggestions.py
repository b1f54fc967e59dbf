"""Data-quality warnings and quick fixes: one table of rules over a profile's columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datasets.profiling.document import Association, ColumnProfile, Figure

Severity = Literal["high", "medium", "low"]
Action = Literal["drop", "encode", "impute", "parse", "mask", "exclude", "review"]

NEAR_CONSTANT = 0.995
MOSTLY_NULL = 0.60
MANY_LEVELS = 50
MANY_LEVELS_SHARE = 0.05
SKEWED = 3.0
OUTLIERS = 0.05
MIXED = 0.01
NEAR_COPY = 0.95
_ORDER = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True)
class Suggestion:
    """One warning with its fix. `column` is None when it is about the whole table."""

    code: str
    severity: Severity
    sentence: str
    action: Action
    column: str | None = None


@dataclass(frozen=True)
class Rule:
    """When `says` returns a sentence for a column, the rule fires."""

    code: str
    severity: Severity
    action: Action
    says: Callable[[ColumnProfile], str | None]


def suggest(
    columns: Iterable[ColumnProfile], *, rows: int, duplicates: Figure, associations: Iterable[Association] = ()
) -> tuple[Suggestion, ...]:
    """All suggestions for a table of `rows` rows, the gravest first, in column order within a severity."""
    found = [
        Suggestion(rule.code, rule.severity, sentence, rule.action, column.name)
        for column in columns
        for rule in RULES
        if (sentence := rule.says(column)) is not None
    ]
    if duplicates.value:
        sentence = f"{_rows(duplicates.value)} of {rows:,} repeat an earlier row. Drop them."
        found.append(Suggestion("duplicate_rows", "medium", sentence, "drop"))
    found += [
        Suggestion("near_copy", "low", _near_copy(pair), "review", pair.second)
        for pair in associations
        if abs(pair.value) >= NEAR_COPY
    ]
    return tuple(sorted(found, key=lambda s: _ORDER[s.severity]))


def _near_copy(pair: Association) -> str:
    return f"“{pair.first}” and “{pair.second}” nearly tell each other ({pair.value:.2f}). One of them may be enough."


def _rows(count: float) -> str:
    return "1 row" if count == 1 else f"{count:,.0f} rows"


def _values(count: float) -> str:
    return "1 value" if count == 1 else f"{count:,.0f} values"


def _share(share: float) -> str:
    if 0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{share:.1%}".replace("%", " %")


def _all_null(c: ColumnProfile) -> str | None:
    return f"“{c.name}” has no values. Drop it." if c.kind == "empty" else None


def _constant(c: ColumnProfile) -> str | None:
    if c.kind != "constant":
        return None
    if c.missing:
        return f"“{c.name}” holds one value or nothing ({_share(c.missing_share)} missing). Keep it as a flag."
    return f"“{c.name}” holds the same value in every row, so a model learns nothing from it. Drop it."


def _near_constant(c: ColumnProfile) -> str | None:
    if c.kind == "constant" or c.top_share < NEAR_CONSTANT:
        return None
    return f"One value fills {_share(c.top_share)} of “{c.name}”. Drop it, or keep it as a flag."


def _mostly_null(c: ColumnProfile) -> str | None:
    if c.kind == "empty" or c.missing_share < MOSTLY_NULL:
        return None
    return f"“{c.name}” is missing in {_share(c.missing_share)} of rows. Drop it, or keep a flag."


def _some_null(c: ColumnProfile) -> str | None:
    if not 0 < c.missing_share < MOSTLY_NULL:
        return None
    fix = "leave them, the trees handle gaps" if c.storage == "number" else "treat them as their own level"
    return f"“{c.name}” is missing in {_rows(c.missing)} ({_share(c.missing_share)}): {fix}."


def _identifier(c: ColumnProfile) -> str | None:
    if c.kind != "identifier":
        return None
    if c.chosen == "identifier":
        return f"“{c.name}” is an identifier, as somebody said. Exclude it."
    return f"“{c.name}” looks like an identifier: {_values(c.distinct.value)}, hardly any twice. Exclude it."


def _high_cardinality(c: ColumnProfile) -> str | None:
    filled = c.top_share and sum(v.count for v in c.top) + c.other
    if c.kind != "category" or c.distinct.value <= max(MANY_LEVELS, MANY_LEVELS_SHARE * filled):
        return None
    return f"“{c.name}” has {c.distinct.value:,} different values. Encode it, or drop it."


def _low_cardinality_int(c: ColumnProfile) -> str | None:
    if (
        c.kind != "number"
        or c.storage != "number"
        or c.chosen
        or not c.notes.get("whole")
        or not 2 < c.distinct.value <= 10
    ):
        return None
    return f"“{c.name}” has only {c.distinct.value} whole numbers. If they are codes, treat it as a category."


def _skewed(c: ColumnProfile) -> str | None:
    if c.skew is None or abs(c.skew) <= SKEWED:
        return None
    return f"“{c.name}” is strongly skewed (skewness {c.skew:.1f}). Its logarithm may be easier to read."


def _outliers(c: ColumnProfile) -> str | None:
    filled = c.notes.get("filled", 0)
    if not 0 < c.outliers < OUTLIERS * filled:
        return None
    return f"{_values(c.outliers)} of “{c.name}” lie beyond 3 interquartile ranges. Check them."


def _duplicate_column(c: ColumnProfile) -> str | None:
    if c.duplicate_of is None:
        return None
    return f"“{c.name}” repeats “{c.duplicate_of}” row by row. Drop one of them."


def _mixed_types(c: ColumnProfile) -> str | None:
    misfit = c.notes.get("misfit", 0.0)
    if misfit:
        return f"“{c.name}” mixes types: about {_share(misfit)} of its values do not fit. Decide what they mean."
    if not c.invalid or _invalid_share(c) < MIXED:
        return None
    found = f"{_values(c.invalid)} of “{c.name}” ({_share(_invalid_share(c))})"
    return f"{found} are no {_stored(c)} and count as missing. Check them."


_STORED = {"number": "number", "datetime": "date", "text": "text"}


def _stored(c: ColumnProfile) -> str:
    return "yes or no" if c.chosen == "boolean" else _STORED[c.storage]


def _invalid_share(c: ColumnProfile) -> float:
    return c.invalid / (c.notes.get("filled", 0) + c.invalid)


def _unreadable_values(c: ColumnProfile) -> str | None:
    if not c.invalid or _invalid_share(c) >= MIXED:
        return None
    return f"{_values(c.invalid)} of “{c.name}” are no {_stored(c)} and count as missing."


def _number_as_text(c: ColumnProfile) -> str | None:
    if not c.notes.get("written"):
        return None
    how = f" with “{c.unit}”" if c.unit else " with separators"
    return f"“{c.name}” holds numbers written{how}. We read them as numbers."


def _date_as_text(c: ColumnProfile) -> str | None:
    return (
        f"“{c.name}” holds dates in more than one order. Bring them to one format."
        if c.notes.get("mixed_date")
        else None
    )


def _ambiguous_date(c: ColumnProfile) -> str | None:
    if not c.notes.get("ambiguous_date"):
        return None
    return f"“{c.name}” holds dates that read both as day/month and as month/day. Say which one they are."


def _dirty_category(c: ColumnProfile) -> str | None:
    merged = c.notes.get("dirty")
    if not merged:
        return None
    return f"{_values(merged)} of “{c.name}” differ from another only in case or spaces. Merge them."


def _pii(c: ColumnProfile) -> str | None:
    if c.pii is None or c.pii.state == "header":
        return None
    if c.pii.state == "contains":
        return f"Some cells of “{c.name}” contain {c.pii.words}. Mask them before you share this table."
    return f"“{c.name}” {_HOLDS[c.pii.verdict]} {c.pii.words}: {c.pii.reasons[0]}. Mask it or exclude it."


_HOLDS = {"certain": "holds", "likely": "most likely holds", "possible": "may hold"}


def _pii_header(c: ColumnProfile) -> str | None:
    if c.pii is None or c.pii.state != "header":
        return None
    return f"“{c.name}” has no values yet, but its name promises {c.pii.words}."


def _broken(c: ColumnProfile) -> str | None:
    return f"“{c.name}” could not be examined and is kept as text. Look at it before you train." if c.error else None


RULES: tuple[Rule, ...] = (
    Rule("unexamined", "high", "review", _broken),
    Rule("pii", "high", "mask", _pii),
    Rule("pii_header", "low", "review", _pii_header),
    Rule("all_null", "medium", "drop", _all_null),
    Rule("constant", "medium", "drop", _constant),
    Rule("near_constant", "medium", "drop", _near_constant),
    Rule("mostly_null", "medium", "drop", _mostly_null),
    Rule("some_null", "low", "impute", _some_null),
    Rule("identifier", "high", "exclude", _identifier),
    Rule("high_cardinality", "medium", "encode", _high_cardinality),
    Rule("low_cardinality_int", "low", "encode", _low_cardinality_int),
    Rule("skewed", "low", "encode", _skewed),
    Rule("outliers", "low", "review", _outliers),
    Rule("duplicate_column", "medium", "drop", _duplicate_column),
    Rule("mixed_types", "high", "review", _mixed_types),
    Rule("invalid", "low", "review", _unreadable_values),
    Rule("number_as_text", "low", "parse", _number_as_text),
    Rule("date_as_text", "medium", "parse", _date_as_text),
    Rule("ambiguous_date", "high", "parse", _ambiguous_date),
    Rule("dirty_category", "medium", "encode", _dirty_category),
)

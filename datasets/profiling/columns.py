"""The profile of one column, from its trimmed texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasets.pii import scan, words
from datasets.profiling import histograms
from datasets.profiling.document import Basis, ColumnProfile, Figure, Kind, Value, cell
from datasets.profiling.kinds import TEXT, Meaning, meaning
from datasets.profiling.plan import Type

EXACT_ROWS = 2_000_000
SAMPLED_ROWS = 1_000_000
SEED = 20
SCANNED = 10_000
JUDGED = 5_000
TOP = 10
EXAMPLES = 5
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
UNIQUE, UNIQUE_ROWS = 0.999, 100
Counts = NDArray[np.intp]
BOOLEANS = tuple(map(frozenset, (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("on", "off"))))
_KEY_WORDS = frozenset({"id", "ids", "key", "no", "nr", "num", "number", "code", "uuid", "guid", "index", "idx", "ref"})


@dataclass(frozen=True)
class _Column:
    """What the parts of a profile look at. `texts` and `values` may be a sample of the column."""

    texts: pl.Series
    values: pl.Series
    meaning: Meaning
    base: ColumnProfile


def examine(
    name: str,
    position: int,
    texts: pl.Series,
    *,
    region: str = "US",
    treatment: str | None = None,
    chosen: Type | None = None,
) -> tuple[ColumnProfile, Meaning]:
    """Profile a column of trimmed texts (null = missing) and say how to cast it.

    A column with a `treatment` was judged by people: it is not searched for personal data again. Nor is the type of
    one that has a `chosen` type looked for.

    Whatever goes wrong inside stays inside: the profile then carries `error` and the column stays text.
    """
    try:
        return _examine(name, position, texts, region=region, treatment=treatment, chosen=chosen)
    except Exception as error:  # noqa: BLE001  one strange column must not cost the report of the others
        missing = texts.null_count()
        profile = ColumnProfile(
            name=name,
            position=position,
            kind="text",
            storage="text",
            missing=missing,
            missing_share=missing / max(1, texts.len()),
            distinct=Figure(0, "approx"),
            treatment=treatment,
            chosen=chosen,
            error=f"This column could not be examined ({type(error).__name__}).",
        )
        return profile, TEXT


def _examine(
    name: str, position: int, texts: pl.Series, *, region: str, treatment: str | None, chosen: Type | None
) -> tuple[ColumnProfile, Meaning]:
    rows, missing = texts.len(), texts.null_count()
    finding = scan(name, sample_of(texts), region=region) if treatment is None else None
    understood = meaning(texts, chosen)
    values = cast(texts, understood)
    distinct = _distinct(values, understood)
    base = ColumnProfile(
        name=name,
        position=position,
        kind="empty",
        storage=understood.storage,
        missing=missing,
        missing_share=missing / rows,
        distinct=Figure(distinct),
        invalid=values.null_count() - missing,
        unit=understood.unit,
        format=understood.format,
        pii=finding,
        treatment=treatment,
        chosen=chosen,
        notes={**understood.notes, "filled": rows - values.null_count()},
    )
    if distinct == 0:
        return base, understood
    base = _bounded(replace(base, examples=_examples(texts, values) if base.invalid else ()), values)
    profile = _DESCRIBE[understood.storage](_sampled(_Column(texts, values, understood, base)))
    return _presentable(profile), understood


def cast(texts: pl.Series, understood: Meaning) -> pl.Series:
    """The typed values of trimmed texts."""
    return pl.DataFrame({"t": texts}).select(understood.cast(pl.col("t"))).to_series()


def different(values: np.ndarray[Any, Any]) -> int:
    """How many different values an array without gaps has."""
    ordered = np.sort(values)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + min(1, len(ordered))


def sample_of(texts: pl.Series) -> list[str]:
    """Texts enough to look for personal data in, a random part of very many."""
    filled = texts.drop_nulls()
    some = filled if filled.len() <= SCANNED else filled.sample(SCANNED, seed=SEED)
    return some.str.slice(0, 1000).to_list()


def _distinct(values: pl.Series, understood: Meaning) -> int:
    """Different non-missing values, counted by 64-bit hashes for texts."""
    filled = values.drop_nulls()
    return different((filled.hash() if understood.storage == "text" else filled.to_physical()).to_numpy())


def _sampled(column: _Column) -> _Column:
    """The column without its missing rows, and a random part of it when it is very long."""
    there = column.values.is_not_null()
    texts, values = column.texts.filter(there), column.values.filter(there)
    if values.len() > EXACT_ROWS:
        picked = np.random.default_rng(SEED).choice(values.len(), SAMPLED_ROWS, replace=False)
        texts, values = texts.gather(picked), values.gather(picked)
    return replace(column, texts=texts, values=values)


def _basis(column: _Column) -> tuple[Basis, int | None]:
    whole = column.base.notes["filled"] == column.values.len()
    return ("exact", None) if whole else ("sampled", column.values.len())


def _of_number(column: _Column) -> ColumnProfile:
    exact = np.sort(column.values.to_numpy())
    ordered = exact.astype(np.float64)
    distinct = int(column.base.distinct.value)
    whole = column.values.dtype == pl.Int64 or bool((ordered == np.floor(ordered)).all())
    basis, sample = _basis(column)
    bars = histograms.of_numbers(ordered, whole=whole, distinct=distinct)
    top = _frequent_numbers(exact)
    return replace(
        column.base,
        kind=_number_kind(column),
        percentiles={str(p): histograms.quantile(ordered, p / 100) for p in PERCENTILES},
        skew=_skew(ordered) if distinct > TOP else None,
        outliers=_outliers(ordered),
        histogram=replace(bars, basis=basis, sample=sample),
        top=top,
        other=len(ordered) - sum(v.count for v in top),
        top_share=top[0].count / len(ordered),
        basis=basis,
        sample=sample,
        notes={**column.base.notes, "whole": float(whole)},
    )


def _of_moment(column: _Column) -> ColumnProfile:
    basis, sample = _basis(column)
    bars = histograms.of_moments(np.sort(column.values.to_physical().to_numpy()))
    return replace(
        column.base,
        kind="constant" if column.base.distinct.value == 1 else "datetime",
        histogram=replace(bars, basis=basis, sample=sample),
        basis=basis,
        sample=sample,
    )


def _of_text(column: _Column) -> ColumnProfile:
    basis, sample = _basis(column)
    levels, top = _levels(column.values)
    profile = replace(
        column.base,
        kind=_text_kind(column, levels),
        top=top,
        other=column.values.len() - sum(v.count for v in top),
        top_share=top[0].count / column.values.len(),
        basis=basis,
        sample=sample,
    )
    if profile.kind == "category":
        dirty = _dirty(levels if levels.len() < JUDGED else column.values)
        return replace(profile, notes={**profile.notes, "dirty": float(dirty)})
    if profile.kind == "text":
        lengths = np.sort(column.values.str.len_chars().to_numpy()).astype(np.float64)
        return replace(profile, histogram=replace(histograms.of_lengths(lengths), basis=basis, sample=sample))
    return profile


_DESCRIBE: dict[str, Callable[[_Column], ColumnProfile]] = {
    "number": _of_number,
    "datetime": _of_moment,
    "text": _of_text,
}


def _number_kind(column: _Column) -> Kind:
    base, low, high = column.base, column.base.minimum, column.base.maximum
    distinct, filled = base.distinct.value, base.notes["filled"]
    if distinct == 1:
        return "constant"
    if column.meaning.form in ("currency", "percent"):
        return column.meaning.form
    if base.chosen is not None:
        return "boolean" if base.chosen == "boolean" else "number"
    if distinct == 2 and (low, high) == (0, 1):
        return "boolean"
    unique = column.values.dtype == pl.Int64 and filled >= UNIQUE_ROWS and distinct >= UNIQUE * filled
    if unique and (_KEY_WORDS & set(words(base.name)) or float(high) - float(low) < 2 * filled):  # type: ignore[arg-type]
        return "identifier"
    return "number"


def _text_kind(column: _Column, levels: pl.Series) -> Kind:
    distinct, filled = column.base.distinct.value, column.base.notes["filled"]
    if distinct == 1:
        return "constant"
    if column.base.chosen is not None:
        return _CHOSEN_TEXTS[column.base.chosen]
    if distinct <= 4 and set(levels.str.to_lowercase()) in BOOLEANS:
        return "boolean"
    spaced = float(levels.str.contains(r"\s").mean() or 0)  # type: ignore[arg-type]
    length = float(levels.str.len_chars().mean() or 0)  # type: ignore[arg-type]
    if filled >= UNIQUE_ROWS and distinct >= UNIQUE * filled and spaced < 0.05 and length <= 64:
        return "text" if _is_date_question(column) else "identifier"
    prose = distinct > 20 and distinct >= 0.5 * filled and (spaced >= 0.5 or length > 50)
    return "text" if prose or _is_date_question(column) else "category"


_CHOSEN_TEXTS: dict[str, Kind] = {"category": "category", "identifier": "identifier", "text": "text"}


def _is_date_question(column: _Column) -> bool:
    return "ambiguous_date" in column.meaning.notes or "mixed_date" in column.meaning.notes


def _frequent_numbers(ordered: np.ndarray[Any, Any]) -> tuple[Value, ...]:
    """The ten most frequent of sorted numbers."""
    starts, counts = _stretches(ordered)
    ranked = sorted(_most(counts), key=lambda i: (-counts[i], i))
    return tuple(Value(str(ordered[starts[i]].item()), int(counts[i])) for i in ranked)


def _levels(texts: pl.Series) -> tuple[pl.Series, tuple[Value, ...]]:
    """Different texts, told apart by 64-bit hashes: all, or the 5,000 with the lowest hashes, which is a random part of
    them; and the ten most frequent of all."""
    hashes = texts.hash().to_numpy()
    ordered = np.sort(hashes)
    starts, counts = _stretches(ordered)
    found = [(int(counts[i]), texts[int(np.argmax(hashes == ordered[starts[i]]))]) for i in _most(counts)]
    top = tuple(Value(level, count) for count, level in sorted(found, key=lambda one: (-one[0], one[1])))
    last = ordered[starts[min(JUDGED, len(starts)) - 1]]
    return texts.filter(pl.Series(hashes <= last)).unique(), top


def _stretches(ordered: np.ndarray[Any, Any]) -> tuple[Counts, Counts]:
    """Where each different value of a sorted array begins, and how often it is there."""
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return starts, np.diff(np.append(starts, len(ordered)))


def _most(counts: Counts) -> list[int]:
    """The places of the ten largest."""
    many = min(TOP, len(counts))
    return list(map(int, np.argpartition(-counts, many - 1)[:many]))


def _skew(ordered: histograms.Numbers) -> float | None:
    """Moment skewness between the 0.5th and the 99.5th percentile."""
    cut = int(0.005 * len(ordered))
    middle = ordered[cut : len(ordered) - cut]
    with np.errstate(over="ignore", invalid="ignore"):
        centred = middle - middle.mean()
        spread = float((centred**2).mean())
        return _plain(float((centred**3).mean()) / spread**1.5) if spread > 0 else None


def _outliers(ordered: histograms.Numbers) -> int:
    """How many lie more than three interquartile ranges outside the quartiles."""
    low, high = histograms.quantile(ordered, 0.25), histograms.quantile(ordered, 0.75)
    reach = 3 * (high - low)
    if not 0 < reach < math.inf:
        return 0
    inside = np.searchsorted(ordered, high + reach, "right") - np.searchsorted(ordered, low - reach, "left")
    return int(len(ordered) - inside)


def _dirty(texts: pl.Series) -> int:
    """How many different texts equal another one but for case and spaces."""
    folded = texts.str.to_lowercase().str.replace_all(r"\s+", " ")
    return different(texts.hash().to_numpy()) - different(folded.hash().to_numpy())


def _plain(value: Any) -> Any:
    """A bound as JSON holds it: a finite number, or the ISO text of a moment."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value if value is not None and math.isfinite(value) else None


def _bounded(base: ColumnProfile, values: pl.Series) -> ColumnProfile:
    """Figures over all rows, also where the rest comes from a sample."""
    if base.storage == "text":
        return base
    base = replace(base, minimum=_plain(values.min()), maximum=_plain(values.max()))
    return replace(base, mean=_plain(values.mean()), std=_plain(values.std())) if base.storage == "number" else base


def _examples(texts: pl.Series, values: pl.Series) -> tuple[str, ...]:
    """The first different cells that do not fit the column's kind."""
    misfits = texts.filter(values.is_null() & texts.is_not_null())
    return tuple(misfits.unique(maintain_order=True).head(EXAMPLES).to_list())


def _presentable(profile: ColumnProfile) -> ColumnProfile:
    """The profile without raw personal data: values masked, and nothing that gives single values away."""
    finding = profile.pii
    safe = replace(
        profile,
        top=tuple(Value(cell(v.value, profile), v.count) for v in profile.top),
        examples=tuple(cell(example, profile) for example in profile.examples),
    )
    if finding is None or not finding.hides_values:
        return safe
    return replace(safe, minimum=None, maximum=None, mean=None, std=None, percentiles={}, skew=None, histogram=None)

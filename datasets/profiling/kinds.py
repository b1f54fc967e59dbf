"""What the texts of a column mean: a vote over ways of writing, then an expression that casts every cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import polars as pl

from datasets.pii import MISSING
from datasets.profiling.document import Storage
from datasets.profiling.plan import Type

VOTERS = 5_000
SEED = 20
ENOUGH = 0.95
MOST = 0.80

Form = Literal["number", "currency", "percent", "datetime", "text"]
Cast = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True)
class Meaning:
    """How a column is to be read. `cast` takes trimmed texts, null where missing, to values of `storage`.

    `written` says that plain numbers had to be freed of signs or separators. `misfit` is the share of voters
    that disagreed where the majority was too small to follow.
    """

    form: Form
    storage: Storage
    cast: Cast
    unit: str | None = None
    format: str | None = None
    notes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Writing:
    """One way to write a number: the pattern of its cells and the way back to a number."""

    form: Form
    pattern: str
    cast: Cast
    written: bool = True


def present(texts: pl.LazyFrame) -> pl.LazyFrame:
    """The trimmed text of each cell, null for empty cells and null words in any case."""
    # Two steps: within one expression the trimming would be done twice
    trimmed = texts.select(pl.all().str.strip_chars())
    return trimmed.select(pl.when(~pl.all().is_in(_NULL_WORDS)).then(pl.all()))


def meaning(texts: pl.Series, chosen: Type | None = None) -> Meaning:
    """What the texts are, by a vote of up to 5,000 of them and, for codes and dates, a look at all.

    A `chosen` type is kept to whatever the vote says: it then only finds how most of the values are written.
    """
    filled = texts.drop_nulls()
    voters = filled if filled.len() <= VOTERS else filled.sample(VOTERS, seed=SEED)
    if chosen is not None:
        return _CHOSEN[chosen](filled, voters)
    if voters.is_empty():
        return TEXT
    if _share(voters, _DATE_LIKE) >= MOST:
        return _date(filled, voters)
    return _number(filled, voters)


def _as_is(text: pl.Expr) -> pl.Expr:
    return text


TEXT = Meaning("text", "text", _as_is)


def _variants(word: str) -> list[str]:
    return ["".join(letters) for letters in product(*({c.lower(), c.upper()} for c in word))]


# is_in over all spellings costs no lower-cased copy of the column
_NULL_WORDS = sorted({spelling for word in MISSING for spelling in _variants(word)})


def _finite(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_finite()).then(number)


def _integer(text: pl.Expr) -> pl.Expr:
    return text.cast(pl.Int64, strict=False)


def _decimal(text: pl.Expr) -> pl.Expr:
    return _finite(text.cast(pl.Float64, strict=False))


def _stripped(pattern: str, *, comma: bool = False) -> Cast:
    """Cells that fit the pattern, without signs and separators; brackets mean a minus (accounting)."""

    def cast(text: pl.Expr) -> pl.Expr:
        minus = text.str.contains(r"^\(|^[^\d]*-")
        bare = text.str.strip_chars(_AROUND)
        if comma:
            bare = bare.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True)
        else:
            bare = bare.str.replace_all(",", "", literal=True)
        number = _finite(bare.cast(pl.Float64, strict=False))
        return pl.when(text.str.contains(pattern)).then(pl.when(minus).then(-number).otherwise(number))

    return cast


# All that the patterns below allow around a number: brackets, signs, the letters of currencies, any white space
_AROUND = "()+-%$€£¥₹USDEURGBPCHFJPYINRCADAUD" + "".join(map(chr, filter(lambda c: chr(c).isspace(), range(0x3001))))
_DOTS = r"(\d{1,3}(,\d{3})+|\d+)(\.\d+)?|\.\d+"
_COMMAS = r"(\d{1,3}(\.\d{3})+|\d+)(,\d+)?"
_SIGN = r"(?:[$€£¥₹]|USD|EUR|GBP|CHF|JPY|INR|CAD|AUD)"


def _money(number: str) -> str:
    return rf"^\(?[-+]?\s?{_SIGN}?\s?[-+]?({number})\s?{_SIGN}?\)?$"


_GROUPED = rf"^([-+]?({_DOTS})|\(({_DOTS})\))$"
_COMMA = rf"^[-+]?({_COMMAS})$"
_PERCENT = rf"^[-+]?({_DOTS})\s?%$"
_PERCENT_COMMA = rf"^[-+]?({_COMMAS})\s?%$"
_WRITINGS = (
    _Writing("number", r"^-?\d{1,18}$", _integer, written=False),
    _Writing("number", r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$", _decimal, written=False),
    _Writing("number", _GROUPED, _stripped(_GROUPED)),
    _Writing("number", _COMMA, _stripped(_COMMA, comma=True)),
    _Writing("percent", _PERCENT, _stripped(_PERCENT)),
    _Writing("percent", _PERCENT_COMMA, _stripped(_PERCENT_COMMA, comma=True)),
    _Writing("currency", _money(_DOTS), _stripped(_money(_DOTS))),
    _Writing("currency", _money(_COMMAS), _stripped(_money(_COMMAS), comma=True)),
)
_CODE = r"^[-+]?(0\d+|\d{19,})$"


def _share(voters: pl.Series, pattern: str) -> float:
    return float(voters.str.contains(pattern).mean() or 0.0)  # type: ignore[arg-type]


def _number(filled: pl.Series, voters: pl.Series) -> Meaning:
    writing, best = _best(voters)
    if best < ENOUGH:
        return Meaning("text", "text", _as_is, notes={"misfit": 1 - best} if best >= MOST else {})
    if not writing.written and filled.str.contains(_CODE).any():
        return TEXT
    return _written(writing, filled, voters)


def _best(voters: pl.Series) -> tuple[_Writing, float]:
    """How most numbers are written, and the share of the voters that are written so."""
    votes = (pl.col("t").str.contains(w.pattern).mean().alias(str(i)) for i, w in enumerate(_WRITINGS))
    shares = [share or 0.0 for share in pl.DataFrame({"t": voters}).select(votes).row(0)]
    best = max(shares)
    return _WRITINGS[shares.index(best)], best


def _written(writing: _Writing, filled: pl.Series, voters: pl.Series) -> Meaning:
    cast = _decimal if writing.cast is _integer and _loses(filled) else writing.cast
    return Meaning(
        writing.form,
        "number",
        cast,
        unit=_unit(writing.form, voters),
        notes={"written": 1.0} if writing.written else {},
    )


def _loses(filled: pl.Series) -> bool:
    """Whether reading as whole numbers would lose values that decimals keep."""
    counts = pl.DataFrame({"t": filled}).select(
        whole=_integer(pl.col("t")).null_count(), decimal=_decimal(pl.col("t")).null_count()
    )
    return bool(counts["whole"][0] > counts["decimal"][0])


def _unit(form: Form, voters: pl.Series) -> str | None:
    if form == "percent":
        return "%"
    if form != "currency":
        return None
    signs = voters.str.extract(f"({_SIGN})").drop_nulls().value_counts(sort=True)
    return str(signs[signs.columns[0]][0]) if signs.height else None


_DATE_LIKE = (
    r"^(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[- ][A-Za-z]{3,9}[- ,]+\d{4}|[A-Za-z]{3,9} \d{1,2},? \d{4})"
    r"([ T]|$)"
)
_DAYS = (
    ("%Y-%m-%d", r"\d{4}-\d{1,2}-\d{1,2}"),
    ("%Y/%m/%d", r"\d{4}/\d{1,2}/\d{1,2}"),
    ("%Y.%m.%d", r"\d{4}\.\d{1,2}\.\d{1,2}"),
    ("%d.%m.%Y", r"\d{1,2}\.\d{1,2}\.\d{4}"),
    ("?/?/%Y", r"\d{1,2}/\d{1,2}/\d{4}"),
    ("?-?-%Y", r"\d{1,2}-\d{1,2}-\d{4}"),
    ("%d-%b-%Y", r"\d{1,2}-[A-Za-z]{3}-\d{4}"),
    ("%d %b %Y", r"\d{1,2} [A-Za-z]{3} \d{4}"),
    ("%d %B %Y", r"\d{1,2} [A-Za-z]{4,9} \d{4}"),
    ("%b %d, %Y", r"[A-Za-z]{3} \d{1,2}, \d{4}"),
    ("%B %d, %Y", r"[A-Za-z]{4,9} \d{1,2}, \d{4}"),
)
_CLOCKS = (
    ("%H:%M", r"\d{1,2}:\d{2}"),
    ("%H:%M:%S", r"\d{1,2}:\d{2}:\d{2}"),
    ("%H:%M:%S%.f", r"\d{1,2}:\d{2}:\d{2}\.\d+"),
    ("%I:%M %p", r"\d{1,2}:\d{2} [AaPp][Mm]"),
    ("%I:%M:%S %p", r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]"),
)
_ZONE = r"(Z|[-+]\d{2}:?\d{2})"


def _formats(days: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Every pair of a strptime format and its pattern for these days: alone, with a clock, with a zone."""
    days = tuple(days)
    yield from ((day, f"^{pattern}$") for day, pattern in days)
    for (day, d), (clock, c), between in product(days, _CLOCKS, (" ", "T")):
        yield day + between + clock, f"^{d}{between}{c}$"
        if not clock.endswith("%p"):
            yield day + between + clock + "%#z", f"^{d}{between}{c}{_ZONE}$"


def _date(filled: pl.Series, voters: pl.Series) -> Meaning:
    """Dates in the formats seen. Day and month are told apart by a part above 12, never guessed."""
    seen = _seen(voters)
    share = sum(_share(voters, pattern) for _, pattern in seen)
    if share < ENOUGH:
        return Meaning("text", "text", _as_is, notes={"misfit": 1 - share} if share >= MOST else {})
    formats = [fmt for fmt, _ in seen]
    if any("?" in fmt for fmt in formats):
        order = _order(filled)
        if order in _UNSURE:
            return Meaning("text", "text", _as_is, notes={order: 1.0})
        formats = [_ordered(fmt, order) for fmt in formats]
    cast = _datetime(formats)
    parsed = pl.DataFrame({"t": voters}).select(cast(pl.col("t")).is_not_null().mean()).item()
    return Meaning("datetime", "datetime", cast, format=formats[0]) if parsed >= ENOUGH else TEXT


def _seen(voters: pl.Series) -> list[tuple[str, str]]:
    """The formats that some of the voters are written in."""
    witnesses = voters.filter(voters.str.replace_all(r"\d", "0").is_first_distinct())
    # Of nearly two hundred patterns most are ruled out by the day, at a hundredth of the time that building them takes
    days = [(day, pattern) for day, pattern in _DAYS if witnesses.str.contains(f"^{pattern}").any()]
    return [(fmt, pattern) for fmt, pattern in _formats(days) if witnesses.str.contains(pattern).any()]


_ABOVE_TWELVE = (r"^(1[3-9]|[2-9]\d)[/-]", r"^\d{1,2}[/-](1[3-9]|[2-9]\d)")
_UNSURE = frozenset({"ambiguous_date", "mixed_date"})


def _order(filled: pl.Series) -> str:
    """ "%d%m", "%m%d", or why neither: a first or a second part above 12 in any cell decides."""
    first, second = (bool(filled.str.contains(pattern).any()) for pattern in _ABOVE_TWELVE)
    if first and second:
        return "mixed_date"
    if not first and not second:
        return "ambiguous_date"
    return "%d%m" if first else "%m%d"


def _ordered(fmt: str, order: str) -> str:
    return fmt.replace("?", order[:2], 1).replace("?", order[2:], 1)


def _datetime(formats: list[str]) -> Cast:
    """Microseconds; a time with a zone becomes UTC."""

    def one(text: pl.Expr, fmt: str) -> pl.Expr:
        zone = "UTC" if fmt.endswith("%#z") else None
        moment = text.str.to_datetime(fmt, strict=False, time_unit="us", time_zone=zone, cache=False)
        return moment.dt.replace_time_zone(None) if zone else moment

    def cast(text: pl.Expr) -> pl.Expr:
        return pl.coalesce([one(text, fmt) for fmt in formats])

    return cast


_TRUE, _FALSE = ("yes", "true", "y", "t", "on", "1", "1.0"), ("no", "false", "n", "f", "off", "0", "0.0")
_COMPACT_DAY = r"^(?:19|20)\d{6}$"
_STAMPS = ((r"^(\d{9,10})(?:\.\d+)?$", 1_000_000), (r"^(\d{12,13})$", 1000))  # Unix seconds, milliseconds


def _as_number(filled: pl.Series, voters: pl.Series) -> Meaning:
    return _written(_best(voters)[0], filled, voters)


def _as_boolean(filled: pl.Series, voters: pl.Series) -> Meaning:
    """1 for words that say yes, 0 for those that say no, in any case."""

    def cast(text: pl.Expr) -> pl.Expr:
        word = text.str.to_lowercase()
        known = pl.when(word.is_in(_TRUE)).then(pl.lit(1)).when(word.is_in(_FALSE)).then(pl.lit(0))
        return known.cast(pl.Int64)

    return Meaning("number", "number", cast)


def _as_date(filled: pl.Series, voters: pl.Series) -> Meaning:
    """Dates in the formats seen, also YYYYMMDD and Unix time; those that read both ways stay unread."""
    formats = [fmt for fmt, _ in _seen(voters)]
    notes: dict[str, float] = {}
    if any("?" in fmt for fmt in formats):
        order = _order(filled)
        if order in _UNSURE:
            notes, formats = {order: 1.0}, [fmt for fmt in formats if "?" not in fmt]
        formats = [_ordered(fmt, order) for fmt in formats]
    written = _datetime(formats)

    def cast(text: pl.Expr) -> pl.Expr:
        day = (
            pl.when(text.str.contains(_COMPACT_DAY)).then(text).str.to_datetime("%Y%m%d", strict=False, time_unit="us")
        )
        stamps = [
            (text.str.extract(pattern).cast(pl.Int64) * scale).cast(pl.Datetime("us")) for pattern, scale in _STAMPS
        ]
        return pl.coalesce([*([written(text)] if formats else []), day, *stamps])

    return Meaning("datetime", "datetime", cast, format=formats[0] if formats else None, notes=notes)


def _as_text(filled: pl.Series, voters: pl.Series) -> Meaning:
    return TEXT


_CHOSEN: Mapping[Type, Callable[[pl.Series, pl.Series], Meaning]] = {
    "number": _as_number,
    "boolean": _as_boolean,
    "datetime": _as_date,
    "category": _as_text,
    "identifier": _as_text,
    "text": _as_text,
}

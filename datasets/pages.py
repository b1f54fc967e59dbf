"""What the profile page shows: columns with their drawings, filtered, sorted and cut into pages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.core.paginator import Page, Paginator

from datasets.charts import Drawing, bars_of, repeats
from datasets.profiling import Association, ColumnProfile, ProfileDocument, Value

COLUMNS_A_PAGE = 30
ROWS_SHOWN = 12
VALUES_SHOWN = 10
PAIRS_SHOWN = 12
SHOWN_PERCENTILES = ("1", "5", "25", "50", "75", "95", "99")
ICONS = {
    "number": "hash", "currency": "hash", "percent": "hash", "boolean": "toggle", "category": "tag",
    "identifier": "key", "text": "text", "datetime": "calendar", "empty": "minus", "constant": "pin",
}  # fmt: skip
ORDERS: dict[str, Callable[[ColumnProfile], tuple[float | str, ...]]] = {
    "": lambda column: (column.position,),
    "name": lambda column: (column.name.casefold(), column.position),
    "missing": lambda column: (-column.missing_share, column.position),
    "distinct": lambda column: (-column.distinct.value, column.position),
}


@dataclass(frozen=True)
class Cell:
    text: str | None
    is_masked: bool


@dataclass(frozen=True)
class ColumnCard:
    """One column ready to be written: its profile, icon, drawings and percentiles."""

    profile: ColumnProfile
    icon: str
    is_masked: bool
    small: Drawing | None
    large: Drawing | None
    percentiles: tuple[tuple[str, float], ...]

    @property
    def top(self) -> tuple[Value, ...]:
        """The most frequent values; none where every value comes once."""
        return self.profile.top[:VALUES_SHOWN] if repeats(self.profile) else ()

    @property
    def anchor(self) -> str:
        return f"column-{self.profile.position + 1}"


@dataclass(frozen=True)
class ProfileView:
    """The columns of one page and the first rows under them."""

    document: ProfileDocument
    page: Page[ColumnProfile]
    cards: tuple[ColumnCard, ...]
    rows: tuple[tuple[Cell, ...], ...]
    pii_columns: int
    missing_columns: int


def profile_view(document: ProfileDocument, *, find: str, order: str, page: str | None) -> ProfileView:
    """The columns whose name contains `find`, in this order."""
    wanted = [column for column in document.columns if find.casefold() in column.name.casefold()]
    shown = Paginator(sorted(wanted, key=ORDERS[order]), COLUMNS_A_PAGE).get_page(page)
    cards = tuple(_card(column) for column in shown)
    return ProfileView(
        document=document,
        page=shown,
        cards=cards,
        rows=tuple(_cells(row, cards) for row in document.preview[:ROWS_SHOWN]),
        pii_columns=sum(column.pii is not None for column in document.columns),
        missing_columns=sum(column.missing > 0 for column in document.columns),
    )


def together(document: ProfileDocument, beside: str) -> tuple[Association, ...]:
    """The strongest pairs of columns, or all pairs with one column."""
    pairs = document.associations
    return tuple(pair for pair in pairs if beside in {pair.first, pair.second}) if beside else pairs[:PAIRS_SHOWN]


def _card(column: ColumnProfile) -> ColumnCard:
    return ColumnCard(
        profile=column,
        icon=ICONS[column.kind],
        is_masked=column.hides_values,
        small=bars_of(column, width=120, height=32),
        large=bars_of(column, width=480, height=96),
        percentiles=tuple((p, column.percentiles[p]) for p in SHOWN_PERCENTILES if p in column.percentiles),
    )


def _cells(row: tuple[str | None, ...], cards: Iterable[ColumnCard]) -> tuple[Cell, ...]:
    return tuple(Cell(row[card.profile.position], card.is_masked) for card in cards)

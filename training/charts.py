"""Geometry of the drawings in a run's report, in SVG units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from training import explanations
from training.engine.report import CalibrationBin, Importance, Residuals, RocPoint, RunReport

WIDTH, HEIGHT = 640.0, 160.0
SHOWN = 15
SIDE = 220.0  # of a chart in the unit square
CELL = 64.0  # of one square of a confusion matrix
DRAWN = 8  # classes whose confusion is drawn; more are a table only
ROC_ROWS = 20  # of a curve's points in its table


@dataclass(frozen=True)
class Bar:
    """A bar with its words. `share` is between 0 and 1."""

    label: str
    share: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Weight:
    """A column's share in the answers, and the length of its bar in percent."""

    label: str
    share: float
    width: float


@dataclass(frozen=True)
class Drawing:
    bars: tuple[Bar, ...]
    width: float
    height: float


@dataclass(frozen=True)
class Square:
    """A line through the unit square, whose origin is at the bottom left."""

    line: str
    dots: tuple[tuple[float, float, float], ...]
    side: float = SIDE
    guide: str = "M0 220L220 0"


@dataclass(frozen=True)
class Cell:
    """Test rows of one class that were answered with one class, and their share of the class; `ink` is how
    strongly its square is filled."""

    rows: int
    share: float
    is_right: bool
    x: float
    y: float

    @property
    def ink(self) -> float:
        return 0.06 + 0.54 * self.share


@dataclass(frozen=True)
class ConfusionRow:
    label: str
    cells: tuple[Cell, ...]
    middle: float

    @property
    def total(self) -> int:
        return sum(cell.rows for cell in self.cells)


def results(report: RunReport, *, label: str = "") -> dict[str, Any]:
    """Every drawing that this report has, by the name that its page knows it under.

    `label` is the class of a multiclass model whose explanation is drawn; without it the one that columns move most.
    """
    own = (each for each in report.class_explanations if each.output == label)
    explained = next(own, report.explanation)
    return {
        "explained": explained,
        "importance": importance(report.importance),
        "confusion": confusion(report),
        "cell": CELL,
        "confusion_open": len(report.confusion) > DRAWN,
        "calibration": calibration(report.calibration) if report.calibration else None,
        "roc": roc(report.roc) if report.roc else None,
        "roc_rows": report.roc[:: max(1, len(report.roc) // ROC_ROWS)],
        "precision_recall": precision_recall(report) if report.precision_recall else None,
        "precision_recall_rows": report.precision_recall[:: max(1, len(report.precision_recall) // ROC_ROWS)],
        "swarm": explanations.swarm(explained.swarms) if explained else None,
        "dependence": explanations.dependence(explained) if explained else (),
        "residuals": residuals(report.residuals) if report.residuals else None,
        "residual_rows": _residual_rows(report.residuals) if report.residuals else (),
    }


def calibration(bins: Sequence[CalibrationBin]) -> Square:
    """Observed share over predicted probability; a dot's area follows the rows behind it."""
    most = max(each.rows for each in bins)
    points = [_place(each.predicted, each.observed) for each in bins]
    sizes = (2 + 5 * (each.rows / most) ** 0.5 for each in bins)
    return Square(_line(points), tuple((x, y, size) for (x, y), size in zip(points, sizes, strict=True)))


def roc(points: Sequence[RocPoint]) -> Square:
    """True over false positive rate."""
    return Square(_line([_place(each.false_positive_rate, each.true_positive_rate) for each in points]), ())


def precision_recall(report: RunReport) -> Square:
    """Precision over recall; the guide is what guessing reaches, the share of positive rows."""
    points = [_place(each.recall, each.precision) for each in report.precision_recall]
    base = report.test["pr_auc"].baseline or 0.0
    return Square(_line(points), (), guide=f"M0 {SIDE * (1 - base):.1f}H{SIDE:.0f}")


def _place(across: float, up: float) -> tuple[float, float]:
    return SIDE * across, SIDE * (1 - up)


def _line(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _residual_rows(found: Residuals) -> tuple[tuple[float, float, int], ...]:
    return tuple(zip(found.edges, found.edges[1:], found.counts, strict=False))


def importance(items: Sequence[Importance]) -> tuple[Weight, ...]:
    """The strongest columns first, the longest bar over the full width."""
    shown = items[:SHOWN]
    longest = max((item.share for item in shown), default=0.0) or 1.0
    return tuple(Weight(item.column, item.share, max(0.3, 100 * item.share / longest)) for item in shown)


def residuals(found: Residuals) -> Drawing:
    """The histogram of actual minus predicted, standing bars."""
    total, highest = sum(found.counts) or 1, max(found.counts, default=0) or 1
    each = WIDTH / max(1, len(found.counts))
    bars = tuple(
        Bar(
            gettext("%(low)s to %(high)s") % {"low": f"{low:.3g}", "high": f"{high:.3g}"},
            count / total,
            place * each,
            HEIGHT * (1 - count / highest),
            each - 2,
            HEIGHT * count / highest,
        )
        for place, (count, low, high) in enumerate(zip(found.counts, found.edges, found.edges[1:], strict=False))
    )
    return Drawing(bars, WIDTH, HEIGHT)


def confusion(report: RunReport) -> tuple[ConfusionRow, ...]:
    """Rows are what was, cells what was answered."""
    return tuple(_confusion(report.classes[place].label, place, row) for place, row in enumerate(report.confusion))


def _confusion(label: str, place: int, row: Iterable[int]) -> ConfusionRow:
    counts = tuple(row)
    total = sum(counts) or 1
    cells = (Cell(n, n / total, at == place, at * CELL, place * CELL) for at, n in enumerate(counts))
    return ConfusionRow(label, tuple(cells), (place + 0.5) * CELL)

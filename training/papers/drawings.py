"""The drawings of a report, each with its figures as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from fynix.templatetags.figures import number, percent
from training import words
from training.engine.report import Curves, Explanation, RunReport
from training.papers.blocks import Box, Dot, Drawing, Label, Shape, Stroke, Table

LEFT, TOP, RIGHT, BOTTOM = 56.0, 24.0, 12.0, 28.0
WIDTH, HEIGHT = 480.0, 190.0
SIDE = 220.0
ROWS = 20  # of a curve's table
BARS = 12
LABEL = 140.0  # room for a column's name beside its bar

Points = Sequence[tuple[float, float]]


def drawings(report: RunReport) -> Iterator[Drawing]:
    """Every drawing that the report has figures for."""
    yield from _curves(report)
    if report.roc:
        points = [(point.false_positive_rate, point.true_positive_rate) for point in report.roc]
        yield _square(_("ROC curve"), _("False alarms"), _("Hits"), points, guide=((0, 0), (1, 1)))
    if report.precision_recall:
        points = [(point.recall, point.precision) for point in report.precision_recall]
        base = report.test["pr_auc"].baseline or 0.0
        yield _square(_("Precision over recall"), _("Recall"), _("Precision"), points, guide=((0, base), (1, base)))
    if report.calibration:
        points = [(each.predicted, each.observed) for each in report.calibration]
        yield _square(_("Calibration"), _("Answered"), _("Happened"), points, guide=((0, 0), (1, 1)), dots=True)
    if report.residuals:
        yield _residuals(report)
    yield _importance(report)
    yield from _dependence(report)


def _curves(report: RunReport) -> Iterator[Drawing]:
    for metric in dict.fromkeys((report.primary, report.main)):
        series = [
            (name, f"{part}-{metric}")
            for part, name in (("train", _("Training")), ("valid", _("Validation")))
            if f"{part}-{metric}" in report.curves.values
        ]
        if series:
            yield _curve(report.curves, words.metric(metric), series, report.best_round)


def _curve(curves: Curves, metric: str, series: Sequence[tuple[str, str]], best: int) -> Drawing:
    known = [value for _name, key in series for value in curves.values[key] if value is not None]
    low, high, last = min(known, default=0.0), max(known, default=1.0), max(2, curves.steps[-1])
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(step: int, value: float) -> tuple[float, float]:
        return LEFT + wide * (step - 1) / (last - 1), TOP + tall * (high - value) / ((high - low) or 1.0)

    shapes: list[Shape] = [
        Stroke(((LEFT, TOP), (LEFT, TOP + tall), (LEFT + wide, TOP + tall)), "hairline"),
        Stroke((at(best, high), at(best, low)), "muted", is_dashed=True),
        Label(LEFT - 6, TOP + 8, number(high), "end"),
        Label(LEFT - 6, TOP + tall, number(low), "end"),
        Label(LEFT, HEIGHT - 10, "1"),
        Label(LEFT + wide, HEIGHT - 10, number(last), "end"),
        Label(LEFT + wide / 2, HEIGHT - 10, _("Round"), "middle"),
    ]
    for place, (name, key) in enumerate(series):
        is_dashed, tone = key.startswith("train"), "second" if key.startswith("train") else "first"
        steps = zip(curves.steps, curves.values[key], strict=True)
        shapes.append(Stroke(tuple(at(step, value) for step, value in steps if value is not None), tone, is_dashed))
        shapes.append(Label(LEFT + 100 * place, TOP - 9, name, "start", tone))
    places = range(0, len(curves.steps), max(1, len(curves.steps) // ROWS))
    rows = tuple(
        (number(curves.steps[at]), *(number(curves.values[key][at]) for _name, key in series)) for at in places
    )
    title = _("%(metric)s by round, best at %(best)s") % {"metric": metric, "best": number(best)}
    return Drawing(
        title, WIDTH, HEIGHT, tuple(shapes), Table(title, (_("Round"), *(name for name, _key in series)), rows)
    )


def _square(title: str, across: str, up: str, points: Points, *, guide: Points, dots: bool = False) -> Drawing:
    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + SIDE * x, TOP + SIDE * (1 - y)

    placed = tuple(at(*point) for point in points)
    corners = tuple(at(*point) for point in ((0, 0), (0, 1), (1, 1), (1, 0), (0, 0)))
    shapes: tuple[Shape, ...] = (
        Stroke(corners, "hairline"),
        Stroke(tuple(at(*point) for point in guide), "muted", is_dashed=True),
        Stroke(placed),
        *(Dot(x, y, 3) for x, y in placed if dots),
        Label(LEFT - 6, TOP + 8, "100%", "end"),
        Label(LEFT - 6, TOP + SIDE, "0%", "end"),
        Label(LEFT + SIDE, TOP + SIDE + 16, "100%", "end"),
        Label(LEFT + SIDE / 2, TOP + SIDE + 16, across, "middle"),
        Label(LEFT, TOP - 9, up),
    )
    rows = tuple((percent(x), percent(y)) for x, y in points[:: max(1, len(points) // ROWS)])
    return Drawing(title, LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM, shapes, Table(title, (across, up), rows, words=0))


def _residuals(report: RunReport) -> Drawing:
    found = report.residuals
    counts, edges = (found.counts, found.edges) if found else ((), ())
    most, each = max(counts, default=1) or 1, (WIDTH - LEFT - RIGHT) / max(1, len(counts))
    tall = HEIGHT - TOP - BOTTOM
    bars = tuple(
        Box(LEFT + place * each, TOP + tall * (1 - count / most), each - 2, tall * count / most)
        for place, count in enumerate(counts)
    )
    ends = (Label(LEFT, HEIGHT - 10, number(edges[0])), Label(WIDTH - RIGHT, HEIGHT - 10, number(edges[-1]), "end"))
    rows = tuple(
        (number(low), number(high), number(count)) for low, high, count in zip(edges, edges[1:], counts, strict=False)
    )
    title = _("Actual minus predicted")
    return Drawing(title, WIDTH, HEIGHT, bars + ends, Table(title, (_("From"), _("To"), _("Rows")), rows, words=0))


def _importance(report: RunReport) -> Drawing:
    shown = report.importance[:BARS]
    longest = max((item.share for item in shown), default=0.0) or 1.0
    wide = WIDTH - LABEL - 60
    shapes: list[Shape] = []
    for place, item in enumerate(shown):
        y, length = 20.0 * place, max(1.0, wide * item.share / longest)
        shapes += [
            Label(LABEL - 8, y + 14, _clipped(item.column), "end", "text"),
            Box(LABEL, y + 4, length, 13),
            Label(LABEL + length + 6, y + 14, percent(item.share)),
        ]
    rows = tuple((item.column, percent(item.share), number(item.mean_abs)) for item in report.importance)
    title = _("What mattered: share of each column in how far answers move (mean absolute SHAP value)")
    head = (_("Column"), _("Share"), _("Mean absolute SHAP value"))
    return Drawing(title, WIDTH, 20.0 * len(shown) + 4, tuple(shapes), Table(title, head, rows))


def _dependence(report: RunReport) -> Iterator[Drawing]:
    """Of each class of a multiclass model its strongest columns; of other models the strongest of all."""
    if report.class_explanations:
        for each in report.class_explanations:
            yield from _dependence_of(each, 2)
    elif report.explanation:
        yield from _dependence_of(report.explanation, 4)


def _dependence_of(explained: Explanation, most: int) -> Iterator[Drawing]:
    found = explained.dependence[:most]
    reach = max((abs(edge) for each in found for step in each.steps for edge in (step.low, step.high)), default=1.0)
    wide = WIDTH - LABEL - RIGHT
    for each in found:

        def at(value: float) -> float:
            return LABEL + wide * (value / (reach or 1.0) + 1) / 2

        height = 20.0 * len(each.steps)
        shapes: list[Shape] = [Stroke(((at(0), 0), (at(0), height)), "muted", is_dashed=True)]
        for place, step in enumerate(each.steps):
            y = 20.0 * place + 10
            label = Label(LABEL - 8, y + 4, _clipped(step.label or _("missing")), "end", "text")
            shapes += [label, Stroke(((at(step.low), y), (at(step.high), y))), Dot(at(step.mean), y, 4)]
        rows = tuple(
            (step.label or _("missing"), *map(number, (step.rows, step.mean, step.low, step.high)))
            for step in each.steps
        )
        title = _("How %(column)s moves the answer (SHAP values)") % {"column": each.column}
        if explained.output:
            names = {"column": each.column, "label": explained.output}
            title = _("How %(column)s moves the answer towards “%(label)s” (SHAP values)") % names
        head = (_("Values"), _("Rows"), _("Mean"), _("From"), _("To"))
        yield Drawing(title, WIDTH, height + 4, tuple(shapes), Table(title, head, rows))


def _clipped(text: str) -> str:
    return text if len(text) <= 22 else f"{text[:21]}…"

"""Detectors that read a finished run's report: how far its figures can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Literal

from training.engine.report import Alone, RunReport, Score, Suspicions
from training.narrative.claims import Change, Claim, Slot
from training.narrative.shape import named

PERFECT = {"auc": 1.0, "accuracy": 1.0, "rmse": 0.0}
# 15 bins of fewer rows than this differ from the diagonal by chance alone.
CALIBRATION_ROWS = 300
# Of 282 honest columns 11 score above the first bound alone and none above the second; copies with 5 % noise do.
WARN_ALONE, CERTAIN_ALONE = 0.925, 0.985
# Of five folds one is that far out by chance too often to be told, unless it also differs by a tenth.
FAR, MATTERS = 3.0, 0.1
HOLED = 0.7  # a copy of the answer with fewer cells than this scores low over all rows

Verdict = Literal["certain", "likely", "where_present"]


def gain(report: RunReport) -> float:
    """Share of the way from the baseline to perfection, on the main metric."""
    score, start, perfect = report.headline.value, report.headline.baseline, PERFECT[report.main]
    return 0.0 if start is None or start == perfect else (score - start) / (perfect - start)


def baseline(report: RunReport) -> Claim | None:
    score, reached = report.headline, gain(report)
    slots = _interval(report, report.main) | {"baseline": _test(report.main, score.baseline or 0.0)}
    result = "Test {metric} is {value} ({low} to {high} with {sure} confidence); guessing scores {baseline}."
    if reached > 0.1 and not _reaches_baseline(score):
        return Claim("baseline", "good", result, slots)
    advice = " The columns hardly tell the target: add columns that could."
    return Claim("baseline", "problem", result + advice, slots)


def _reaches_baseline(score: Score) -> bool:
    if score.low is None or score.high is None or score.baseline is None:
        return False
    return score.low <= score.baseline <= score.high


def generalise(report: RunReport) -> Claim | None:
    test, valid = report.test[report.primary], report.validation[report.primary]
    if not valid or test.low is None or test.high is None:
        return None
    optimism, error = test.value / valid - 1, (test.high - test.low) / (2 * 1.96 * valid)
    if optimism <= max(0.1, 2 * error):
        return None
    return Claim(
        "generalise",
        "warning",
        "Test {metric} is {worse} worse than validation ({test} against {valid}). Trust the test figure.",
        {
            "metric": _name(report.primary),
            "worse": Slot(optimism, "percent", f"test-{report.primary}"),
            "test": _test(report.primary, test.value),
            "valid": Slot(valid, "number", f"valid-{report.primary}", report.best_round),
        },
    )


def small_test(report: RunReport) -> Claim | None:
    rows = report.sizes["test"]
    if rows >= 100:
        return None
    template = "Only {rows} rows judge this model, so {metric} may lie anywhere from {low} to {high}. Add rows."
    return Claim("small_test", "warning", template, _interval(report, report.main) | {"rows": Slot(rows, "count")})


def imbalance(report: RunReport) -> Claim | None:
    if not report.classes:
        return None
    total = sum(item.rows for item in report.classes)
    most = max(report.classes, key=lambda item: item.rows)
    if most.rows >= 0.8 * total:
        return _majority(report, most.label, most.rows / total)
    least = min(report.classes, key=lambda item: item.rows)
    if report.task != "multiclass" or least.rows > 0.1 * total:
        return None
    slots = {"label": Slot(least.label, "text"), "share": Slot(least.rows / total, "percent")}
    template = "“{label}” makes up only {share} of the rows, so its answers are the least certain."
    return Claim("imbalance", "info", template, slots)


def _majority(report: RunReport, label: str, share: float) -> Claim:
    slots = {"label": Slot(label, "text"), "share": Slot(share, "percent")}
    opening = "{share} of the rows are “{label}”, so accuracy says little."
    if report.task != "binary":
        slots["f1"] = _test("macro_f1", report.test["macro_f1"].value)
        return Claim("imbalance", "warning", f"{opening} Averaged over classes, F1 is {{f1}}.", slots)
    slots |= {name: _test(name, report.test[name].value) for name in ("pr_auc", "recall")}
    slots["positive"] = Slot(report.classes[1].label, "text")
    template = f"{opening} Look at PR-AUC ({{pr_auc}}) and at the share of “{{positive}}” found ({{recall}})."
    return Claim("imbalance", "warning", template, slots)


def calibration(report: RunReport) -> Claim | None:
    error = report.test.get("ece")
    if error is None or error.value <= 0.05 or report.sizes["test"] < CALIBRATION_ROWS:
        return None
    template = "Probabilities are off by {error} on average. Rank by them, but do not read them as chances."
    return Claim("calibration", "warning", template, {"error": Slot(error.value, "percent", "test-ece")})


def verdict(found: Alone) -> Verdict | None:
    """Whether a column gives the target away: almost certainly, likely, or only where it has a value."""
    if found.score >= CERTAIN_ALONE:
        return "certain"
    if found.score >= WARN_ALONE:
        return "likely"
    return "where_present" if found.present <= HOLED and found.present_score >= CERTAIN_ALONE else None


def leak(report: RunReport) -> Claim | None:
    """A column that alone tells the target. Never left out unasked: strong columns may be honest."""
    found = report.suspicions
    if found is None or not found.alone:
        return None
    top = max(found.alone, key=lambda each: each.score)
    if verdict(top) not in {"certain", "likely"}:
        return _leak_where_present(found)
    certain = tuple(each.column for each in found.alone if verdict(each) == "certain")
    slots = {
        "column": Slot(top.column, "text"),
        "metric": _name(found.measure),
        "score": Slot(top.score, "number", "alone"),
    }
    opening = "“{column}” alone reaches {metric} {score}. "
    if certain:
        advice = "It very likely holds the answer: leave it out unless it is known before the outcome."
        return Claim("leak", "problem", opening + advice, slots, Change(exclude=certain))
    advice = "Check that it is known before the outcome; if not, leave it out."
    return Claim("leak", "warning", opening + advice, slots, Change(exclude=(top.column,)))


def _leak_where_present(found: Suspicions) -> Claim | None:
    """A copy of the answer with holes: too many cells are missing to score high, and those there are exact."""
    for each in found.alone:
        if verdict(each) == "where_present":
            slots = {
                "column": Slot(each.column, "text"),
                "metric": _name(found.measure),
                "score": Slot(each.present_score, "number", "alone"),
                "missing": Slot(1 - each.present, "percent"),
            }
            template = (
                "“{column}” is missing in {missing} of the rows and reaches {metric} {score} alone where it is there. "
                "Check that it is known before the outcome; if not, leave it out."
            )
            return Claim("leak", "warning", template, slots, Change(exclude=(each.column,)))
    return None


def order(report: RunReport) -> Claim | None:
    found = report.suspicions
    limit = 0.3 if report.task == "regression" else 0.65
    if found is None or found.order is None or found.order <= limit:
        return None
    return Claim(
        "order",
        "warning",
        "The number of a row alone reaches {metric} {score}: the table is sorted or was gathered in batches. "
        "Check that no column tells the batch.",
        {"metric": _name(found.measure), "score": Slot(found.order, "number", "order")},
    )


def time(report: RunReport) -> Claim | None:
    found = report.suspicions
    if found is None or not found.dates:
        return None
    return Claim(
        "time",
        "info",
        "Rows that judge are older than rows that were learnt from, by “{column}”. "
        "If the model will answer about the future, judge on the newest rows.",
        {"column": Slot(found.dates[0], "text")},
        Change(time=found.dates[0]),
    )


def shift(report: RunReport) -> Claim | None:
    found = report.suspicions
    if found is None or found.shift is None or found.shift >= 0.05:
        return None
    return Claim(
        "shift",
        "warning",
        "“{target}” differs between the rows learnt from and the rows that judge (p = {p}). "
        "The figures may change again on later rows.",
        {"target": Slot(report.target, "text"), "p": Slot(found.shift, "number", "shift")},
    )


def dominance(report: RunReport) -> Claim | None:
    if not report.importance or _told_by_leak(report):
        return None
    top = report.importance[0]
    slots = {"column": Slot(top.column, "text"), "share": Slot(top.share, "percent", "importance")}
    if top.share >= 0.8 and gain(report) >= 0.8:
        return Claim(
            "dominance",
            "problem",
            "“{column}” carries {share} of the answer and the score is very high. "
            "Check that it is known before the outcome; if not, leave it out.",
            slots,
            Change(exclude=(top.column,)),
        )
    if top.share < 0.5:
        return None
    return Claim("dominance", "info", "“{column}” carries {share} of the answer, more than all other columns.", slots)


def _told_by_leak(report: RunReport) -> bool:
    found, top = report.suspicions, report.importance[0].column
    return found is not None and any(each.column == top and each.score >= WARN_ALONE for each in found.alone)


def choice(report: RunReport) -> Claim | None:
    if len(report.candidates) < 2:
        return None
    first, second = sorted(report.candidates, key=lambda candidate: candidate.loss)[:2]
    lead = second.loss / first.loss - 1 if first.loss > 0 else 0.0
    slots = {
        "tried": Slot(len(report.candidates), "count"),
        "metric": _name(report.primary),
        "loss": Slot(first.loss, "number")
        if first.folds
        else Slot(first.loss, "number", f"valid-{report.primary}", first.best_round),
        "other": Slot(second.loss, "number"),
    }
    verdict = "the choice hardly matters" if lead < 0.01 else "the lower one is kept"
    mean = f"mean {{metric}} over {len(first.folds)} folds" if first.folds else "{metric}"
    template = f"Of {{tried}} parameter sets the best two reach {mean} {{loss}} and {{other}}: {verdict}."
    return Claim("choice", "info", template, slots)


def fold_spread(report: RunReport) -> Claim | None:
    """A fold whose loss lies far from the middle one: the modified z of Iglewicz and Hoaglin above FAR, and so far that
    it matters."""
    chosen = next((each for each in report.candidates if each.name == report.chosen), None)
    if chosen is None or not chosen.folds:
        return None
    middle = median(chosen.folds)
    spread = median(abs(loss - middle) for loss in chosen.folds)
    place, loss = max(enumerate(chosen.folds, start=1), key=lambda each: abs(each[1] - middle))
    if 0.6745 * abs(loss - middle) <= FAR * spread or abs(loss - middle) <= MATTERS * middle:
        return None
    template = (
        "On fold {fold} of {folds} the {metric} is {loss}, on the middle one {middle}: much depends on which rows are "
        "learnt from. Look for groups or rare values, or add rows."
    )
    slots = {
        "fold": Slot(place, "count"),
        "folds": Slot(len(chosen.folds), "count"),
        "metric": _name(report.primary),
        "loss": Slot(loss, "number"),
        "middle": Slot(middle, "number"),
    }
    return Claim("fold_spread", "warning", template, slots)


def excluded(report: RunReport) -> Claim | None:
    left = [column.name for column in report.excluded if column.code != "asked"]
    if not left:
        return None
    names = ", ".join(f"“{name}”" for name in left[:3]) + (" and others" if len(left) > 3 else "")
    slots = {"count": Slot(len(left), "count"), "names": Slot(names, "text")}
    noun = "columns were" if len(left) > 1 else "column was"
    return Claim("excluded", "info", f"{{count}} {noun} left out by rule: {{names}}.", slots)


def dropped(report: RunReport) -> Claim | None:
    if not report.dropped_rows:
        return None
    share = report.dropped_rows / report.table_rows
    slots = {"rows": Slot(report.dropped_rows, "count"), "share": Slot(share, "percent")}
    template = "{rows} rows ({share}) have no target value and were not used."
    return Claim("dropped", "warning" if share > 0.05 else "info", template, slots)


DETECTORS: dict[str, Callable[[RunReport], Claim | None]] = {
    "baseline": baseline,
    "generalise": generalise,
    "small_test": small_test,
    "imbalance": imbalance,
    "calibration": calibration,
    "leak": leak,
    "dominance": dominance,
    "order": order,
    "time": time,
    "shift": shift,
    "choice": choice,
    "fold_spread": fold_spread,
    "excluded": excluded,
    "dropped": dropped,
}


def _interval(report: RunReport, metric: str) -> dict[str, Slot]:
    score = report.test[metric]
    bounds = {"value": score.value, "low": score.low, "high": score.high}
    shown = {name: _test(metric, score.value if value is None else value) for name, value in bounds.items()}
    return shown | {"metric": _name(metric), "sure": Slot(0.95, "percent")}


def _test(metric: str, value: float) -> Slot:
    return Slot(value, "number", f"test-{metric}")


def _name(metric: str) -> Slot:
    return Slot(named(metric), "text")

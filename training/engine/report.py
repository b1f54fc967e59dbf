"""What a finished training tells about itself, version 1 of its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from training.engine.config import Recipe
from training.engine.schema import Task


@dataclass(frozen=True)
class ExcludedColumn:
    """A column the model does not read: a stable code and a sentence for people."""

    name: str
    code: str
    reason: str


@dataclass(frozen=True)
class ClassRows:
    label: str
    rows: int


@dataclass(frozen=True)
class CandidateResult:
    """One parameter set: its lowest validation loss and the round (from 1) that had it.

    After cross-validation `folds` holds the lowest loss of each fold, `loss` is their mean and `best_round` the middle.
    """

    name: str
    loss: float
    best_round: int
    rounds_run: int
    max_rounds: int
    seconds: float
    parameters: dict[str, float | int | str]
    folds: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CandidateResult:
        return cls(**{**data, "folds": tuple(data.get("folds", ()))})


@dataclass(frozen=True)
class Score:
    """A test metric. `low` and `high` bound the 95 % bootstrap interval; `baseline` is what always giving
    the training share (or mean) scores."""

    value: float
    low: float | None = None
    high: float | None = None
    baseline: float | None = None

    @property
    def margin(self) -> float | None:
        """Half the width of the interval, to two significant digits."""
        return None if self.low is None or self.high is None else float(f"{(self.high - self.low) / 2:.2g}")


@dataclass(frozen=True)
class CalibrationBin:
    """Mean predicted probability beside the observed share, both in [0, 1], over `rows` test rows."""

    predicted: float
    observed: float
    rows: int


@dataclass(frozen=True)
class RocPoint:
    false_positive_rate: float
    true_positive_rate: float
    threshold: float


@dataclass(frozen=True)
class Residuals:
    """Actual minus predicted on the test rows: quantiles keyed "0.05" to "0.95" and a histogram whose
    `edges` are one longer than `counts`."""

    mean: float
    quantiles: dict[str, float]
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Importance:
    """Mean absolute SHAP value of a column in margin space, and its share of all columns' sum."""

    column: str
    mean_abs: float
    share: float


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall when every row with at least this score is answered positive."""

    recall: float
    precision: float
    threshold: float


@dataclass(frozen=True)
class Swarm:
    """SHAP values of sampled rows for one column, in margin space. `ranks[i]` says where row i's cell lies among
    the sample, 0 lowest to 1 highest, and is None for a category and a missing cell: no cell is told."""

    column: str
    values: tuple[float, ...]
    ranks: tuple[float | None, ...]


@dataclass(frozen=True)
class Step:
    """One level of a category, or one equally filled bin of a number around its mean `at`: how many rows, their
    mean SHAP value, and its 10 % and 90 % quantile."""

    label: str
    at: float | None
    rows: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Dependence:
    """How a column moves the answer over its own values; the missing cells are a step of their own."""

    column: str
    kind: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Explanation:
    """Of the columns that matter most. `output` is the class of a multiclass model that the values speak for; else it
    is empty."""

    output: str
    swarms: tuple[Swarm, ...]
    dependence: tuple[Dependence, ...]


@dataclass(frozen=True)
class Alone:
    """What one column alone tells of the target: its out-of-fold score over all training rows, and over the
    `present` share of them that have a value."""

    column: str
    score: float
    present: float
    present_score: float


@dataclass(frozen=True)
class Screening:
    """What the columns of a table tell of a target, each alone, the most telling first.

    `columns` is how many a model would read; `alone` are those that were looked at, over `rows` rows.
    """

    task: Task
    measure: str
    rows: int
    columns: int
    alone: tuple[Alone, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Screening:
        return cls(**{**data, "alone": tuple(Alone(**each) for each in data["alone"])})


@dataclass(frozen=True)
class Suspicions:
    """What may make the figures too good. `measure` names the score: auc, macro_auc or r2.

    `order` is what the row number alone scores, `dates` are columns of dates by which rows that judge are older
    than rows that were learnt from, and `shift` is the p-value of equal targets in both, for a split that is not
    random.
    """

    measure: str
    alone: tuple[Alone, ...]
    order: float | None
    dates: tuple[str, ...]
    shift: float | None


@dataclass(frozen=True)
class Spread:
    """How the `rows` that were learnt from lie in a column: `counts` by bin. A number has bins "0", "1" … between the
    inner `edges`, a category one for each level by its code; further bins are "missing" and "unseen"."""

    column: str
    edges: tuple[float, ...]
    counts: dict[str, int]
    rows: int


@dataclass(frozen=True)
class Curves:
    """The chosen candidate's metrics by round: `values[name][i]` belongs to `steps[i]`, which counts from 1.

    None stands for a value that was not finite.
    """

    steps: tuple[int, ...]
    values: dict[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class RunReport:
    """`primary` is the loss that training went by, `main` the metric that people read first.

    `sizes` are rows by part (train, valid, test); `rounds_run` counts the chosen candidate's rounds, of
    which the first `best_round` are kept; `validation` holds its metrics at that round. `confusion[i][j]`
    counts test rows of class i answered with class j. `divided` says how the rows were divided: at `random`, or
    by `group` or `time` of the column `divided_by`. `explanation` of a multiclass model speaks for the class that
    columns move most, `class_explanations` for each class in turn, of very many for those that columns move most.
    `unavailable` says of a person's own metrics that have no value on the test rows why, by key.
    """

    task: Task
    target: str
    objective: str
    recipe: Recipe
    seed: int
    threads: int
    table_rows: int
    table_columns: int
    dropped_rows: int
    sizes: dict[str, int]
    classes: tuple[ClassRows, ...]
    columns: tuple[str, ...]
    excluded: tuple[ExcludedColumn, ...]
    candidates: tuple[CandidateResult, ...]
    chosen: str
    best_round: int
    rounds_run: int
    max_rounds: int
    curves: Curves
    primary: str
    main: str
    validation: dict[str, float]
    test: dict[str, Score]
    threshold: float | None
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[CalibrationBin, ...]
    roc: tuple[RocPoint, ...]
    residuals: Residuals | None
    importance: tuple[Importance, ...]
    precision_recall: tuple[PrecisionRecall, ...] = ()
    explanation: Explanation | None = None
    class_explanations: tuple[Explanation, ...] = ()
    suspicions: Suspicions | None = None
    spread: tuple[Spread, ...] = ()
    divided: str = "random"
    divided_by: str = ""
    unavailable: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    schema_version: int = 1

    @property
    def headline(self) -> Score:
        """The main metric on the test rows."""
        return self.test[self.main]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunReport:
        read: dict[str, Any] = {
            name: tuple(kind(**item) for item in data.get(name, ())) for name, kind in LISTS.items()
        }
        read["candidates"] = tuple(CandidateResult.from_json(each) for each in data["candidates"])
        read["test"] = {name: Score(**score) for name, score in data["test"].items()}
        read["columns"] = tuple(data["columns"])
        read["confusion"] = tuple(tuple(row) for row in data["confusion"])
        read["curves"] = _curves(data["curves"])
        read["residuals"] = _residuals(data["residuals"])
        read["explanation"] = _explanation(data["explanation"]) if data.get("explanation") else None
        read["class_explanations"] = tuple(map(_explanation, data.get("class_explanations", ())))
        read["spread"] = tuple(Spread(**{**each, "edges": tuple(each["edges"])}) for each in data.get("spread", ()))
        read["suspicions"] = _suspicions(data.get("suspicions"))
        return cls(**{**data, **read})


LISTS: dict[str, Any] = {
    "classes": ClassRows,
    "excluded": ExcludedColumn,
    "calibration": CalibrationBin,
    "roc": RocPoint,
    "importance": Importance,
    "precision_recall": PrecisionRecall,
}


def _curves(data: Mapping[str, Any]) -> Curves:
    return Curves(tuple(data["steps"]), {name: tuple(values) for name, values in data["values"].items()})


def _residuals(data: Mapping[str, Any] | None) -> Residuals | None:
    if data is None:
        return None
    return Residuals(**{**data, "edges": tuple(data["edges"]), "counts": tuple(data["counts"])})


def _explanation(data: Mapping[str, Any]) -> Explanation:
    swarms = tuple(Swarm(each["column"], tuple(each["values"]), tuple(each["ranks"])) for each in data["swarms"])
    dependence = tuple(
        Dependence(each["column"], each["kind"], tuple(Step(**step) for step in each["steps"]))
        for each in data["dependence"]
    )
    return Explanation(data["output"], swarms, dependence)


def _suspicions(data: Mapping[str, Any] | None) -> Suspicions | None:
    if data is None:
        return None
    alone = tuple(Alone(**each) for each in data["alone"])
    return Suspicions(**{**data, "alone": alone, "dates": tuple(data["dates"])})

"""Parameter sets that a recipe tries, and the XGBoost parameters that people may lay over them.

Default values: AutoGluon tabular (models/xgboost), its 2025 zero-shot portfolio (r40, r171), and XGB-TD of
pytabkit (Holzmueller et al., arXiv 2407.04491).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.engine.config import Recipe, RunConfig
from training.engine.errors import Untrainable
from training.engine.schema import Task

Value = float | int | str

OBJECTIVES: dict[Task, str] = {
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
    "regression": "reg:squarederror",
}
# The first metric is the loss that early stopping and the choice between candidates go by.
METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("logloss", "auc"),
    "multiclass": ("mlogloss", "merror"),
    "regression": ("rmse", "mae"),
}
# Every level count that we keep stays below this bound, so trees ask for one level at a time. Sets of levels can
# be exported too, but they gain nothing on the tables measured and cost much where a column has hundreds of levels.
ONE_HOT_UP_TO = 101
RARE = 0.05  # share of the rarer class below which weights are worth a try

ALIASES = {
    "eta": "learning_rate",
    "lambda": "reg_lambda",
    "alpha": "reg_alpha",
    "gamma": "min_split_loss",
    "num_boost_round": "n_estimators",
}
_SHARE, _AMOUNT = (1e-6, 1.0), (0.0, 1e9)
# Beyond these bounds a few characters ask for all the memory of the server, or for days.
ADJUSTABLE: dict[str, tuple[float, float]] = {
    "learning_rate": _SHARE, "max_depth": (0, 64), "max_leaves": (0, 65_536), "min_child_weight": _AMOUNT,
    "min_split_loss": _AMOUNT, "subsample": _SHARE, "colsample_bytree": _SHARE, "colsample_bylevel": _SHARE,
    "colsample_bynode": _SHARE, "reg_lambda": _AMOUNT, "reg_alpha": _AMOUNT, "max_delta_step": _AMOUNT,
    "scale_pos_weight": _AMOUNT, "max_bin": (2, 65_536), "n_estimators": (1, 100_000),
    "early_stopping_rounds": (1, 100_000),
}  # fmt: skip
GROW_POLICIES = ("depthwise", "lossguide")


@dataclass(frozen=True)
class Candidate:
    """One parameter set. `patience` None means AutoGluon's growing patience."""

    name: str
    parameters: dict[str, Value]
    max_rounds: int
    patience: int | None = None

    @property
    def learning_rate(self) -> float:
        return float(self.parameters.get("learning_rate", 0.3))  # XGBoost's own where none is set


def _autogluon(task: Task) -> Candidate:
    return Candidate("autogluon", {"learning_rate": 0.1, "max_depth": 6}, 10_000)


def _tuned_defaults(task: Task) -> Candidate:
    shared: dict[str, Value] = {"reg_lambda": 0.0, "max_bin": 256}
    if task == "regression":
        own: dict[str, Value] = {
            "learning_rate": 0.05,
            "max_depth": 9,
            "min_child_weight": 2.0,
            "subsample": 0.7,
        }
    else:
        own = {"learning_rate": 0.08, "max_depth": 6, "min_child_weight": 5e-6, "subsample": 0.65}
        own["colsample_bylevel"] = 0.9
    return Candidate("tuned-defaults", shared | own, 1000)


def _r40(task: Task) -> Candidate:
    parameters: dict[str, Value] = {
        "learning_rate": 0.01125, "max_depth": 10, "max_leaves": 35, "grow_policy": "lossguide",
        "colsample_bylevel": 0.638, "colsample_bynode": 0.924, "min_child_weight": 0.140, "reg_alpha": 3.50,
        "reg_lambda": 1.31, "subsample": 0.695,
    }  # fmt: skip
    return Candidate("portfolio-r40", parameters, 4000)


def _r171(task: Task) -> Candidate:
    parameters: dict[str, Value] = {
        "learning_rate": 0.00682, "max_depth": 6, "max_leaves": 10, "grow_policy": "lossguide",
        "colsample_bylevel": 0.921, "colsample_bynode": 0.644, "min_child_weight": 0.0507, "reg_alpha": 4.24,
        "reg_lambda": 1.48, "subsample": 0.966,
    }  # fmt: skip
    return Candidate("portfolio-r171", parameters, 4000)


RECIPES: dict[Recipe, tuple[Callable[[Task], Candidate], ...]] = {
    "quick": (_autogluon,),
    "standard": (_tuned_defaults, _autogluon),
    "thorough": (_tuned_defaults, _autogluon, _r40, _r171),
}


def candidates(config: RunConfig) -> tuple[Candidate, ...]:
    """The recipe's parameter sets with the person's own parameters laid over each.

    Raises Untrainable for a parameter that cannot be set here.
    """
    own = {ALIASES.get(name, name): value for name, value in config.parameters.items()}
    for name, value in sorted(own.items()):
        _check(name, value)
    return tuple(_laid_over(make(config.task), own) for make in RECIPES[config.recipe])


def for_rare(config: RunConfig, *, positives: int, negatives: int) -> tuple[Candidate, ...]:
    """A further candidate for a binary task whose rarer class is below RARE, unless the recipe is quick.

    It weighs positive rows by the root of the imbalance. The full imbalance would spoil the probabilities.
    """
    share = min(positives, negatives) / (positives + negatives)
    if config.task != "binary" or config.recipe == "quick" or share >= RARE:
        return ()
    own = {ALIASES.get(name, name): value for name, value in config.parameters.items()}
    base = _autogluon(config.task)
    weight: dict[str, Value] = {"scale_pos_weight": round((negatives / positives) ** 0.5, 4)}
    return (_laid_over(Candidate("rare-class", base.parameters | weight, base.max_rounds), own),)


def _check(name: str, value: Value) -> None:
    if name == "grow_policy":
        if value not in GROW_POLICIES:
            raise Untrainable("bad_parameter", f"“{name}” is one of: {', '.join(GROW_POLICIES)}.")
        return
    if name not in ADJUSTABLE:
        raise Untrainable("bad_parameter", f"“{name}” cannot be set here. Remove it from the parameters.")
    low, high = ADJUSTABLE[name]
    try:
        fits = low <= (float(value) if isinstance(value, str) else value) <= high
    except ValueError:
        fits = False
    if not fits:
        raise Untrainable("bad_parameter", f"“{name}” takes a number from {low:,g} to {high:,g}.")


def _laid_over(candidate: Candidate, own: dict[str, Value]) -> Candidate:
    own = dict(own)
    rounds = own.pop("n_estimators", candidate.max_rounds)
    patience = own.pop("early_stopping_rounds", candidate.patience)
    try:
        limit, wait = int(rounds), None if patience is None else int(patience)
    except ValueError as error:
        raise Untrainable("bad_parameter", "Rounds and patience must be whole numbers.") from error
    return Candidate(candidate.name, candidate.parameters | own, limit, wait)


def patience(best_round: int, train_rows: int) -> int:
    """Rounds to wait for an improvement: 0.3 of the best round + 20, with a limit that shrinks on big tables.

    AutoGluon, core/utils/early_stopping.py (AdaptiveES) with models/xgboost's 300 rounds.
    """
    limit = max(20, round(300 * min(1.0, 10_000 / train_rows)))
    return min(limit, round(0.3 * best_round) + 20)

"""The words of people for what the engine, its reports and its events name by a key.

The numeric core knows no languages. Its keys are translated here, where they reach a page.
"""

from collections.abc import Sequence
from functools import lru_cache

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from training.engine.metrics import lower_is_better
from training.engine.own import name_in

METRICS = {
    "auc": _("AUC"),
    "logloss": _("log loss"),
    "mlogloss": _("log loss"),
    "rmse": _("RMSE"),
    "mae": _("mean absolute error"),
    "merror": _("error rate"),
    "accuracy": _("accuracy"),
    "precision": _("precision"),
    "recall": _("recall"),
    "pr_auc": _("precision-recall AUC"),
    "f1": _("F1"),
    "macro_f1": _("macro F1"),
    "macro_recall": _("macro recall"),
    "macro_auc": _("macro AUC"),
    "brier": _("Brier score"),
    "ece": _("calibration error"),
    "r2": _("R²"),
    "median_ae": _("median absolute error"),
    "balanced_accuracy": _("balanced accuracy"),
    "mcc": _("Matthews correlation"),
    "kappa": _("Cohen's kappa"),
    "f2": _("F2"),
    "f05": _("F0.5"),
    "specificity": _("specificity"),
    "lift": _("lift of the top tenth"),
    "weighted_f1": _("weighted F1"),
    "top3": _("top-3 accuracy"),
    "mape": _("mean absolute percentage error"),
    "smape": _("symmetric percentage error"),
    "rmsle": _("RMSE of logarithms"),
    "p90_ae": _("error that 9 of 10 rows stay within"),
}
"""Metrics as they read within a sentence."""

BETTER = {"lower": _("lower is better"), "higher": _("higher is better")}


def metric(key: str) -> str:
    """A metric by its name within a sentence, also one that a person wrote; the key where nobody knows it."""
    return _named(key, get_language())


@lru_cache(maxsize=1024)
def _named(key: str, language: str | None) -> str:
    """Looked up once in each language: a list asks for the same few hundreds of times."""
    return str(METRICS.get(key) or name_in(key) or key)


def is_metric(key: str) -> bool:
    """Whether a list can be asked for the metric of this key."""
    return key in METRICS or bool(name_in(key))


def best_first(key: str) -> str:
    """The order of a list that begins with the best value of a metric: with a minus the largest comes first."""
    return key if lower_is_better(key) else f"-{key}"


def metric_choices(own: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Every metric with its name and, since two may be the same, its key; `own` are keys of those that people wrote."""
    names = [(key, metric(key)) for key in (*METRICS, *own)]
    return [(key, f"{name} ({key})" if name.lower() != key else name) for key, name in names]


def metric_orders(own: Sequence[str] = ()) -> list[tuple[str, str]]:
    """An order of a list by each metric from its best value, with its name."""
    return [
        (best_first(key), gettext("%(metric)s, best first") % {"metric": name}) for key, name in metric_choices(own)
    ]


DIVISIONS = {"random": _("At random"), "group": _("Whole groups"), "time": _("The newest rows judge")}
"""How rows are divided into those that are learnt from and those that judge."""


TASKS = {"binary": _("Yes or no"), "multiclass": _("One of several classes"), "regression": _("A number")}
"""Kinds of answers."""

RECIPES = {"quick": _("Quick"), "standard": _("Standard"), "thorough": _("Thorough")}

DETECTORS = {
    "diverged": _("a loss that runs away"),
    "spike": _("jumps of the loss"),
    "capped": _("too few rounds"),
    "converged": _("improvement"),
    "onset": _("overfitting"),
    "rise": _("a rise after the best round"),
    "plateau": _("a standstill"),
    "best": _("the best round"),
    "baseline": _("a lead over guessing"),
    "generalise": _("a test worse than validation"),
    "small_test": _("a small test"),
    "imbalance": _("rare classes"),
    "calibration": _("probabilities that are off"),
    "leak": _("columns that give the answer away"),
    "dominance": _("one column that decides all"),
    "order": _("an order of rows that tells the answer"),
    "time": _("rows that judge the past"),
    "shift": _("a target that shifted"),
    "choice": _("a choice between parameter sets"),
    "fold_spread": _("a fold far from the others"),
    "excluded": _("columns left out by rule"),
    "dropped": _("rows without a target"),
}
"""What each detector of the narrative looks for."""

STAGES = {
    "queued": _("Wait"),
    "load": _("Load"),
    "check": _("Check"),
    "split": _("Split"),
    "train": _("Train"),
    "evaluate": _("Evaluate"),
    "explain": _("Explain"),
    "package": _("Package"),
    "done": _("Done"),
}
"""The stages that every run goes through."""

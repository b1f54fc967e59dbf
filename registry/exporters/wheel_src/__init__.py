"""A trained model as a Python package, written by Fynix Flux Pilot.

MODEL_CARD.md and USAGE.txt lie beside this file.
"""

import functools
from importlib import resources

from ._engine import InputError, Model

__all__ = ["InputError", "load", "model_card", "predict", "predict_table", "schema", "usage"]


@functools.lru_cache(maxsize=1)
def load():
    """The model, read once."""
    return Model.of_package(__name__)


def predict(rows):
    """The answer for one row (a dict of column to raw value), or a list of answers for a list of rows.

    An answer is {"label": ..., "probabilities": {class: share}} or {"prediction": number}. Columns that are
    left out, and levels that training never saw, count as missing. Raises InputError for text where a number
    belongs.
    """
    if isinstance(rows, dict):
        return load().predict([rows])[0]
    return load().predict(list(rows))


def predict_table(table):
    """Answers for columns (a dict of lists, or a data frame), as a dict of lists.

    {"label": [...], "probabilities": {class: [...]}} or {"prediction": [...]}.
    """
    model = load()
    names = [name for name in model.names if name in table]
    answers = model.predict([dict(zip(names, values)) for values in zip(*(table[name] for name in names))])
    if not model.classes:
        return {"prediction": [answer["prediction"] for answer in answers]}
    shares = {name: [answer["probabilities"][name] for answer in answers] for name in model.classes}
    return {"label": [answer["label"] for answer in answers], "probabilities": shares}


def schema():
    """Columns with their kinds, levels and training ranges; the target; the classes; the threshold."""
    return load().schema


def model_card():
    """The model card, Markdown."""
    return resources.files(__name__).joinpath("MODEL_CARD.md").read_text("utf-8")


def usage():
    """How to use this package, plain text."""
    return resources.files(__name__).joinpath("USAGE.txt").read_text("utf-8")

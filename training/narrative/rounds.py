"""Detectors that read the learning curves alone, so they also work while a training runs.

Thresholds: measured on 284 curves of 16 real tables; generalisation loss after Prechelt (1998), spikes after
the modified z-score of Iglewicz and Hoaglin.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.narrative.claims import Change, Claim, Slot
from training.narrative.shape import Shape, named

MIN_ROUNDS = 10


def diverged(shape: Shape) -> Claim | None:
    broken = np.flatnonzero(~np.isfinite(shape.valid))
    slower = Change(parameters={"learning_rate": 0.03})
    if broken.size:
        step = _round(shape, int(broken[0]))
        return Claim("diverged", "problem", "The loss is no number from round {round} on.", {"round": step}, slower)
    if shape.best >= 2 or shape.rise <= 0.1:
        return None
    return Claim(
        "diverged",
        "problem",
        "Validation {metric} only got worse: {rise} above round {best}. Lower the learning rate.",
        {"metric": _name(shape), "rise": _rise(shape), "best": _round(shape, shape.best)},
        slower,
    )


def spike(shape: Shape) -> Claim | None:
    # A spike is above twice a median of earlier rounds, so above twice the lowest of them: a quick sieve.
    lowest = np.minimum.accumulate(shape.valid)
    for place in np.flatnonzero(shape.valid > 2 * lowest):
        before = shape.valid[max(0, place - 100) : place]
        middle = np.median(before)
        spread = np.median(np.abs(before - middle))
        value = shape.valid[place]
        if len(before) >= MIN_ROUNDS and value > 2 * middle and value - middle > 3.5 * spread:
            return _spiked(shape, int(place))
    return None


def _spiked(shape: Shape, place: int) -> Claim:
    slots = {"metric": _name(shape), "round": _round(shape, place), "value": _loss(shape, place)}
    return Claim("spike", "warning", "Validation {metric} jumped to {value} at round {round}.", slots)


def capped(shape: Shape) -> Claim | None:
    if shape.live or shape.steps[-1] < shape.max_rounds or shape.steps[shape.best] < 0.95 * shape.max_rounds:
        return None
    return Claim(
        "capped",
        "warning",
        "Training was still improving when it reached its limit of {limit} rounds. Raise the limit.",
        {"limit": Slot(shape.max_rounds, "count")},
        Change(parameters={"n_estimators": 2 * shape.max_rounds}),
    )


def converged(shape: Shape) -> Claim | None:
    if shape.best < 2 or shape.valid[0] <= shape.lowest:
        return None
    early = shape.reached(0.95)
    slots = {
        "metric": Slot(named(shape.shown), "text"),
        "value": _shown(shape, shape.best),
        "round": _round(shape, shape.best),
        "early": _round(shape, early),
        "share": Slot(0.95, "percent"),
    }
    if shape.live and shape.best >= 0.9 * (len(shape.steps) - 1):
        return Claim("converged", "good", "Validation {metric} is still improving: {value} at round {round}.", slots)
    steadily = " steadily" if _steady(shape) else ""
    template = (
        f"Validation {{metric}} improved{steadily} until round {{round}} ({{value}}); "
        "{share} of the gain was there by round {early}."
    )
    return Claim("converged", "good", template, slots)


def onset(shape: Shape) -> Claim | None:
    place = shape.onset()
    if place is None:
        return None
    return Claim(
        "onset",
        "info",
        "Possible overfitting signs from round {round}: training improves, validation {metric} does not.",
        {"round": _round(shape, place), "metric": _name(shape)},
    )


def rise(shape: Shape) -> Claim | None:
    if shape.rise <= 0.05 or shape.onset() is not None:
        return None
    return Claim(
        "rise",
        "info",
        "Validation {metric} ended {rise} above its best at round {best}; the later rounds are not kept.",
        {"metric": _name(shape), "rise": _rise(shape), "best": _round(shape, shape.best)},
    )


def plateau(shape: Shape) -> Claim | None:
    quarter = len(shape.valid) // 4
    if not shape.live or quarter < MIN_ROUNDS:
        return None
    before, after = shape.valid[-2 * quarter : -quarter].mean(), shape.valid[-quarter:].mean()
    if not abs(before - after) < 0.01 * abs(before):
        return None
    return Claim(
        "plateau",
        "info",
        "Validation {metric} has hardly moved since round {round}. Training stops by itself if that lasts.",
        {"metric": _name(shape), "round": _round(shape, len(shape.valid) - quarter)},
    )


def best(shape: Shape) -> Claim | None:
    if shape.live:
        return None
    return Claim(
        "best",
        "info",
        "The model keeps {kept} of {run} rounds; validation {metric} was lowest there, at {value}.",
        {
            "kept": Slot(shape.steps[shape.best], "count", f"valid-{shape.primary}", shape.steps[shape.best]),
            "run": Slot(shape.steps[-1], "count"),
            "metric": _name(shape),
            "value": _loss(shape, shape.best),
        },
    )


DETECTORS: dict[str, Callable[[Shape], Claim | None]] = {
    "diverged": diverged,
    "spike": spike,
    "capped": capped,
    "converged": converged,
    "onset": onset,
    "rise": rise,
    "plateau": plateau,
    "best": best,
}


def detect(shape: Shape) -> dict[str, Claim | None]:
    """Every detector's answer; after a divergence only that one speaks, as the rest would read noise."""
    if len(shape.valid) < MIN_ROUNDS:
        return {}
    lost = diverged(shape)
    if lost:
        return {"diverged": lost}
    return {code: look(shape) for code, look in DETECTORS.items()}


def _steady(shape: Shape) -> bool:
    """Whether four of five rounds up to the best one lowered the loss."""
    return bool((np.diff(shape.valid[: shape.best + 1]) < 0).mean() >= 0.8)


def _name(shape: Shape) -> Slot:
    return Slot(named(shape.primary), "text")


def _round(shape: Shape, place: int) -> Slot:
    return Slot(shape.steps[place], "count", f"valid-{shape.primary}", shape.steps[place])


def _loss(shape: Shape, place: int) -> Slot:
    return Slot(float(shape.valid[place]), "number", f"valid-{shape.primary}", shape.steps[place])


def _shown(shape: Shape, place: int) -> Slot:
    return Slot(float(shape.shown_values[place]), "number", f"valid-{shape.shown}", shape.steps[place])


def _rise(shape: Shape) -> Slot:
    return Slot(shape.rise, "percent", f"valid-{shape.primary}", shape.steps[-1])

"""How long a recipe will roughly take on this machine, before anything has run and while it runs."""

import os
import time
from collections.abc import Sequence

from training.engine import RunConfig, crossed
from training.engine.recipes import Candidate, candidates

CELLS_PER_S = 2.5e8  # cells times rounds that one core gets through in a second: 400,000 x 30 x 300 in 7 s on two
ROUND_S = 0.003  # what a round costs on any table
BASE_S = 4.0  # starting the process, reading, judging, explaining
WANING = 0.8  # of the way to the last round that patience allows: only a set that has stopped improving gets there
TELLING_S = 2.0  # a pace measured over less time than this tells nothing
LEARNING = 25.0  # rounds times learning rate at which these recipes usually stop


def seconds(config: RunConfig, *, rows: int, columns: int) -> int:
    """Roughly how long the run will take, in whole seconds."""
    cores = config.threads or len(os.sched_getaffinity(0))
    cells = rows * columns * (1 - config.test_share)
    sets = candidates(config)
    if crossed.applies(config, rows):
        sets = crossed.plan(sets)
    total = BASE_S + sum(
        _rounds(each.learning_rate, each.max_rounds, LEARNING) * (ROUND_S + cells / CELLS_PER_S / cores)
        for each in sets
    )
    return round(total)


def _rounds(learning_rate: float, limit: int, learning: float) -> float:
    return min(float(limit), learning / max(learning_rate, 0.001))


class Pace:
    """How long a training still takes: its rounds so far, and where such parameter sets usually stop.

    Once a set has stopped, the later ones are expected to stop after as much learning as it did.
    """

    def __init__(self, sets: Sequence[Candidate]) -> None:
        self._sets = sets
        self._place, self._step = 0, 0
        self._since: tuple[float, int] | None = None
        self._round_s: float | None = None
        self._learning = LEARNING

    def see(self, candidate: str, step: int) -> None:
        """Round `step` of this parameter set has just ended. One that was not planned is the last, which had won."""
        names, now = [each.name for each in self._sets], time.monotonic()
        place = names.index(candidate) if candidate in names else len(names) - 1
        if place != self._place and self._step:
            self._learning = self._step * self._sets[self._place].learning_rate
            self._since = None
        self._place, self._step = place, step
        begun, first = self._since = self._since or (now, step)
        if now - begun >= TELLING_S and step > first:
            self._round_s = (now - begun) / (step - first)

    def left(self, done: float) -> float | None:
        """Seconds, `done` being the share of the training as if no later round were better; None if none can tell."""
        if self._round_s is None:
            return None
        current, within = self._sets[self._place], len(self._sets) * done - self._place
        rounds = self._step / max(within, 0.01)
        if within < WANING:
            rounds = max(rounds, self._usual(current))
        later = sum(self._usual(each) for each in self._sets[self._place + 1 :])
        return max(0.0, rounds - self._step + later) * self._round_s

    def _usual(self, candidate: Candidate) -> float:
        return _rounds(candidate.learning_rate, candidate.max_rounds, self._learning)

"""The state of a training between two segments, as one blob.

Layout: 8 bytes magic, 4 bytes length of the JSON header (big endian), the header, then the UBJ bytes of the
candidate in training and of the best finished one, with their lengths in the header.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field

from training.engine.report import CandidateResult

MAGIC = b"FXCKPT01"


@dataclass
class Progress:
    """Early-stopping state of one candidate, and its curves so far, one value per round."""

    round: int = 0
    best_round: int = 0
    best_loss: float = math.inf
    seconds: float = 0.0
    curves: dict[str, list[float]] = field(default_factory=dict)

    def add(self, metrics: dict[str, float], loss: float) -> None:
        self.round += 1
        for name, value in metrics.items():
            self.curves.setdefault(name, []).append(value)
        if loss < self.best_loss:
            self.best_loss, self.best_round = loss, self.round


@dataclass(frozen=True)
class Winner:
    """The best finished candidate: its place in the recipe, its curves, its booster cut at the best round."""

    index: int
    progress: Progress
    native: bytes


@dataclass
class State:
    """Everything a resumed training needs. `key` ties it to one table and one configuration."""

    key: str
    finished: list[CandidateResult] = field(default_factory=list)
    winner: Winner | None = None
    progress: Progress = field(default_factory=Progress)
    native: bytes = b""


def pack(state: State) -> bytes:
    winner = state.winner
    header = {
        "key": state.key,
        "finished": [asdict(result) for result in state.finished],
        "progress": asdict(state.progress),
        "native": len(state.native),
        "winner": winner and {"index": winner.index, "progress": asdict(winner.progress)},
    }
    text = json.dumps(header).encode()
    return MAGIC + len(text).to_bytes(4, "big") + text + state.native + (winner.native if winner else b"")


def unpack(data: bytes) -> State | None:
    """The packed state, or None when the bytes are not of this version."""
    if not data.startswith(MAGIC):
        return None
    end = 12 + int.from_bytes(data[8:12], "big")
    header = json.loads(data[12:end])
    middle = end + header["native"]
    winner = header["winner"]
    return State(
        key=header["key"],
        finished=[CandidateResult.from_json(result) for result in header["finished"]],
        winner=winner and Winner(winner["index"], Progress(**winner["progress"]), data[middle:]),
        progress=Progress(**header["progress"]),
        native=data[end:middle],
    )

"""The story of a training, told from its numbers: detectors find, templates speak."""

from training.engine.report import Curves, RunReport
from training.narrative import judgement, rounds
from training.narrative.claims import Change, Claim, Narrative, Rephrasing, Slot, told
from training.narrative.shape import Shape

__all__ = ["Change", "Claim", "Narrative", "Rephrasing", "Slot", "narrate", "narrate_curves"]


def narrate(report: RunReport) -> Narrative:
    """All that a finished run's curves and test figures say."""
    shape = Shape.of(report.curves, report.primary, live=False, max_rounds=report.max_rounds)
    judged = {code: look(report) for code, look in judgement.DETECTORS.items()}
    result = judged.pop("baseline")
    return told({"baseline": result, **rounds.detect(shape), **judged})


def narrate_curves(curves: Curves, primary: str) -> Narrative:
    """What the curves of a running training say so far; nothing before ten rounds."""
    shape = Shape.of(curves, primary, live=True, max_rounds=0)
    return told(rounds.detect(shape))

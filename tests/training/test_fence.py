"""A language model may choose words; whatever could add, drop or turn round a fact is refused."""

import json

import pytest

from training.narrative import Claim, Narrative, Slot
from training.narrative.fence import Unfaithful, accept, messages

IMPROVED = Claim(
    "converged", "good", "Validation {metric} improved until round {round} ({value}).",
    {"metric": Slot("AUC", "text"), "round": Slot(41, "count"), "value": Slot(0.83, "number", "valid-auc", 41)},
)  # fmt: skip
ONSET = Claim("onset", "info", "Possible overfitting signs from round {round}.", {"round": Slot(55, "count")})
STORY = Narrative((IMPROVED, ONSET), ())
NAMES = ("months", "Monthly Charges", "yes")
GOOD = {
    "c1": "Up to round {{c1.round}}, validation {{c1.metric}} kept improving and reached {{c1.value}}.",
    "c2": "There may be overfitting after round {{c2.round}}.",
}
GOOD["c1"] = GOOD["c1"].replace("Up to", "Until")


def rephrased(**changes: object) -> tuple[Claim, ...]:
    return accept(STORY, json.dumps({**GOOD, **changes}), names=NAMES)


def test_a_faithful_wording_is_taken_and_its_figures_are_put_in_by_us() -> None:
    first, second = rephrased()
    assert first.text() == "Until round 41, validation AUC kept improving and reached 0.83."
    assert second.text() == "There may be overfitting after round 55."
    assert first.template == IMPROVED.template


def test_what_is_sent_holds_no_value() -> None:
    sent = json.dumps(messages(STORY))
    assert "{{c1.round}}" in sent
    for value in ("41", "55", "0.83", "AUC"):
        assert value not in sent


@pytest.mark.parametrize(
    ("wording", "reason"),
    [
        ("Validation {{c1.metric}} improved until round 41 ({{c1.value}}).", "placeholders"),
        ("Validation {{c1.metric}} improved until round {{c1.round}}.", "placeholders"),
        ("Validation {{c1.metric}} improved until round {{c1.round}} ({{c1.value}}) {{c2.round}}.", "placeholders"),
        ("Validation {{c1.metric}} improved until round {{c1.round}} ({{c1.value}}) {{c1.other}}.", "placeholders"),
        ("Validation {{c1.metric}} improved by 12 until round {{c1.round}} ({{c1.value}}).", "figure"),
        ("Validation {{c1.metric}} improved ２ rounds until {{c1.round}} ({{c1.value}}).", "figure"),
        ("Validation {{c1.metric}} improved twice until round {{c1.round}} ({{c1.value}}).", "number word"),
        ("Validation {{c1.metric}} improved until round {{c1.round}} ({{c1.value}} %).", "characters"),
        ("Validation {{c1.metric}} improved until round {{c1.round}} ({{c1.value}}).\nMore.", "characters"),
        ("<b>Validation {{c1.metric}} improved until round {{c1.round}} ({{c1.value}}).</b>", "characters"),
        ("Validation {{c1.metric}} improved until {round} {{c1.round}} ({{c1.value}}).", "characters"),
        ("Thanks to months {{c1.metric}} improved until round {{c1.round}} ({{c1.value}}).", "name"),
        ("With monthly charges {{c1.metric}} improved until round {{c1.round}} ({{c1.value}}).", "name"),
        ("Validation {{c1.metric}} got worse until round {{c1.round}} ({{c1.value}}).", "changes"),
        ("Validation {{c1.metric}} did not improve until round {{c1.round}} ({{c1.value}}).", "changes"),
        ("Validation {{c1.metric}} didn’t improve until round {{c1.round}} ({{c1.value}}).", "changes"),
        ("Validation {{c1.metric}} fell until round {{c1.round}} ({{c1.value}}).", "changes"),
        ("Validation {{c1.metric}} probably improved until round {{c1.round}} ({{c1.value}}).", "changes"),
        ("x" * 300 + "{{c1.metric}} improved {{c1.round}} {{c1.value}}", "length"),
        ("", "length"),
        (7, "length"),
    ],
)  # fmt: skip
def test_a_wording_that_breaks_a_rule_is_refused_and_says_which(wording: object, reason: str) -> None:
    with pytest.raises(Unfaithful, match=reason):
        rephrased(c1=wording)


def test_a_doubt_that_is_dropped_makes_a_fact_of_a_guess() -> None:
    with pytest.raises(Unfaithful, match="doubt"):
        rephrased(c2="Overfitting from round {{c2.round}}.")


@pytest.mark.parametrize(
    "answer",
    ["", "Here you are!", "[]", "null", json.dumps({"c1": GOOD["c1"]}), json.dumps({**GOOD, "c3": "More."}),
     "```json\n" + json.dumps(GOOD) + "\n```"],
)  # fmt: skip
def test_an_answer_of_another_shape_is_refused(answer: str) -> None:
    with pytest.raises(Unfaithful):
        accept(STORY, answer, names=NAMES)

"""What a language model may do with a narrative: rephrase sentences whose values it never sees.

It gets templates with placeholders such as `{{c2.round}}`. Its wording is taken whole or not at all; the rules below
refuse whatever could add, drop or turn round a fact. Symbolic references keep generated text checkable (SymGen,
arXiv 2311.09188); most free data-to-text outputs hold an error (arXiv 2401.10186).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from training.narrative.claims import Claim, Narrative

INSTRUCTION = (
    "You rephrase findings about the training of a machine learning model for a busy reader. You get a JSON object of "
    "identifiers and sentences. Answer with a JSON object of the same identifiers and your wording of each sentence, "
    "and nothing else. Keep every placeholder such as {{c1.name}} exactly as it is and in its own sentence; its value "
    "is put in later. Add no fact, number, number word, percent sign, name, comparison, doubt or certainty, and leave "
    "none out. Plain English, one line each, about as long as before."
)
PLACEHOLDER = re.compile(r"\{\{(c\d+)\.(\w+)\}\}")
SLOT = re.compile(r"\{(\w+)\}")
WORD = re.compile(r"[\w’'-]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


FIGURES = _set(
    "zero one two three four five six seven eight nine ten eleven twelve dozen hundred thousand million once twice "
    "thrice half halves double doubled triple quarter third thirds percent percentage most majority"
)
KINDS: dict[str, frozenset[str]] = {
    "better": _set("better best improve improved improves improving improvement gain gains good well"),
    "worse": _set("worse worst worsen worsened bad badly poor poorly fail fails failed lost deteriorated"),
    "up": _set("above higher highest rise rises rose risen raise grew more greater exceeds exceeded up"),
    "down": _set("below lower lowest fall falls fell fallen drop dropped less fewer under down reduce"),
    "not": _set("not no never none nothing without hardly barely cannot neither nor little"),
    "doubt": _set("possible possibly may might could perhaps likely probably signs suggests seems"),
}
"""Words that turn a sentence: a wording has exactly the kinds that its template has."""


class Unfaithful(Exception):
    """The wording breaks a rule; the message says which, without quoting it."""


def messages(narrative: Narrative) -> list[dict[str, str]]:
    """The conversation to send: instruction and templates, without any value."""
    sentences = {f"c{place}": _masked(claim, place) for place, claim in enumerate(narrative.claims, 1)}
    return [
        {"role": "system", "content": INSTRUCTION},
        {"role": "user", "content": json.dumps(sentences, ensure_ascii=False, indent=1)},
    ]


def accept(narrative: Narrative, answer: str, *, names: Collection[str]) -> tuple[Claim, ...]:
    """The claims in the wording of `answer`. `names` are the table's columns and classes, which nobody may spell out.

    Raises Unfaithful.
    """
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise Unfaithful("The answer is no JSON.") from error
    wanted = [f"c{place}" for place in range(1, len(narrative.claims) + 1)]
    if not isinstance(found, dict) or sorted(found) != sorted(wanted):
        raise Unfaithful("The answer does not hold exactly the findings that were sent.")
    return tuple(
        replace(claim, wording=_checked(claim, place, found[f"c{place}"], names))
        for place, claim in enumerate(narrative.claims, 1)
    )


def _masked(claim: Claim, place: int) -> str:
    return SLOT.sub(lambda slot: f"{{{{c{place}.{slot[1]}}}}}", claim.template)


def _checked(claim: Claim, place: int, text: Any, names: Collection[str]) -> str:
    """One wording as a template. Raises Unfaithful."""
    if not isinstance(text, str) or not text.strip() or len(text) > 2 * len(claim.template) + 80:
        raise Unfaithful(f"Finding {place} is no sentence of a fitting length.")
    if sorted(set(PLACEHOLDER.findall(text))) != sorted(
        (f"c{place}", name) for name in set(SLOT.findall(claim.template))
    ):
        raise Unfaithful(f"Finding {place} does not hold exactly its own placeholders.")
    bare = PLACEHOLDER.sub(" ", text)
    if not bare.replace("\u2019", "'").isprintable() or set("{}<>[]`\\%#@/*_") & set(bare):
        raise Unfaithful(f"Finding {place} holds characters that a sentence does not need.")
    for reason in _faults(SLOT.sub(" ", claim.template), bare, names):
        raise Unfaithful(f"Finding {place} {reason}.")
    return PLACEHOLDER.sub(lambda found: f"{{{found[2]}}}", text.strip())


def _faults(template: str, bare: str, names: Collection[str]) -> Iterator[str]:
    given, said = _words(template), _words(bare)
    if any(character.isdigit() or character.isnumeric() for word in said - given for character in word):
        yield "holds a figure of its own"
    if said & FIGURES - given:
        yield "holds a number word of its own"
    spoken = f" {' '.join(WORD.findall(bare.casefold()))} "
    known = f" {' '.join(WORD.findall(template.casefold()))} "
    for name in names:
        plain = f" {' '.join(WORD.findall(name.casefold()))} "
        if plain.strip() and plain in spoken and plain not in known:
            yield "spells out a name"
    for kind, words in KINDS.items():
        if bool(said & words) != bool(given & words):
            yield f"changes what the sentence says ({kind})"


def _words(text: str) -> set[str]:
    found = {word.strip("'’-") for word in WORD.findall(text.casefold())}
    return found | {"not" for word in found if word.replace("’", "'").endswith("n't")}

"""Letters as they stand on paper: Arabic ones in the form that joins their neighbours, right-to-left ones in order.

For names and labels within a left-to-right page: https://www.unicode.org/reports/tr9/ without explicit marks.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import groupby

LEFT, RIGHT, NUMBER = 0, 1, 2  # levels of the algorithm: odd ones run from the right
MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
TATWEEL = "\u0640"


def joined(text: str) -> str:
    """Arabic letters replaced by their initial, medial, final or isolated forms; other text as it is."""
    forms, pairs = _forms()
    for pair, single in pairs.items():
        text = text.replace(pair, single)
    found = list(text)
    bases = [place for place, letter in enumerate(text) if not _is_mark(letter)]
    for at, place in enumerate(bases):
        letter = text[place]
        before = at > 0 and _joins_on(text[bases[at - 1]]) and (letter, "<final>") in forms
        after = at + 1 < len(bases) and _joins_on(letter) and _joins_back(text[bases[at + 1]])
        kind = {(0, 0): "<isolated>", (0, 1): "<initial>", (1, 0): "<final>", (1, 1): "<medial>"}[before, after]
        found[place] = forms.get((letter, kind), letter)
    return "".join(found)


def runs_from_the_right(text: str) -> bool:
    """Whether any of it does."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def visual(text: str) -> str:
    """One line of text, each letter where the eye meets it from the left."""
    if not runs_from_the_right(text):
        return text
    clusters: list[str] = []
    for letter in text:  # a mark stays behind the letter that carries it
        if clusters and _is_mark(letter):
            clusters[-1] += letter
        else:
            clusters.append(letter)
    levelled = list(zip(_levels(clusters), clusters, strict=True))
    placed: list[str] = []
    for is_left, run in groupby(levelled, key=lambda pair: pair[0] == LEFT):
        if is_left:
            placed += [cluster for _, cluster in run]
            continue
        pieces = [(level, [cluster for _, cluster in piece]) for level, piece in groupby(run, key=lambda pair: pair[0])]
        for level, piece in reversed(pieces):
            placed += piece if level == NUMBER else [part.translate(MIRRORED) for part in reversed(piece)]
    return "".join(placed)


def _levels(clusters: list[str]) -> list[int]:
    """A level for each cluster: numbers keep their order, what stands between equal neighbours goes with them."""
    kinds = [unicodedata.bidirectional(cluster[0]) for cluster in clusters]
    for place in range(1, len(kinds) - 1):
        if kinds[place] in ("CS", "ES") and kinds[place - 1] == kinds[place + 1] and kinds[place - 1] in ("EN", "AN"):
            kinds[place] = kinds[place - 1]
    levels: list[int | None] = []
    strong = LEFT
    for kind in kinds:
        if kind in ("L", "R", "AL"):
            strong = LEFT if kind == "L" else RIGHT
            levels.append(strong)
        elif kind in ("EN", "AN"):
            levels.append(LEFT if kind == "EN" and strong == LEFT else NUMBER)
        else:
            levels.append(None)
    for opens, closes in _brackets(clusters):
        is_rightward = any(level not in (LEFT, None) for level in levels[opens:closes])
        if is_rightward and LEFT not in levels[opens:closes] and _before(levels, opens) != LEFT:
            levels[opens] = levels[closes] = RIGHT
    return [_between(levels, place) if level is None else level for place, level in enumerate(levels)]


def _brackets(clusters: list[str]) -> list[tuple[int, int]]:
    """Where each pair of brackets opens and closes."""
    waiting: list[int] = []
    found = []
    for place, cluster in enumerate(clusters):
        if cluster in ("(", "[", "{"):
            waiting.append(place)
        elif waiting and cluster == clusters[waiting[-1]].translate(MIRRORED):
            found.append((waiting.pop(), place))
    return found


def _before(levels: list[int | None], place: int) -> int:
    return next((level for level in reversed(levels[:place]) if level is not None), LEFT)


def _between(levels: list[int | None], place: int) -> int:
    before = _before(levels, place)
    after = next((level for level in levels[place:] if level is not None), LEFT)
    return RIGHT if LEFT not in (before, after) else LEFT


@cache
def _forms() -> tuple[dict[tuple[str, str], str], dict[str, str]]:
    """Which character a letter is in each of its forms, and lam with alef as one letter."""
    forms: dict[tuple[str, str], str] = {}
    pairs: dict[str, str] = {}
    written = [*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)]
    for code in written:
        kind, _, parts = unicodedata.decomposition(chr(code)).partition(" ")
        letters = "".join(chr(int(part, 16)) for part in parts.split())
        if kind == "<isolated>" and len(letters) == 2:
            pairs[letters] = chr(code)
    for code in written:
        kind, _, parts = unicodedata.decomposition(chr(code)).partition(" ")
        letters = "".join(chr(int(part, 16)) for part in parts.split())
        forms[pairs.get(letters, letters), kind] = chr(code)
    return forms, pairs


def _joins_on(letter: str) -> bool:
    return letter == TATWEEL or (letter, "<initial>") in _forms()[0]


def _joins_back(letter: str) -> bool:
    return letter == TATWEEL or (letter, "<final>") in _forms()[0]


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter) == "Mn"

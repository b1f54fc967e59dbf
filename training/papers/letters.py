"""Which font writes which letter of a PDF. A letter that none of them has stands as its name in brackets."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from training.papers import order

FOLDER = Path(__file__).with_name("fonts")
PLAIN, BOLD = "Inter", "Inter-Bold"
# The first that has a letter writes it; the later ones are read when a letter asks for them.
FONTS = (
    (PLAIN, "inter-regular.ttf", BOLD, "inter-bold.ttf"),
    ("DejaVu Sans", "dejavu-sans.ttf", "DejaVu Sans", "dejavu-sans.ttf"),
    ("Droid Sans Fallback", "droid-sans-fallback.ttf", "Droid Sans Fallback", "droid-sans-fallback.ttf"),
)
Run = tuple[str, str]  # a font's name and what it writes


def has_all(texts: Iterable[str]) -> bool:
    """Whether every letter is written as it is."""
    return all(_spelt(letter) is not None for letter in set("".join(texts)))


def lines(text: str, *, bold: bool = False, size: float, width: float) -> list[list[Run]]:
    """Runs of one font each, in the order of the page.

    One line, for the page to break, unless some of it runs from the right: its words are shared out before they are
    put in order, in lines of at most `width`, both in points.
    """
    text = _legible(order.joined(unicodedata.normalize("NFC", text)))
    if not order.runs_from_the_right(text):
        return [_runs(text, bold=bold)]
    shared: list[str] = []
    for word in text.split():
        longer = f"{shared[-1]} {word}" if shared else word
        if shared and measure(_runs(longer, bold=bold), size=size) <= width:
            shared[-1] = longer
        else:
            shared.append(word)
    return [_runs(order.visual(line), bold=bold) for line in shared]


def measure(runs: list[Run], *, size: float) -> float:
    """The width of a line, in points."""
    return sum(float(pdfmetrics.stringWidth(text, font, size)) for font, text in runs)


def _runs(text: str, *, bold: bool) -> list[Run]:
    written = [(_font(letter), letter) for letter in text]
    found = []
    for place, pairs in groupby(written, key=lambda pair: pair[0]):
        plain, _, strong, _ = FONTS[place or 0]
        found.append((strong if bold else plain, "".join(letter for _, letter in pairs)))
    return found


def _legible(text: str) -> str:
    """The text in letters that some font has, and the names of others; what only steers the letters is left out."""
    told: list[str] = []
    for is_written, letters in groupby(text, key=lambda one: _spelt(one) is not None):
        if is_written:
            told += [_spelt(letter) or "" for letter in letters]
        else:
            told.append("[" + ", ".join(map(_name, letters)) + "]")
    return "".join(told)


@cache
def _spelt(letter: str) -> str | None:
    """The letter, or equal ones, as some font has them; None when none has."""
    if unicodedata.category(letter) == "Cf" or unicodedata.name(letter, "").startswith("VARIATION SELECTOR"):
        return ""
    if letter.isspace():
        return " "
    for spelling in (letter, unicodedata.normalize("NFKD", letter)):
        if all(_font(part) is not None for part in spelling):
            return spelling
    return None


def _name(letter: str) -> str:
    return unicodedata.name(letter, f"U+{ord(letter):04X}")


def _font(letter: str) -> int | None:
    return next((place for place in range(len(FONTS)) if ord(letter) in _glyphs(place)), None)


@cache
def _glyphs(place: int) -> frozenset[int]:
    """Register a font in both its weights; the characters that both have."""
    plain, plain_file, bold, bold_file = FONTS[place]
    for name, file in ((plain, plain_file), (bold, bold_file)):
        pdfmetrics.registerFont(TTFont(name, FOLDER / file))
    pdfmetrics.registerFontFamily(plain, normal=plain, bold=bold, italic=plain, boldItalic=bold)
    return frozenset(pdfmetrics.getFont(plain).face.charToGlyph) & frozenset(pdfmetrics.getFont(bold).face.charToGlyph)

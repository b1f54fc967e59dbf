"""Every pair of colours that may meet on a page keeps WCAG 2.2 AA, light and dark."""

import re
from itertools import product
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text()
SHEETS = [sheet for sheet in sorted(CSS.rglob("*.css")) if sheet.name not in ("tokens.css", "admin.css")]
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
WORD = re.compile(r"(?<![\w-])color:\s*var\(--([\w-]+)\)")
GROUND = re.compile(r"(?<![\w-])background(?:-color)?:\s*var\(--([\w-]+)\)")
TINT = re.compile(r"background(?:-color)?:\s*color-mix\(in srgb, var\(--([\w-]+)\) (\d+)%, transparent\)")
PAIR = re.compile(r"--([\w-]+): light-dark\((#[0-9A-F]{6}), (#[0-9A-F]{6})\);")
PALETTE = {name: {"light": light, "dark": dark} for name, light, dark in PAIR.findall(TOKENS)}
THEMES = ("light", "dark")
GROUNDS = ("bg", "surface", "surface-2")
TONES = ("info", "success", "warning", "danger")

SOFT = [f"{tone}-soft" for tone in TONES]

WORDS = [
    *product(
        ("text", "muted", "primary-text"), SOFT
    ),  # cards that are chosen, buttons that are pressed, helps in notices
    ("bg", "text"),  # toasts and explanations
    *product(("text", "muted", "link", "primary-text", *TONES), GROUNDS),
    *((tone, f"{tone}-soft") for tone in TONES),
    *product(("link",), SOFT),
    ("on-primary", "primary"),
    ("on-primary", "primary-hover"),
    ("on-primary", "danger-fill"),
    ("on-accent", "accent"),
]
EDGES = [
    *product(("control-border", "focus", "primary-edge"), GROUNDS),
    *product([f"series-{number}" for number in range(1, 7)], ("bg", "surface")),
    *product(("control-border", "focus"), SOFT),
    *product(("danger", "success", "warning"), GROUNDS),  # edges of what is wrong, done, or near its end
    *product(("primary-edge", "success", "warning", "danger"), ("hairline",)),  # a bar on its track
    ("primary-edge", "info-soft"),
]


def luminance(colour: str) -> float:
    """Relative luminance of `#RRGGBB`, WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, WCAG 2.2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_formula_knows_black_on_white():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("word", "ground"), WORDS)
def test_words_can_be_read(word, ground, theme):
    assert contrast(PALETTE[word][theme], PALETTE[ground][theme]) >= 4.5


def written(sheet: Path) -> list[tuple[str, str]]:
    """Selector and body of each rule, comments left out."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    return [(selector.strip(), body) for selector, body in RULE.findall(text)]


def pairs_of(sheet: Path) -> list[tuple[str, str, str]]:
    """Selector, colour of the words and of the ground, of each rule that sets both."""
    found = [(selector, WORD.search(body), GROUND.search(body)) for selector, body in written(sheet)]
    return [
        (selector, word[1], ground[1])
        for selector, word, ground in found
        if word and ground and {word[1], ground[1]} <= PALETTE.keys()
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_rule_that_sets_words_on_a_ground_can_be_read(sheet, theme):
    poor = [
        f"{selector}: {word} on {ground}"
        for selector, word, ground in pairs_of(sheet)
        if contrast(PALETTE[word][theme], PALETTE[ground][theme]) < 4.5
    ]
    assert poor == []


def test_the_rules_with_words_on_a_ground_are_found():
    assert sum(len(pairs_of(sheet)) for sheet in SHEETS) > 20


def mixed(over: str, under: str, share: float) -> str:
    """`over` laid on `under` with an opacity of `share`."""
    channels = [
        round(int(over[at : at + 2], 16) * share + int(under[at : at + 2], 16) * (1 - share)) for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{channel:02X}" for channel in channels)


@pytest.mark.parametrize("theme", THEMES)
def test_words_can_be_read_on_what_the_pointer_tints(theme):
    tints = {
        found for sheet in SHEETS for _, body in written(sheet) for found in TINT.findall(body) if int(found[1]) <= 10
    }
    assert tints
    for colour, share in tints:
        for word, ground in product(("text", "muted", "link"), ("bg", "surface")):
            tinted = mixed(PALETTE[colour][theme], PALETTE[ground][theme], int(share) / 100)
            assert contrast(PALETTE[word][theme], tinted) >= 4.5, (word, ground, colour, share)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_controls_and_lines_can_be_seen(edge, ground, theme):
    assert contrast(PALETTE[edge][theme], PALETTE[ground][theme]) >= 3


def test_the_brand_colours_are_the_given_ones():
    assert PALETTE["primary"]["light"] == "#4F46E5"
    assert PALETTE["bg"]["light"] == "#F9FAFB"
    assert PALETTE["accent"]["light"] == "#14B8A6"

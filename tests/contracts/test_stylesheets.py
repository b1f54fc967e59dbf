"""What every style sheet keeps to, so that a page reads from either side and in any colours."""

import re
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from fynix.sheets import JOINED, JoiningStorage

CSS = Path(__file__).parents[2] / "static" / "css"
SHEETS = sorted(CSS.rglob("*.css"))
OURS = [sheet for sheet in SHEETS if sheet.name != "admin.css"]  # that one answers to the administration's own sheet

DECLARATION = re.compile(r"(?<![\w-])([a-z-]+):\s*([^;{}]+);")
SIDES = re.compile(
    r"^(left|right|top|bottom|(margin|padding|border|scroll-margin|scroll-padding)-(left|right|top|bottom)(-\w+)?"
    r"|(min-|max-)?(width|height)|border-(top|bottom)-(left|right)-radius|overflow-[xy]-\w+)$"
)
SHORTHAND = ("margin", "padding", "inset", "border-width", "border-radius")
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b")


def named(sheet: Path) -> str:
    return str(sheet.relative_to(CSS))


def declarations(sheet: Path) -> list[tuple[str, str]]:
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    text = re.sub(r"@media[^{]*", "", text)
    return [(name, value.strip()) for name, value in DECLARATION.findall(text)]


def parts(value: str) -> list[str]:
    """The values of a shorthand; what stands in brackets is one of them."""
    while (flat := re.sub(r"\([^()]*\)", "", value)) != value:
        value = flat
    return value.split()


@pytest.mark.parametrize("sheet", SHEETS, ids=named)
def test_a_sheet_knows_no_left_and_right(sheet):
    assert [f"{name}: {value}" for name, value in declarations(sheet) if SIDES.match(name)] == []
    aligned = [
        f"{name}: {value}"
        for name, value in declarations(sheet)
        if name in ("text-align", "float", "clear") and value in ("left", "right")
    ]
    assert aligned == []


@pytest.mark.parametrize("sheet", SHEETS, ids=named)
def test_a_shorthand_is_the_same_on_both_sides(sheet):
    uneven = [
        f"{name}: {value}"
        for name, value in declarations(sheet)
        if name in SHORTHAND and len(found := parts(value)) == 4 and found[1] != found[3]
    ]
    assert uneven == []


@pytest.mark.parametrize("sheet", OURS, ids=named)
def test_a_sheet_lives_in_a_layer(sheet):
    outside = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL).lstrip()
    assert outside.startswith("@layer")


@pytest.mark.parametrize("sheet", sorted((CSS / "components").glob("*.css")), ids=named)
def test_a_component_names_its_colours_by_token(sheet):
    white_paper_of_a_code_to_scan = "#FFFFFF"
    assert set(COLOUR.findall(sheet.read_text())) <= {white_paper_of_a_code_to_scan}


@pytest.mark.parametrize("name", JOINED)
def test_a_joined_sheet_is_its_parts_in_their_order_and_finds_the_letters(tmp_path, name):
    written = FileSystemStorage(CSS.parent)
    found = {part: (written, part) for part in [*JOINED[name], "fonts/inter-var.woff2"]}
    found |= {part: (written, part) for others in JOINED.values() for part in others}
    collected = JoiningStorage(location=tmp_path, base_url="/static/")
    for part in found:
        with written.open(part) as file:
            collected.save(part, file)
    list(collected.post_process(found))

    hashed = collected.stored_name(name)
    assert re.fullmatch(name.replace(".", r"\.[0-9a-f]{12}\."), hashed)
    assert (tmp_path / f"{hashed}.br").is_file()
    text = (tmp_path / hashed).read_text()
    letters = collected.stored_name("fonts/inter-var.woff2")
    parts = [(CSS.parent / part).read_text() for part in JOINED[name]]
    assert text == "\n".join(parts).replace("../fonts/inter-var.woff2", f"../{letters}")

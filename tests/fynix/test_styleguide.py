"""The page of all components: for staff, whole, and made from what it shows."""

import re

import pytest
from django.template.loader import get_template
from django.urls import reverse
from django.utils.html import escape

from fynix import styleguide
from fynix.templatetags import ui
from tests.cast import Cast, as_

NO_COMPONENT = {"message_tone"}  # a word for another tag, nothing to look at
NAMES = [name for names in styleguide.SPECIMENS.values() for name in names]


def source(name: str) -> str:
    return get_template(f"{styleguide.FOLDER}/{name}.html").template.source


@pytest.mark.django_db
def test_support_reads_the_style_guide_and_nobody_else_knows_of_it(cast: Cast) -> None:
    address = reverse("styleguide")
    assert as_(cast.sue).get(address).status_code == 200
    assert {as_(person).get(address).status_code for person in (None, cast.ada, cast.vic, cast.mallory)} == {404}


@pytest.mark.django_db
def test_each_component_stands_beside_the_markup_it_was_drawn_from(cast: Cast) -> None:
    page = as_(cast.sue).get(reverse("styleguide")).content.decode()
    for name in NAMES:
        note, _, markup = source(name).partition("\n")
        assert f'data-specimen="{name}"' in page
        assert escape(markup.strip()) in page
        assert re.fullmatch(r"\{# .+ #\}", note), name


def test_no_component_of_the_tag_library_is_missing() -> None:
    shown = "".join(map(source, NAMES))
    drawn = set(re.findall(r"{%-?\s*(\w+)", shown)) | set(re.findall(r"\|(\w+)", shown))
    missing = {name for name in {*ui.register.tags, *ui.register.filters} - NO_COMPONENT if name not in drawn}
    assert missing == set()


@pytest.mark.django_db
def test_colours_are_read_from_the_style_sheet(cast: Cast) -> None:
    page = as_(cast.sue).get(reverse("styleguide"))
    assert styleguide.Colour("primary", "#4F46E5", "#4F46E5") in page.context["colours"]


@pytest.mark.django_db
@pytest.mark.parametrize(("query", "way"), [("", "ltr"), ("?dir=rtl", "rtl")])
def test_the_guide_can_be_read_from_either_side(cast: Cast, query: str, way: str) -> None:
    page = as_(cast.sue).get(reverse("styleguide") + query).content.decode()
    assert f'<html lang="en" dir="{way}"' in page


@pytest.mark.django_db
def test_no_two_parts_of_the_guide_have_one_name(cast: Cast) -> None:
    page = as_(cast.sue).get(reverse("styleguide")).content.decode()
    names = [name for name in re.findall(r'\sid="([^"]+)"', page) if not name.startswith("tip-")]
    assert len(names) == len(set(names))

"""What a stranger meets first."""

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from fynix import env
from landing.content import BANDS, FACTS, FIGURES
from tests.cast import Cast, as_

BENCHMARKS = (env.ROOT / "docs" / "benchmarks.md").read_text()


@pytest.fixture
def visitor(client: Client, cast: Cast) -> Client:
    """Somebody who has not signed in, at a server that has an owner."""
    return client


@pytest.fixture
def page(visitor: Client) -> str:
    answer = visitor.get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_stranger_reads_the_whole_story_without_script(page):
    assert len(BANDS) >= 10
    for band in BANDS:
        assert re.search(rf'<section class="band [\w -]+" id="{band.key}"', page)
        assert f'id="{band.key}-title"' in page
    assert page.count("<h1") == 1
    assert page.count('class="safe-card"') == len(FACTS)


def test_a_stranger_finds_the_way_in(page):
    assert f'href="{reverse("account_signup")}"' in page
    assert f'href="{reverse("account_login")}"' in page


def test_every_drawing_says_what_it_shows(page):
    drawings = re.findall(r"<svg[^>]*viewBox[^>]*>", page)
    assert [tag for tag in drawings if 'role="img"' in tag and not re.search(r'aria-label="[^"]{20,}"', tag)] == []
    assert sum('role="img"' in tag for tag in drawings) == sum(bool(band.play) for band in BANDS) + 1


def test_without_script_no_button_is_shown_that_would_do_nothing(page):
    buttons = re.findall(r"<button[^>]*>", page)
    assert len(buttons) == sum(bool(band.play) for band in BANDS) + 1
    assert [tag for tag in buttons if " hidden" not in tag] == []


def test_every_drawing_that_plays_has_a_button_that_says_so(page):
    assert page.count("data-demo>") == len(re.findall(r'class="play" type="button" aria-pressed="false"', page)) == 7


def test_the_stop_switch_is_a_plain_control_that_needs_no_script(page):
    assert re.search(r'<label class="still"><input type="checkbox" role="switch" id="still"', page)
    assert "html:has(#still:checked)" in (env.ROOT / "static" / "css" / "pages" / "landing.css").read_text()


def test_every_jump_on_the_page_lands(page):
    jumps = set(re.findall(r'href="#([\w-]+)"', page))
    assert {jump for jump in jumps if f'id="{jump}"' not in page} == set()


def test_no_name_on_the_page_is_taken_twice(page):
    names = re.findall(r'\sid="([\w-]+)"', page)
    assert sorted(names) == sorted(set(names))


def test_the_page_asks_nobody_else_for_anything(page):
    assert re.findall(r'(?:src|srcset)="(?:https?:)?//', page) == []
    assert re.findall(r'<link (?!rel="canonical")[^>]*href="https?://', page) == []


def test_the_structured_data_carries_the_nonce_and_tells_the_story(visitor):
    answer = visitor.get("/")
    found = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>(.*?)</script>", answer.content.decode())
    assert len(found) == 1
    nonce = re.search(r'type="application/ld\+json" nonce="([^"]+)"', found[0][0])
    assert nonce
    assert f"'nonce-{nonce[1]}'" in answer.headers["Content-Security-Policy"]
    facts = json.loads(found[0][1])
    assert facts["@type"] == "SoftwareApplication"
    assert len(facts["featureList"]) == len(BANDS)


def test_a_shared_link_shows_a_picture_that_exists(page):
    card = re.search(r'property="og:image" content="http://testserver(/static/[^"]+)"', page)
    assert card
    assert 'name="twitter:card" content="summary_large_image"' in page
    assert 'rel="canonical" href="http://testserver/"' in page
    picture = env.ROOT / "static" / "img" / "social-card.jpg"
    assert card[1].startswith("/static/img/social-card")
    assert picture.stat().st_size <= 150 * 1024


def test_a_person_who_chose_dark_gets_dark_from_the_first_byte(visitor):
    visitor.cookies["theme"] = "dark"
    page = visitor.get("/").content.decode()
    assert re.search(r'<html [^>]*data-theme="dark">', page)
    assert "-wide-dark-" in page
    assert "-wide-light-" not in page


def test_a_forged_theme_is_ignored(visitor):
    visitor.cookies["theme"] = '"><script>'
    assert 'data-theme="system"' in visitor.get("/").content.decode()


def test_a_person_who_is_signed_in_is_led_home(cast):
    page = as_(cast.ada).get("/").content.decode()
    assert f'href="{reverse("home")}"' in page
    assert reverse("account_signup") not in page


def test_the_page_travels_compressed(visitor):
    answer = visitor.get("/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Cookie" in answer.headers["Vary"]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: str(figure.what))
def test_every_price_on_the_page_stands_in_the_benchmarks(figure):
    assert [found for found in figure.found if found not in BENCHMARKS] == []


def test_a_robot_reads_the_front_page_and_leaves_projects_alone(visitor):
    answer = visitor.get("/robots.txt")
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.content.decode().splitlines()
    assert {"Disallow: /p/", "Disallow: /home", "Disallow: /accounts/", "Disallow: /api/v1/"} <= set(lines)
    assert "Disallow: /" not in lines
    assert "Sitemap: http://testserver/sitemap.xml" in lines


def test_the_sitemap_lists_pages_that_answer_a_stranger(visitor):
    answer = visitor.get("/sitemap.xml")
    assert answer.headers["Content-Type"] == "application/xml"
    places = re.findall(r"<loc>http://testserver([^<]*)</loc>", answer.content.decode())
    assert "/" in places
    assert [visitor.get(place).status_code for place in places] == [200] * len(places)


def test_the_words_of_the_drawings_come_from_the_sitting():
    measured = json.loads((env.ROOT / "landing" / "measured.json").read_text())
    drawn = (env.ROOT / "templates" / "landing" / "demos" / "promote.html").read_text().replace("</text>", " ")
    said = " ".join(re.sub(r"<[^>]+>", "", drawn).split())
    for reason in measured["reasons"].values():
        assert reason in said.replace("“", "").replace("”", "")
    assert measured["upload"]["parts"] == 96
    rows, hostile = (measured["files"][0][key] for key in ("rows", "hostile_rows"))
    take = next(band for band in BANDS if band.key == "take")
    assert f"answered {rows:,} held-back rows and {hostile:,} hostile ones" in str(take.text)
    assert f"on {rows + hostile:,} rows" in (env.ROOT / "templates" / "landing" / "demos" / "take.html").read_text()
    assert [each["row"]["tenure"] for each in measured["answers"]] == ["29", "2"]

"""What the front page may weigh; docs/benchmarks.md measures time, this counts bytes."""

import re
from pathlib import Path

import brotli
import pytest
from django.test import Client

from fynix import env
from landing.content import BANDS
from landing.shots import FORMATS, FRAMES
from tests.cast import Cast

KIB = 1024
STATIC = env.ROOT / "static"
SHOTS = STATIC / "img" / "shots"
KEYS = [band.photograph.key for band in BANDS if band.photograph]
SCHEMES = ("light", "dark")


@pytest.fixture
def page(client: Client, cast: Cast) -> str:
    return client.get("/").content.decode()


def small(data: bytes) -> int:
    return len(brotli.compress(data))


def files(page: str, pattern: str) -> list[Path]:
    """The files of our own that the page names; addresses may carry a hash."""
    names = [re.sub(r"\.[0-9a-f]{12}(?=\.\w+$)", "", name) for name in re.findall(pattern, page)]
    return [STATIC / name for name in dict.fromkeys(names)]


def test_the_document_is_small(page):
    assert small(page.encode()) <= 14 * KIB


def test_the_style_sheets_are_small(page):
    sheets = files(page, r'rel="stylesheet" href="/static/([^"]+)"')
    assert sum(small(sheet.read_bytes()) for sheet in sheets) <= 12 * KIB


def test_there_is_one_small_script(page):
    scripts = files(page, r'<script[^>]+src="/static/([^"]+)"')
    assert len(scripts) == 1
    assert small(scripts[0].read_bytes()) <= 6 * KIB


def test_the_first_view_is_small_and_asks_rarely(page):
    asked = files(
        page, r'<(?:link rel="(?:preload|icon|stylesheet)"|script type="module")[^>]+(?:href|src)="/static/([^"]+)"'
    )
    asked += [STATIC / "icons" / "sprite.svg"]
    assert len(asked) + 1 <= 14
    fonts = [file for file in asked if file.suffix == ".woff2"]
    assert len(fonts) == 1
    weight = sum(file.stat().st_size if file in fonts else small(file.read_bytes()) for file in asked)
    assert weight + small(page.encode()) <= 170 * KIB


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("key", KEYS)
def test_every_photograph_is_there_in_every_frame_format_and_width(key, scheme):
    wanted = {f"{key}-{f.name}-{scheme}-{w}.{kind}" for f in FRAMES for w in f.widths for kind in FORMATS}
    assert {name for name in wanted if not (SHOTS / name).is_file()} == set()
    assert {w for frame in FRAMES for w in frame.widths} == {480, 800, 1200, 1600}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("frame", "limit"), [(FRAMES[0], 350), (FRAMES[1], 700)], ids=["phone", "wide"])
def test_all_photographs_together_stay_within_the_budget(frame, limit, scheme, kind):
    sizes = [(SHOTS / f"{key}-{frame.name}-{scheme}-{frame.widths[-1]}.{kind}").stat().st_size for key in KEYS]
    assert sum(sizes) <= limit * KIB
    assert max(sizes) <= 120 * KIB


def test_every_picture_comes_late_and_has_its_size(page):
    pictures = re.findall(r"<img [^>]+>", page)
    assert len(pictures) == len(KEYS)
    for tag in pictures:
        assert 'loading="lazy"' in tag
        assert 'decoding="async"' in tag
        assert re.search(r' width="\d+" height="\d+"', tag)
        assert re.search(r'alt="[^"]{30,}"', tag)


def test_no_photograph_is_kept_that_no_page_shows():
    known = {
        f"{key}-{f.name}-{s}-{w}.{kind}"
        for key in KEYS
        for f in FRAMES
        for s in SCHEMES
        for w in f.widths
        for kind in FORMATS
    }
    assert {file.name for file in SHOTS.iterdir()} == known

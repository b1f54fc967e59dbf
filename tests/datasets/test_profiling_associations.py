"""Columns that go together are found, of every kind; what only looks so by many levels is not."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from datasets.models import DatasetVersion
from datasets.profiling import ProfileDocument
from datasets.profiling.associations import correlation_ratio, cramers_v, spearman
from datasets.profiling.job import profile
from tests.cast import Cast, as_
from tests.datasets.uploading import read, uploaded

DICE = np.random.default_rng(3)


def document(tmp_path: Path, rows: int = 400) -> ProfileDocument:
    source = tmp_path / "t.csv"
    source.write_text(table(rows))
    (tmp_path / "work").mkdir()
    return profile(source, filename="t.csv", workdir=tmp_path / "work", progress=lambda share, say: None).document


def table(rows: int) -> str:
    dice, lines = random.Random(5), ["area,rent,floor,city,postal_area,noise"]
    for _ in range(rows):
        area, city = 20 + 180 * dice.random(), dice.choice(["Bonn", "Kiel", "Ulm"])
        rent = area**2 / 10 + dice.random()
        gap = "" if dice.random() < 0.1 else f"{rent:.2f}"
        floor = {"Bonn": 1, "Kiel": 10, "Ulm": 20}[city] + dice.random() * 4
        lines.append(f"{area:.3f},{gap},{floor:.2f},{city},P-{city[:2]},{dice.random():.4f}")
    return "\n".join(lines) + "\n"


def test_each_kind_of_pair_gets_its_measure(tmp_path: Path) -> None:
    found = {(a.first, a.second): a for a in document(tmp_path).associations}
    assert found["area", "rent"].method == "spearman"
    assert found["area", "rent"].value > 0.99
    assert found["area", "rent"].sample < 400
    assert found["city", "postal_area"].method == "cramers_v"
    assert found["city", "postal_area"].value == pytest.approx(1, abs=0.01)
    assert found["city", "floor"].method == "correlation_ratio"
    assert found["city", "floor"].value > 0.95
    assert not [pair for pair in found if "noise" in pair and abs(found[pair].value) > 0.2]


def test_a_near_copy_is_suggested_for_a_look(tmp_path: Path) -> None:
    said = [s.sentence for s in document(tmp_path).suggestions if s.code == "near_copy"]
    assert any("“area” and “rent” nearly tell each other" in sentence for sentence in said)


def test_a_long_table_is_judged_on_a_random_part_of_it(tmp_path: Path) -> None:
    found = {(a.first, a.second): a for a in document(tmp_path, 30_000).associations}
    assert 6_000 < found["city", "floor"].sample < 11_000
    assert found["area", "rent"].value > 0.99


def test_many_levels_alone_are_no_association() -> None:
    left, right = DICE.integers(0, 200, 2000), DICE.integers(0, 50, 2000)
    assert cramers_v(left, right) < 0.05
    assert correlation_ratio(left, DICE.normal(size=2000)) < 0.15


def test_the_measures_at_their_ends() -> None:
    steps = np.arange(50.0)
    assert spearman(steps, np.exp(steps / 9)) == pytest.approx(1)
    assert spearman(steps, -steps) == pytest.approx(-1)
    assert spearman(steps, np.ones(50)) == 0
    assert correlation_ratio(np.zeros(50, dtype=np.int64), steps) == 0
    assert cramers_v(np.zeros(50, dtype=np.int64), np.arange(50) % 2) == 0


def test_vic_sees_what_goes_together_and_asks_about_one_column(cast: Cast) -> None:
    version: DatasetVersion = read(uploaded(cast.ben, cast.acme, table(200).encode(), "flats.csv"))
    address = version.get_absolute_url()
    text = as_(cast.vic).get(address).content.decode()
    assert "What goes together" in text
    one = as_(cast.vic).get(f"{address}?beside=floor").content.decode()
    shown = one[one.index('id="together"') :]
    assert "<bdi>city</bdi> · <bdi>floor</bdi>" in shown
    assert "<bdi>area</bdi> · <bdi>rent</bdi>" not in shown

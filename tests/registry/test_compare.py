"""Versions beside one another, and where they come from."""

import pytest

from registry import comparison, labels
from registry.models import ModelVersion
from tests.cast import Cast, api, as_
from training.engine.report import Score

PAGE = "/p/acme/models/churn/compare"


def test_what_differs_comes_first_and_the_rest_is_folded(cast: Cast, first: ModelVersion, second: ModelVersion) -> None:
    found = comparison.compare([first, second])
    settings = next(section for section in found.sections if section.title == "Settings")
    assert {line.name: line.values for line in settings.different} == {"seed": ("7", "11")}
    assert "target" in {line.name for line in settings.equal}
    assert [[line.name for line in overlay.lines] for overlay in found.overlays] == [["Version 1", "Version 2"]] * 2
    page = as_(cast.vic).get(PAGE, {"v": [1, 2]}).content.decode()
    assert page.index("seed") < page.index("What is the same")
    assert page.count("<polyline") == 4  # two metrics, two versions


@pytest.mark.parametrize("numbers", [["1"], ["1", "9"], ["x"], ["1", "2", "3", "4", "5", "6"], ["9" * 30, "1"]])
def test_two_to_five_versions_that_exist_are_compared(
    cast: Cast, first: ModelVersion, second: ModelVersion, numbers: list[str]
) -> None:
    answer = as_(cast.vic).get(PAGE, {"v": numbers})
    assert answer.status_code == 422
    assert "Choose 2 to 5 versions of churn" in answer.content.decode()


def test_without_numbers_one_chooses(cast: Cast, first: ModelVersion) -> None:
    assert "nothing to compare yet" in as_(cast.vic).get(PAGE).content.decode()
    assert as_(cast.mallory).get(PAGE).status_code == 404


@pytest.mark.parametrize(
    ("name", "before", "after", "word"),
    [
        ("auc", Score(0.80, 0.78, 0.82), Score(0.86, 0.84, 0.88), "better"),
        ("auc", Score(0.80, 0.70, 0.90), Score(0.86, 0.76, 0.96), "no clear difference"),
        ("rmse", Score(2.0, 1.9, 2.1), Score(3.0, 2.9, 3.1), "worse"),
        ("auc", Score(0.8), Score(0.9), "no clear difference"),
        ("auc", None, Score(0.9, 0.8, 1.0), ""),
    ],
)
def test_a_difference_is_clear_when_its_interval_leaves_out_zero(
    name: str, before: Score | None, after: Score, word: str
) -> None:
    assert comparison.Difference(name, before, after).word == word


def test_the_interval_of_a_difference_adds_squares() -> None:
    low, high = comparison.Difference("auc", Score(0.5, 0.47, 0.53), Score(0.6, 0.56, 0.64)).interval
    assert (low, high) == (pytest.approx(0.05), pytest.approx(0.15))


def test_lineage_is_read_both_ways(cast: Cast, first: ModelVersion, second: ModelVersion) -> None:
    labels.pin(version=first, by=cast.mia, at=first.created_at)
    nodes = api(cast.vic).get(f"/api/v1/model-versions/{second.pk}/lineage").json()
    assert [(node["kind"], node["title"]) for node in nodes] == [
        ("table", "Customers v1"), ("chart", "Run 2"), ("box", "churn v2"),
    ]  # fmt: skip
    assert [node["comes_from"] for node in nodes] == ["", "Customers v1", "Run 2"]
    page = as_(cast.vic).get("/p/acme/datasets/customers/v/1/lineage").content.decode()
    assert "churn v1" in page
    assert "churn v2" in page
    assert as_(cast.mallory).get("/p/acme/datasets/customers/v/1/lineage").status_code == 404

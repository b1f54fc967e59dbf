"""Metrics that a person writes: formulas that mean what numpy means, and of which nothing can be made but a number."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.tables import Watch, churn, learn, prices, species
from training.engine import RunConfig, Untrainable
from training.engine.formulas import COLUMNS, FUNCTIONS, LONGEST, MOST_STEPS, FormulaError, read
from training.engine.metrics import lower_is_better
from training.engine.own import KEY, OwnMetric, is_name, name_in
from training.engine.scorers import MOST, MOST_OWN, Followed

COST = "mean(where(y == 1, 5 * (p < 0.5), 1 * (p >= 0.5)))"
DICE = np.random.default_rng(2)
ROWS = 40
TABLE = {
    "y": (DICE.random(ROWS) < 0.4).astype(float),
    "p": DICE.random(ROWS),
    "p_true": DICE.random(ROWS),
    "answer": (DICE.random(ROWS) < 0.5).astype(float),
    "hit": (DICE.random(ROWS) < 0.7).astype(float),
}


def valued(text, task="binary", table=TABLE):
    return read(text, task).value(table)


def refusal_of(text, task="binary"):
    """What is said against a formula; empty when it can be used."""
    try:
        read(text, task)
    except FormulaError as refusal:
        return str(refusal)
    return ""


def test_adas_cost_is_what_numpy_says():
    y, p = TABLE["y"], TABLE["p"]
    assert valued(COST) == np.where(y == 1, 5 * (p < 0.5), p >= 0.5).mean()
    assert valued("count(0.2 < p < 0.8 and not hit) / count(y == y)") == np.mean(
        (p > 0.2) & (p < 0.8) & ~(TABLE["hit"] > 0)
    )
    assert valued("quantile(abs(y - p), 0.9)") == np.quantile(np.abs(y - p), 0.9)
    assert valued("sqrt(mean((y - p) ** 2)) - max(0, min(1, 2, 3))") == np.sqrt(np.mean((y - p) ** 2)) - 1
    assert valued("sum(y or hit)") == ((y > 0) | (TABLE["hit"] > 0)).sum()


# A formula together with what numpy makes of it: (text, value).
NUMBERS = st.one_of(
    st.integers(0, 9).map(lambda n: (str(n), np.float64(n))),
    st.floats(0, 10, allow_nan=False).map(lambda x: (f"{x:.4f}", np.float64(f"{x:.4f}"))),
)
NAMES = st.sampled_from([(name, TABLE[name]) for name in COLUMNS["binary"]])
PAIRS = {
    "{} + {}": np.add, "{} - {}": np.subtract, "{} * {}": np.multiply, "{} / {}": np.divide, "{} ** {}": np.power,
    "{} == {}": np.equal, "{} != {}": np.not_equal, "{} < {}": np.less, "{} >= {}": np.greater_equal,
    "{} and {}": lambda a, b: (a != 0) & (b != 0), "{} or {}": lambda a, b: (a != 0) | (b != 0),
    "min({}, {})": np.minimum, "max({}, {})": np.maximum,
}  # fmt: skip
SINGLES = {
    "-{}": np.negative, "not {}": lambda a: a == 0, "abs({})": np.abs, "sqrt({})": np.sqrt, "log({})": np.log,
    "exp({})": np.exp,
}  # fmt: skip


def made(form, run, *parts):
    with np.errstate(all="ignore"):
        return f"({form.format(*(text for text, _ in parts))})", np.asarray(run(*(value for _, value in parts)), float)


def wider(smaller):
    return st.one_of(
        st.builds(lambda how, a, b: made(*how, a, b), st.sampled_from(list(PAIRS.items())), smaller, smaller),
        st.builds(lambda how, a: made(*how, a), st.sampled_from(list(SINGLES.items())), smaller),
        st.builds(
            lambda a, b, c: made("where({}, {}, {})", lambda x, y, z: np.where(x != 0, y, z), a, b, c),
            smaller, smaller, smaller,
        ),
    )  # fmt: skip


EXPRESSIONS = st.recursive(st.one_of(NAMES, NAMES, NUMBERS), wider, max_leaves=8)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, st.sampled_from(["mean", "sum"]))
def test_any_formula_means_what_numpy_means(made_of, over):
    text, value = made_of
    column = np.broadcast_to(value, (ROWS,))
    formula = f"{over}({text} + 0 * y)"
    if told := refusal_of(formula):
        assert "more than" in told or "longer than" in told
        return
    found = valued(formula)
    with np.errstate(all="ignore"):
        wanted = getattr(np, over)(column + 0 * TABLE["y"])
    np.testing.assert_allclose(found, wanted, rtol=1e-12, equal_nan=True)


WORDS = [
    *COLUMNS["binary"], *FUNCTIONS, *"+-*/()<>=,.[]{}:;@&|^~%!\"'\\#\n\t ", "**", "==", "lambda", "import", "__class__",
    "0", "1e999", "9" * 400, "1j", "True", "None", "'a'", "f''", "if", "else", "for", "in", "is", "not", "and", "é",
    "\0", "\ud800",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(st.text(max_size=500), st.lists(st.sampled_from(WORDS), max_size=60).map("".join)),
    st.sampled_from(list(COLUMNS)),
)
def test_whatever_is_written_is_a_formula_or_is_refused_in_a_sentence(text, task):
    if told := refusal_of(text, task):
        assert told.endswith(".")
        return
    formula = read(text, task)
    assert isinstance(formula.value(TABLE), float)
    assert len(formula.steps) <= MOST_STEPS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Write a formula"),
        ("mean(y", "cannot be read at character"),
        ("mean(z)", "At character 6, “z”: this is no column. Columns are: y, p,"),
        ("mean(mean)", "“mean”: this is a function, write its brackets"),
        ("median(y)", "At character 1, “median”: this is no function. Functions are: mean,"),
        ("mean(y, p)", "mean takes 1 value, not 2"),
        ("quantile(p)", "quantile takes 2 values, not 1"),
        ("quantile(p, y)", "“y”: this must be one number"),
        ("mean(3)", "“3”: mean takes values of the rows"),
        ("min(y)", "min takes at least 2 values, not 1"),
        ("y - p", "gives a value for each row"),
        ("2 ** 3", "reads no rows"),
        ("y.mean()", "“y.mean”: this is no function"),
        ("mean(y.real)", "“y.real”: nothing can be reached by a dot"),
        ("mean(y[0])", "“y[0]”: no part of a column can be picked out"),
        ("().__class__.__base__.__subclasses__()", "this is no function"),
        ("(lambda: 0)()", "this is no function"),
        ("mean(y if p else 1)", "write where(condition, value, other) instead"),
        ("mean((y == 1) & (p > 0.5))", "write “and” instead of &"),
        ("mean(~hit)", "write “not” instead of ~"),
        ("mean(y ^ 2)", "write ** for a power"),
        ("mean(y % 2)", "calculate with +, -, *, / and **"),
        ("mean(y is p)", "compare with ==, !="),
        ("mean(y == 'Yes')", "only numbers can be written here"),
        ("mean(y * True)", "only numbers can be written here"),
        ("mean(y * 1e999)", "the number is too large"),
        (f"mean(y * {'9' * 350})", "the number is too large"),
        ("mean(y for y in p)", "this is not part of the language"),
        ("mean(values=y)", "write the values alone"),
        ("mean(*y)", "write the values alone"),
        ("mean(" + "-" * 60 + "y)", "parts within one another"),
        ("mean(" + "(" * 150 + "y" + ")" * 150 + ") + z", "“z”: this is no column"),
        ("mean(" + "(" * 190 + "y" + ")" * 190 + ")", ""),
        ("+".join(["mean(y)"] * 30), f"more than {MOST_STEPS} steps"),
        ("mean(y)" + " " * LONGEST, f"longer than {LONGEST} characters"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(text, sentence):
    if not sentence:
        assert valued(text) == TABLE["y"].mean()
        return
    assert sentence in refusal_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "mean(y) + 9 ** 9 ** 9 ** 9 ** 9",
        "+".join(["quantile(p, .9)"] * 20),
        "mean(" + "exp(" * 15 + "p" + ")" * 15 + ")",
        "mean(" + "**".join(["p"] * 18) + ")",
    ],
)
def test_no_formula_holds_a_training_up(text):
    wide = {name: np.resize(values, 50_000) for name, values in TABLE.items()}
    formula = read(text, "binary")
    begun = time.process_time()
    formula.value(wide)
    assert time.process_time() - begun < 1


def test_a_formula_without_a_value_says_where_and_how_often():
    assert math.isnan(valued("mean(log(y - 1))"))
    zeros = int((TABLE["y"] != 1).sum())
    told = read("sqrt(mean(log(y - 1)))", "binary").fault(TABLE)
    assert told == f"“log(y - 1)” has no finite value on {ROWS} of {ROWS} rows."
    assert read("mean(1 / y)", "binary").fault(TABLE) == f"“1 / y” has no finite value on {zeros} of {ROWS} rows."
    assert (
        read("1 / count(p > 2)", "binary").fault(TABLE)
        == f"“1 / count(p > 2)” has no finite value over these {ROWS} rows."
    )
    assert read("mean(where(y == 1, 1 / y, 0))", "binary").fault(TABLE) == ""
    nothing = {name: values[:0] for name, values in TABLE.items()}
    for over in ("mean(y)", "quantile(y, 0.5)", "quantile(y, 2)"):
        assert math.isnan(valued(over, table=nothing))


def test_a_key_tells_name_direction_and_formula():
    cost = OwnMetric("Cost per case", COST)
    assert KEY.fullmatch(cost.key)
    assert len(OwnMetric("x" * 24, COST, "higher").key) == 40
    assert name_in(cost.key) == "Cost per case"
    assert lower_is_better(cost.key)
    assert not lower_is_better(replace(cost, better="higher").key)
    assert replace(cost, formula=COST.replace(" ", "\n")).key == cost.key
    assert replace(cost, formula=COST.replace("5", "6")).key != cost.key
    assert [
        name for name in ("a b", "é-1", "कि", "", " a", "a  b", "a:b", "a_b", "<b>", "x" * 25) if is_name(name)
    ] == ["a b", "é-1", "कि"]


def test_a_row_that_a_resample_takes_twice_is_there_twice():
    weights = DICE.integers(0, 3, ROWS).astype(float)
    wide = np.column_stack([1 - TABLE["p"], TABLE["p"]])
    own = OwnMetric("middle", "quantile(p, 0.5) + sum(y) + count(hit)")
    followed = Followed("binary", own=(own,))
    found = followed.measure(TABLE["y"], wide, TABLE["answer"].astype(int), weights)[own.key]
    rows = np.repeat(np.arange(ROWS), weights.astype(int))
    y, p, answer = (TABLE[name][rows] for name in ("y", "p", "answer"))
    assert found == np.quantile(p, 0.5) + y.sum() + (answer == y).sum()


WRITTEN = {
    "binary": (churn, "churn", "1 - mean(hit) + mean(1 - p_true) + mean(abs(y - p)) + mean(answer != y)"),
    "multiclass": (species, "species", "mean((y == answer) - hit) + mean(1 - p_true)"),
    "regression": (prices, "price", "quantile(abs(y - p), 0.5) / mean(y)"),
}


@pytest.mark.parametrize("task", WRITTEN)
def test_what_is_written_is_in_every_round_and_among_the_test_metrics_and_moves_no_model(tmp_path, task):
    make, target, formula = WRITTEN[task]
    plain = RunConfig(target, task, threads=1, parameters={"n_estimators": 8})
    own = OwnMetric("Mine", formula)
    asked = replace(plain, own=(own,))
    found = learn(tmp_path, make(), asked)
    curve, score = found.report.curves.values[f"valid-{own.key}"], found.report.test[own.key]

    assert len(curve) == 8
    assert curve[-1] < curve[0]
    assert score.low < score.value < score.high
    assert score.value < score.baseline
    assert found.report.validation[own.key] == curve[found.report.best_round - 1]
    assert found.native == learn(tmp_path, make(), plain).native
    assert RunConfig.from_json(asked.to_json()) == asked


def test_a_metric_without_a_value_leaves_the_run_whole_and_says_why(tmp_path):
    own = OwnMetric("Odd", "mean(log(-p_true))")
    watch = Watch()
    report = learn(
        tmp_path, churn(), RunConfig("churn", "binary", threads=1, own=(own,), parameters={"n_estimators": 4}), watch
    ).report
    assert set(report.curves.values[f"valid-{own.key}"]) == {None}
    assert own.key not in {**report.test, **report.validation}
    assert "“log(-p_true)” has no finite value on" in report.unavailable[own.key]
    assert len([line for line in watch.lines if "“Odd” is not available in the first round" in line]) == 1


@pytest.mark.parametrize(
    ("own", "names", "sentence"),
    [
        ([("", COST, "lower")], (), "cannot be the name of a metric"),
        ([("cost", COST, "sideways")], (), "whether lower or higher"),
        ([("cost", "mean(x)", "lower")], (), "cost: At character 6"),
        ([("cost", COST, "lower"), ("cost", "mean(y)", "lower")], (), "the same name"),
        ([(f"cost {n}", COST, "lower") for n in range(MOST_OWN + 1)], (), f"At most {MOST_OWN} metrics can be"),
        ([("a", COST, "lower")], ("mcc", "lift", "f2", "kappa", "brier"), f"At most {MOST} further"),
    ],
)  # fmt: skip
def test_metrics_that_cannot_be_followed_are_refused_before_anything_is_learnt(tmp_path, own, names, sentence):
    asked = RunConfig("churn", "binary", metrics=names, own=tuple(OwnMetric(*each) for each in own))
    with pytest.raises(Untrainable) as refusal:
        learn(tmp_path, churn(), asked)
    assert sentence in refusal.value.message

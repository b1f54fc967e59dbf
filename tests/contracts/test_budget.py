"""The page about performance says what the tests hold pages to."""

from tests.browser import budget


def test_the_table_in_the_documentation_is_the_budget():
    assert budget.printed() == budget.table()

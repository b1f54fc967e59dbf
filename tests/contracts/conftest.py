"""The contracts are tried on a project with one of everything."""

from tests.registry.conftest import churn, churn_table, config, finish, first, learnt, proofs  # noqa: F401

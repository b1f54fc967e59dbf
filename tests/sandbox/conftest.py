"""The sandbox is tried on the registry's first version."""

from tests.registry.conftest import churn, churn_table, config, finish, first, learnt, proofs, second  # noqa: F401

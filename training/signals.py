"""What training tells the floors above it."""

from django.dispatch import Signal

run_finished = Signal()
"""A run ended with a model: sent as `run=Run, at=datetime` inside the transaction that stores its outcome."""

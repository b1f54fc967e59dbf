"""Why a training ends without a model."""

from __future__ import annotations


class Untrainable(Exception):
    """The table or the settings cannot give a model.

    `code` is stable and meant for programs, `message` says in plain words what happened and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Cancelled(Exception):
    """The observer asked for an end; nothing was wrong."""

"""Asking a language model for other words, when the server's owner has named one. It never holds up a run for long."""

import hashlib
import json
import urllib.request
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import structlog
from django.conf import settings

from training.narrative import Narrative, Rephrasing
from training.narrative.fence import Unfaithful, accept, messages

log = structlog.get_logger(__name__)

LONGEST_ANSWER = 64 * 1024  # bytes


class _NoWayOn(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


def rephrase(story: Narrative, *, names: Collection[str]) -> Narrative:
    """The story in the model's words if it has kept to the rules, else in its own; and what was asked and answered.

    Without a configured model the story is as it was.
    """
    if not settings.LLM_URL or not story.claims:
        return story
    body = json.dumps({"model": settings.LLM_MODEL, "temperature": 0, "messages": messages(story)}).encode()
    asked = Rephrasing(settings.LLM_MODEL or settings.LLM_URL, hashlib.sha256(body).hexdigest(), "")
    try:
        asked = replace(asked, answer=_ask(body))
        told = replace(story, claims=accept(story, asked.answer, names=names), rephrasing=asked)
    except Unfaithful as refusal:
        told = replace(story, rephrasing=replace(asked, refusal=str(refusal)))
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        told = replace(story, rephrasing=replace(asked, refusal=f"No usable answer: {type(error).__name__}."))
    log.info("narrative_rephrased", refusal=told.rephrasing.refusal if told.rephrasing else "")
    return told


def _ask(body: bytes) -> str:
    """The text of the first choice. Raises OSError, ValueError, KeyError, IndexError or TypeError."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if settings.LLM_KEY:
        headers["Authorization"] = f"Bearer {settings.LLM_KEY}"
    address = f"{settings.LLM_URL.rstrip('/')}/chat/completions"
    if not address.startswith(("http://", "https://")):
        raise ValueError("FYNIX_LLM_URL is no web address")
    request = urllib.request.Request(address, data=body, headers=headers)  # noqa: S310 -- checked above
    with urllib.request.build_opener(_NoWayOn).open(request, timeout=settings.LLM_SECONDS) as answer:
        data = answer.read(LONGEST_ANSWER + 1)
    if len(data) > LONGEST_ANSWER:
        raise ValueError("too long")
    return str(json.loads(data)["choices"][0]["message"]["content"])

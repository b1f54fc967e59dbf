"""Insights in a language model's words: asked over real HTTP, taken whole or not at all, never in the way of a run."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.cast import Cast, api, as_
from tests.training.test_execute import train_here
from tests.training.test_pages import text
from training.models import Outcome, Run

pytestmark = pytest.mark.django_db(transaction=True)


class Server(ThreadingHTTPServer):
    """Speaks as an OpenAI-compatible server; `reply` makes the text of its answer from the sentences it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.reply: Callable[[dict[str, str]], str] = json.dumps
        self.status = 200
        super().__init__(("127.0.0.1", 0), Speaker)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Speaker(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        said = self.server.reply(json.loads(body["messages"][1]["content"]))
        data = json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        settings.LLM_URL, settings.LLM_MODEL, settings.LLM_KEY = found.url, "small-model", "the-key"
        yield found
        found.shutdown()
        thread.join()


def prefixed(sentences: dict[str, str]) -> str:
    """A model that is faithful to the letter."""
    return json.dumps({name: f"In short: {sentence}" for name, sentence in sentences.items()})


def narrative_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = Outcome.objects.get(run=run).narrative
    return found


def test_a_faithful_wording_is_shown_with_our_figures_and_says_whose_it_is(
    run: Run, cast: Cast, server: Server
) -> None:
    server.reply = prefixed
    train_here(run)
    page = text(as_(cast.vic), "/p/acme/runs/1")
    told = narrative_of(run)

    assert told["rephrasing"]["refusal"] == ""
    assert all(claim["wording"].startswith("In short: ") for claim in told["claims"])
    assert "In short: " in page
    assert "Rephrased by small-model, which saw no value." in page
    assert re.search(r"In short: [^<]*<a class=\"figure-link\"", page)
    assert "In short: " in api(cast.vic).get(f"/api/v1/runs/{run.pk}/snapshot").json()["claims"][0]["text"]


def test_the_model_is_asked_properly_and_sees_no_value_name_or_class(run: Run, cast: Cast, server: Server) -> None:
    train_here(run)
    ((path, headers, body),) = server.asked

    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer the-key"
    assert (body["model"], body["temperature"]) == ("small-model", 0)
    for word in ("months", "spend", "basic", "yes", "churn"):
        assert not re.search(rf"\b{word}\b", json.dumps(body))
    bare = re.sub(r"\{\{.*?\}\}|\bc\d+\b|F1", "", body["messages"][1]["content"])
    assert not re.search(r"\d", bare)


def test_a_wording_with_a_figure_of_its_own_is_refused_and_the_template_stands(
    run: Run, cast: Cast, server: Server
) -> None:
    server.reply = lambda sentences: json.dumps({name: f"{said} That is 7." for name, said in sentences.items()})
    train_here(run)
    told = narrative_of(run)

    assert "figure" in told["rephrasing"]["refusal"]
    assert "That is 7." in told["rephrasing"]["answer"]
    assert not any(claim["wording"] for claim in told["claims"])
    page = text(as_(cast.vic), "/p/acme/runs/1")
    assert "That is 7" not in page
    assert "Rephrased by" not in page


@pytest.mark.parametrize(
    ("reply", "status"), [(lambda _: "no", 500), (lambda _: "no", 302), (lambda _: "x" * 100_000, 200)]
)
def test_a_server_that_fails_sends_elsewhere_or_never_ends_costs_the_run_nothing(
    run: Run, cast: Cast, server: Server, reply: Callable[[dict[str, str]], str], status: int
) -> None:
    server.reply, server.status = reply, status
    train_here(run)

    assert narrative_of(run)["rephrasing"]["refusal"].startswith("No usable answer")
    assert "Test AUC is" in text(as_(cast.vic), "/p/acme/runs/1")


def test_nobody_is_there_or_nobody_answers(run: Run, cast: Cast, server: Server, settings: Settings) -> None:
    settings.LLM_SECONDS = 0.2
    quiet = threading.Event()
    server.reply = lambda _: str(quiet.wait(5))
    train_here(run)
    quiet.set()

    assert narrative_of(run)["rephrasing"]["refusal"] == "No usable answer: TimeoutError."


def test_without_a_configured_model_nobody_is_asked(run: Run, cast: Cast) -> None:
    train_here(run)
    assert narrative_of(run)["rephrasing"] is None

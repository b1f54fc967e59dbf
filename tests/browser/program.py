"""A person's script: it speaks the JSON API with a token."""

import time
from pathlib import Path
from typing import Any

import httpx

ENDED = {"succeeded", "failed", "cancelled"}
PATIENCE_S = 300


class Program:
    """The API of one project."""

    def __init__(self, address: str, token: str, project: str) -> None:
        self.address = address
        self.project = f"projects/{project}"
        self.http = httpx.Client(base_url=f"{address}/api/v1/", headers=_bearer(token), timeout=60)
        self.http.headers.update(_bearer(self.post("auth/token")["access"]))

    def get(self, path: str, **query: Any) -> Any:
        return self._read(self.http.get(path, params=query))

    def post(self, path: str, **body: Any) -> Any:
        return self._read(self.http.post(path, json=body))

    def _read(self, answer: httpx.Response) -> Any:
        assert answer.is_success, answer.text
        return answer.json()

    def ended(self, task: str) -> Any:
        """Wait until the task has ended; how it ended."""
        limit = time.monotonic() + PATIENCE_S
        while (found := self.get(f"tasks/{task}"))["status"] not in ENDED:
            assert time.monotonic() < limit, found
            time.sleep(0.3)
        return found

    def upload(self, file: Path) -> Any:
        """Send a file and wait until it was read; the task of the reading."""
        data = file.read_bytes()
        opened = self.post(f"{self.project}/uploads", filename=file.name, size_bytes=len(data))
        size = opened["part_size_bytes"]
        for part in opened["parts"]:
            first = (part["number"] - 1) * size
            sent = httpx.put(self.address + part["url"], content=data[first : first + size], timeout=60)
            assert sent.is_success, sent.text
        accepted = self.post(f"uploads/{opened['upload_id']}/complete")
        return self.ended(accepted["task_id"])

    def sample(self, key: str) -> str:
        """The version of a bundled table, read."""
        accepted = self.post(f"{self.project}/samples/{key}")
        return str(self.ended(accepted["task_id"])["result"]["id"])

    def train(self, version: str, **wish: Any) -> Any:
        """Start a run."""
        return self.post(f"{self.project}/runs", dataset_version_id=version, **wish)

    def ready(self, version: str) -> None:
        """Wait until the files of a version are there."""
        limit = time.monotonic() + PATIENCE_S
        while (found := self.get(f"model-versions/{version}"))["state"] != "ready":
            assert time.monotonic() < limit, found
            time.sleep(0.3)

    def promote(self, model: str, version: str, *, reason: str) -> None:
        seen = self.http.get(f"models/{model}").headers["ETag"]
        body = {"version_id": version, "reason": reason}
        self._read(self.http.post(f"models/{model}/promotions", json=body, headers={"If-Match": seen}))

    def roll_back(self, model: str, *, reason: str) -> None:
        seen = self.http.get(f"models/{model}").headers["ETag"]
        self._read(self.http.post(f"models/{model}/rollbacks", json={"reason": reason}, headers={"If-Match": seen}))


def _bearer(word: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {word}"}

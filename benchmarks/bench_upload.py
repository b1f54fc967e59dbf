"""Parts through the real server, against a raw copy of the same file.

Both end with the bytes on disk: the server syncs each part before it answers 204, the copy is followed by fsync.
"""

import hashlib
import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks import measure
from benchmarks.measure import MIB, cpu_s, median, peak_mib
from benchmarks.product import Product, product

LARGE = 5 << 30


@dataclass
class Seconds:
    """What every turn took; `server` is the CPU time of the web process."""

    copy: list[float] = field(default_factory=list)
    digest: list[float] = field(default_factory=list)
    upload: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)


def main() -> None:
    """Copy, hash and upload in turn, and show the median of each."""
    quick = measure.options(__doc__ or "").quick
    size, turns = (32 * MIB, 1) if quick else (768 * MIB, 3)
    with product() as running:
        file = running.data / "source.bin"
        write(file, size)
        headers, took = sign_in(), Seconds()
        for _ in range(turns):
            took.copy.append(timed(copy, file))
            took.digest.append(timed(digest, file))
            before = cpu_s(running.web)
            took.upload.append(timed(upload, running, file, headers))
            took.server.append(cpu_s(running.web) - before)
        show(size, turns, took, peak_mib(running.web))
        if not quick:
            write(file, LARGE)
            seconds = timed(upload, running, file, headers)
            print(
                f"\n{LARGE / MIB:,.0f} MiB in one upload: {LARGE / MIB / seconds:,.0f} MiB/s, largest resident set of "
                f"the server {peak_mib(running.web):.0f} MiB."
            )


def show(size: int, turns: int, took: Seconds, peak: float) -> None:
    mib = size / MIB
    print(f"{mib:,.0f} MiB, median of {turns}; the client runs on the same cores and sends 4 parts at once.")
    names = {
        "raw copy, fsync (peer)": took.copy,
        "sha256 of the file, one core": took.digest,
        "upload in signed parts": took.upload,
    }
    rows = [(name, mib / median(s), median(s) / median(took.copy)) for name, s in names.items()]
    measure.table(("", "MiB/s", "time ÷ raw copy"), rows)
    print(
        f"CPU of the server: {median(took.server) / mib * 1000:.2f} ms for each MiB, of which hashing takes about "
        f"{median(took.digest) / mib * 1000:.2f} ms. Largest resident set of the server: {peak:.0f} MiB."
    )


def write(file: Path, size: int) -> None:
    with file.open("wb") as target:
        for _ in range(size // MIB):
            target.write(os.urandom(MIB))
        os.fsync(target.fileno())


def timed(work: object, *arguments: object) -> float:
    assert callable(work)
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def copy(file: Path) -> None:
    target = file.with_suffix(".copy")
    with file.open("rb") as source, target.open("wb") as sink:
        while chunk := source.read(MIB):
            sink.write(chunk)
        sink.flush()
        os.fsync(sink.fileno())
    target.unlink()


def digest(file: Path) -> None:
    with file.open("rb") as source:
        hashlib.file_digest(source, "sha256")


def sign_in() -> dict[str, str]:
    """Headers of Ada, who owns the project Lab."""
    from django.utils.timezone import now

    from accounts import projects, tokens
    from accounts.models import User

    ada = User.objects.create_user("ada@example.org", "correct horse battery")
    projects.create(name="Lab", by=ada, at=now())
    return {"Authorization": f"Bearer {tokens.access(ada)[0]}", "Content-Type": "application/json"}


def upload(running: Product, file: Path, headers: dict[str, str]) -> None:
    """Begin, send every part, give up: until the last part is safe the way is that of every upload."""
    size = file.stat().st_size
    wish = json.dumps({"filename": file.name, "size_bytes": size}).encode()
    opened = ask("POST", f"{running.base}/api/v1/projects/lab/uploads", headers, wish)
    assert isinstance(opened, dict)
    place, part_size = f"{running.base}/api/v1/uploads/{opened['upload_id']}", opened["part_size_bytes"]
    signed = opened["parts"]
    with ThreadPoolExecutor(opened["max_parallel"]) as pool:
        while signed:
            parts = [(part["url"], (part["number"] - 1) * part_size, part_size) for part in signed]
            list(pool.map(lambda part: send(running, file, *part), parts))
            signed = sign(place, headers, signed[-1]["number"], opened["part_count"])
    ask("DELETE", place, headers)


def sign(place: str, headers: dict[str, str], last: int, count: int) -> list[dict[str, Any]]:
    """Addresses of the next hundred parts; the first came with the answer that opened the upload."""
    numbers = list(range(last + 1, min(last + 100, count) + 1))
    if not numbers:
        return []
    found = ask("POST", f"{place}/parts/sign", headers, json.dumps({"numbers": numbers}).encode())
    assert isinstance(found, dict)
    parts: list[dict[str, Any]] = found["parts"]
    return parts


def send(running: Product, file: Path, url: str, offset: int, length: int) -> None:
    with file.open("rb") as source:
        source.seek(offset)
        body = source.read(length)
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=120)
    connection.request("PUT", url, body=body)
    answer = connection.getresponse()
    assert answer.status == 204, answer.read()
    connection.close()


def ask(method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> object:
    with urlopen(Request(url, data=body, headers=headers, method=method), timeout=60) as answer:
        return json.loads(answer.read() or "null")


if __name__ == "__main__":
    main()

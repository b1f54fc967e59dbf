"""A large file through a signed link of the real server, against a bare socket that sends the same bytes.

The server hashes the stored file before the first byte leaves; the socket does not, so hashing is shown beside it.
"""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import measure
from benchmarks.bench_upload import digest, timed, write
from benchmarks.measure import MIB, cpu_s, median, peak_mib
from benchmarks.product import Product, product

READ = 1 << 18
TOGETHER = 4


def main() -> None:
    """Send the file bare, then through a link: whole, from the middle, and four times at once."""
    quick = measure.options(__doc__ or "").quick
    size, turns = (32 * MIB, 1) if quick else (1024 * MIB, 3)
    with product() as running:
        address = published(running, size)
        small = get(running, address, "bytes=0-9")
        assert small == 10, small
        before = peak_mib(running.web)
        took = {name: [] for name in ("bare", "hash", "link", "second half")}
        cpu = cpu_s(running.web)
        for _ in range(turns):
            with bare(running.data / "source.bin") as port:
                took["bare"].append(timed(swallow, port, size))
            took["hash"].append(timed(digest, running.data / "source.bin"))
            took["link"].append(timed(expect, size, running, address, ""))
        cpu = (cpu_s(running.web) - cpu) / turns
        took["second half"].append(timed(expect, size - size // 2, running, address, f"bytes={size // 2}-"))
        alone = peak_mib(running.web)
        at_once(running, address, size)
        show(size, turns, took, (before, alone, peak_mib(running.web), cpu))


def show(size: int, turns: int, took: dict[str, list[float]], memory: tuple[float, float, float, float]) -> None:
    mib, (before, alone, together, cpu) = size / MIB, memory
    print(f"{mib:,.0f} MiB, median of {turns}; the client runs on the same cores.")
    names = {"bare socket (peer)": "bare", "sha256 of the file, one core": "hash", "signed link": "link"}
    rows = [(name, mib / median(took[key]), median(took[key]) / median(took["bare"])) for name, key in names.items()]
    half = took["second half"][0]
    rows.append(("signed link, the second half only", mib / 2 / half, half / median(took["bare"])))
    measure.table(("", "MiB/s", "time ÷ bare socket"), rows)
    print(
        f"CPU of the server: {cpu / mib * 1000:.2f} ms for each MiB. Largest resident set of the server: "
        f"{before:.0f} MiB before, {alone:.0f} MiB after these, {together:.0f} MiB after {TOGETHER} downloads at once."
    )


def published(running: Product, size: int) -> str:
    """The address of a link to a file of random bytes."""
    from django.utils.timezone import now

    from benchmarks import rows
    from fynix import blobs
    from registry import downloads

    write(running.data / "source.bin", size)
    ada = rows.person("ada")
    run = rows.runs(ada, rows.table(ada, rows.project(ada)), 1)[0]
    blob = blobs.put(running.data / "source.bin")
    file = rows.artifact(ada, run, sha256=blob.sha256, size=blob.size_bytes)
    return f"/dl/{downloads.token(downloads.grant(artifact=file, user=ada, at=now()))}"


def get(running: Product, address: str, span: str) -> int:
    """Bytes that came."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=600)
    connection.request("GET", address, headers={"Range": span} if span else {})
    answer = connection.getresponse()
    assert answer.status == (206 if span else 200), answer.status
    count = 0
    while chunk := answer.read(READ):
        count += len(chunk)
    connection.close()
    return count


def expect(size: int, running: Product, address: str, span: str) -> None:
    came = get(running, address, span)
    assert came == size, (came, size)


def at_once(running: Product, address: str, size: int) -> None:
    people = [threading.Thread(target=expect, args=(size, running, address, "")) for _ in range(TOGETHER)]
    for person in people:
        person.start()
    for person in people:
        person.join()


@contextmanager
def bare(file: Path) -> Iterator[int]:
    """A socket that sends the file to the first who connects; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            peer, _ = server.accept()
            with peer, file.open("rb") as source:
                while chunk := source.read(READ):
                    peer.sendall(chunk)

        sender = threading.Thread(target=send)
        sender.start()
        yield int(server.getsockname()[1])
        sender.join()


def swallow(port: int, size: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        count = 0
        while chunk := peer.recv(READ):
            count += len(chunk)
    assert count == size, (count, size)


if __name__ == "__main__":
    main()

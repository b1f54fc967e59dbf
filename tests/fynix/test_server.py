"""The web process over real sockets: bounded bodies, answers at the reader's pace, a gentle stop."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import websockets

from fynix import env, server

MIB = 1 << 20


class Served:
    """A server process on a free port."""

    def __init__(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port: int = free.getsockname()[1]
        argv = [sys.executable, "-m", "tests.fynix.tiny_app", str(self.port)]
        self.process = subprocess.Popen(argv, cwd=env.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_until(self.connects)

    def connects(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def ask(self, *pieces: bytes) -> bytes:
        """Send these bytes on one connection; everything that comes back until the server closes it."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return read_all(connection)

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def wait_until(happened: object, seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)


def read_all(connection: socket.socket) -> bytes:
    data = bytearray()
    while piece := connection.recv(1 << 20):
        data += piece
    return bytes(data)


def get(path: str, *, last: bool = True, method: str = "GET") -> bytes:
    close = "Connection: close\r\n" if last else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{close}\r\n".encode()


def put(path: str, size: int, extra: str = "") -> bytes:
    return f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n{extra}\r\n".encode()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    running = Served()
    yield running
    running.process.kill()
    running.process.communicate()


def test_a_body_within_the_cap_reaches_the_application(served: Served) -> None:
    answer = served.ask(put("/", server.BODY_CAP, "Connection: close\r\n"), b"x" * server.BODY_CAP)
    assert answer.startswith(b"HTTP/1.1 200")
    assert str(server.BODY_CAP).encode() in answer


def test_an_upload_part_may_be_larger_than_other_bodies(served: Served) -> None:
    answer = served.ask(put("/u/1/1", 32 * MIB, "Connection: close\r\n"), b"x" * (32 * MIB))
    assert answer.startswith(b"HTTP/1.1 200")
    assert str(32 * MIB).encode() in answer


def test_a_part_waits_on_the_disk_for_an_application_that_takes_its_time(served: Served) -> None:
    with served.connect() as connection:
        before = served.resident_mib()
        connection.sendall(put("/u/idle", 32 * MIB, "Connection: close\r\n") + b"x" * (32 * MIB))
        time.sleep(1)
        assert served.resident_mib() - before < 12
        assert str(32 * MIB).encode() in read_all(connection)


def test_a_file_of_rows_to_test_may_be_larger_than_any_other_form(served: Served) -> None:
    answer = served.ask(
        put("/v/1/test/many", server.BODY_CAP + 1, "Connection: close\r\n"), b"x" * (server.BODY_CAP + 1)
    )
    assert str(server.BODY_CAP + 1).encode() in answer


@pytest.mark.parametrize(
    ("path", "size"),
    [("/", server.BODY_CAP + 1), ("/u/1/1", server.PART_CAP + 1), ("/v/1/test/many", server.FILE_CAP + 1)],
)
def test_a_body_over_the_cap_is_refused_before_it_is_sent(served: Served, path: str, size: int) -> None:
    answer = served.ask(put(path, size))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert json.loads(body)["code"] == "body_too_large"


def test_a_client_that_waits_for_permission_is_not_asked_for_the_body(served: Served) -> None:
    answer = served.ask(put("/", 100 * MIB, "Expect: 100-continue\r\n"))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer


def test_a_client_that_keeps_sending_still_reads_the_refusal(served: Served) -> None:
    answer = served.ask(put("/", 12 * MIB), b"x" * (12 * MIB))
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_chunked_body_is_cut_at_the_cap(served: Served) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"x" * MIB + b"\r\n"
    answer = served.ask(head, *[chunk] * 5)
    assert answer.startswith(b"HTTP/1.1 413")
    assert served.ask(head.replace(b"chunked", b"chunked\r\nConnection: close"), chunk, b"0\r\n\r\n").endswith(
        b"7\r\n1048576\r\n0\r\n\r\n"
    )


def test_uploads_beyond_the_places_are_asked_to_come_back(served: Served) -> None:
    waiting = [served.connect() for _ in range(server.MOST_PARTS)]
    for connection in waiting:
        connection.sendall(put("/u/hold", 10) + b"x" * 10)
    time.sleep(0.3)
    answer = served.ask(put("/u/1/1", 10), b"x" * 10)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: " in answer
    for connection in waiting:
        connection.close()
    accepted = put("/u/1/1", 10, "Connection: close\r\n") + b"x" * 10
    wait_until(lambda: served.ask(accepted).startswith(b"HTTP/1.1 200"))


def test_a_forged_address_takes_no_place_among_the_uploads(served: Served) -> None:
    slow = [served.connect() for _ in range(server.MOST_PARTS)]
    for connection in slow:
        connection.sendall(put("/u/forged/1?s=0", 32 * MIB) + b"x")
    answers = [connection.recv(1 << 16) for connection in slow]
    assert all(answer.startswith(b"HTTP/1.1 403 Forbidden") for answer in answers)
    assert json.loads(answers[0].partition(b"\r\n\r\n")[2])["code"] == "not_allowed"
    assert served.ask(put("/u/1/1", 5, "Connection: close\r\n") + b"bytes").startswith(b"HTTP/1.1 200")
    for connection in slow:
        connection.close()


def test_a_reader_that_stops_reading_does_not_fill_the_memory(served: Served) -> None:
    before = served.resident_mib()
    with served.connect() as connection:
        connection.sendall(get("/flood"))
        connection.recv(1000)
        time.sleep(2)
        assert served.resident_mib() - before < 24
        received = len(read_all(connection))
    assert received > 256 * MIB


def test_the_application_goes_on_when_its_reader_leaves(served: Served) -> None:
    before = int(served.ask(get("/finished")).split(b"\r\n")[-4])
    with served.connect() as connection:
        connection.sendall(get("/flood"))
        connection.recv(1000)
    wait_until(lambda: int(served.ask(get("/finished")).split(b"\r\n")[-4]) > before + 1)


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    answer = served.ask(
        get("/parts", last=False) + put("/", 5) + b"hello" + get("/parts", last=False) + get("/finished")
    )
    assert answer.count(b"HTTP/1.1 200") == 4
    assert answer.count(b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n") == 2
    assert answer.index(b"1\r\n5\r\n") > answer.index(b"two")


def test_a_refusal_ends_a_pipeline(served: Served) -> None:
    answer = served.ask(get("/parts", last=False) + put("/", 100 * MIB) + get("/parts"))
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.index(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 413")


def test_a_connection_serves_many_requests(served: Served) -> None:
    with served.connect() as connection:
        for _ in range(3):
            connection.sendall(get("/parts", last=False))
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += connection.recv(65536)
            assert data.startswith(b"HTTP/1.1 200")


def test_a_head_request_gets_no_body(served: Served) -> None:
    answer = served.ask(get("/parts", last=False, method="HEAD") + get("/parts"))
    assert answer.count(b"one ") == 1


def test_an_answer_that_breaks_is_cut_and_others_are_served(served: Served) -> None:
    for _ in range(2):
        with served.connect() as connection:
            connection.sendall(get("/broken"))
            with pytest.raises(ConnectionResetError):
                read_all(connection)
    assert served.ask(get("/parts")).startswith(b"HTTP/1.1 200")


async def test_sockets_speak_beside_pages(served: Served) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{served.port}/ws") as connection:
        await connection.send("hello")
        assert await connection.recv() == "hello"
        await connection.send("x" * (server.FRAME_CAP + 1))
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
    assert served.ask(get("/parts")).startswith(b"HTTP/1.1 200")


async def test_stopping_finishes_answers_and_tells_sockets_to_come_back() -> None:
    stopping = Served()
    with stopping.connect() as connection, stopping.connect() as idle:
        idle.sendall(get("/parts", last=False))
        connection.sendall(get("/slow"))
        async with websockets.connect(f"ws://127.0.0.1:{stopping.port}/ws") as channel:
            await asyncio.sleep(0.2)
            stopping.process.send_signal(signal.SIGTERM)
            with pytest.raises(websockets.ConnectionClosed):
                await channel.recv()
            assert channel.close_code == 1012
        assert (await asyncio.to_thread(read_all, connection)).endswith(b"4\r\ndone\r\n0\r\n\r\n")
    log, _ = await asyncio.to_thread(stopping.process.communicate, None, 15)
    assert stopping.process.returncode == 0
    assert b"Traceback" not in log
    assert not stopping.connects()


def test_a_taken_port_ends_the_process_with_a_failure(served: Served) -> None:
    argv = [sys.executable, "-m", "tests.fynix.tiny_app", str(served.port)]
    second = subprocess.run(argv, cwd=env.ROOT, capture_output=True, timeout=20, check=False)
    assert second.returncode == 1


def test_what_is_loaded_before_the_first_request_is_not_searched_for_garbage_again() -> None:
    code = (
        "import gc, sys\nfrom fynix import server\nimport fynix.asgi\nserver.settle()\n"
        "print(gc.get_freeze_count(), len(gc.get_objects()), 'fynix.home' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=env.ROOT, capture_output=True, check=True, text=True)
    kept, searched, is_loaded = told.stdout.split()[-3:]
    assert int(kept) > 50 * int(searched)
    assert is_loaded == "True"

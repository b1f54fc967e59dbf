"""A store as strict about copies as Amazon's: in front of the real one, refusing large copies and copying parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.exceptions import ClientError

from tests import s3


@contextmanager
def running(behind: str, *, largest: int) -> Iterator["Strict"]:
    """It copies no more than `largest` bytes in one call, and parts of any object."""
    with Strict(behind, largest) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
            server.keeper.close()


class Strict(ThreadingHTTPServer):
    """Where it stands, which copies it refused, and which ranges it copied."""

    def __init__(self, behind: str, largest: int) -> None:
        super().__init__(("127.0.0.1", 0), Front)
        self.behind, self.largest, self.keeper = behind, largest, s3.client(behind)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.refused: list[str] = []
        self.copied: list[str] = []

    def size(self, bucket: str, key: str) -> int:
        try:
            return int(self.keeper.head_object(Bucket=bucket, Key=key)["ContentLength"])
        except ClientError:  # who copies what is not there hears it from the server behind
            return 0


class Front(BaseHTTPRequestHandler):
    """Passes everything on as it came, signature and all, but copies."""

    protocol_version = "HTTP/1.1"
    server: Strict

    def do_PUT(self) -> None:
        if "x-amz-copy-source" not in self.headers:
            return self._pass_on()
        bucket, key = unquote(self.headers["x-amz-copy-source"]).lstrip("/").split("/", 1)
        if "x-amz-copy-source-range" in self.headers:
            return self._copy_part(bucket, key, self.headers["x-amz-copy-source-range"])
        if self.server.size(bucket, key) > self.server.largest:
            self.server.refused.append(key)
            return self._say(400, "<Error><Code>InvalidRequest</Code><Message>too large to copy</Message></Error>")
        return self._pass_on()

    def _copy_part(self, bucket: str, key: str, part: str) -> None:
        self.server.copied.append(part)
        target, keeper = urlsplit(self.path), self.server.keeper
        body = keeper.get_object(Bucket=bucket, Key=key, Range=part)["Body"].read()
        into, name = unquote(target.path).lstrip("/").split("/", 1)
        asked = dict(parse_qsl(target.query))
        stored = keeper.upload_part(
            Bucket=into, Key=name, UploadId=asked["uploadId"], PartNumber=int(asked["partNumber"]), Body=body
        )
        self._say(200, f"<CopyPartResult><ETag>{escape(stored['ETag'])}</ETag></CopyPartResult>")

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        connection = HTTPConnection(urlsplit(self.server.behind).netloc)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        whole = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.headers.get("Content-Length", str(len(whole))))
        self.end_headers()
        self.wfile.write(whole)
        connection.close()

    do_GET = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815 -- the names that the server calls

    def _say(self, status: int, document: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document.encode())

    def log_message(self, *_: object) -> None:
        pass

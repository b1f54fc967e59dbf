"""A real S3-compatible server over a folder, which checks signatures, and the settings that name it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import EndpointConnectionError

from tests.servers import free_port

KEY, SECRET, BUCKET, PATIENCE_S = "fynix", "only-for-this-test", "blobs", 20


@contextmanager
def running(folder: Path, *, origin: str = "") -> Iterator[str]:
    """The server's address; it has one bucket, and lets pages of `origin` in."""
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program, "the development requirements bring the server"
    port = free_port()
    argv = [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    argv += ["--allow-origin", origin] if origin else []
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*argv, "--config", "/dev/null", str(folder)], stderr=subprocess.DEVNULL) as server:
        try:
            _make_bucket(address)
            yield address
        finally:
            server.terminate()


def storage(address: str) -> dict[str, Any]:
    """STORAGES["default"] for the bucket."""
    from fynix import settings as product

    options = {**product.S3_BLOBS["OPTIONS"], "bucket_name": BUCKET, "endpoint_url": address}
    return {**product.S3_BLOBS, "OPTIONS": {**options, "access_key": KEY, "secret_key": SECRET}}


def client(address: str) -> Any:
    """Somebody who has the keys."""
    return boto3.client(
        "s3", endpoint_url=address, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )  # fmt: skip


def _make_bucket(address: str) -> None:
    keeper = client(address)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            keeper.create_bucket(Bucket=BUCKET)
        except EndpointConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            keeper.close()
            return

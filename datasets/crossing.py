"""Whether browsers may send parts from our pages to the store: asked as a browser asks, with one small part.

What a browser demands of the answers: https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

import http.client
import json
import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings

from datasets import multipart
from datasets.models import Upload

PROBE, PART = "probe", b"x"
KIND = "application/octet-stream"
ANSWER_S = 10
DEFAULT_PORTS = {"http": 80, "https": 443}


class Unreachable(Exception):
    """Nothing answers where browsers are sent to, as seen from this machine."""


class PartRefused(Exception):
    """The store refuses a part that was signed for it; the argument is its status."""


def origin() -> str:
    """The origin of our pages as a browser names it; empty while FYNIX_PUBLIC_URL is."""
    address = urlsplit(settings.PUBLIC_URL)
    if not address.hostname:
        return ""
    port = "" if address.port in (None, DEFAULT_PORTS.get(address.scheme)) else f":{address.port}"
    host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    return f"{address.scheme}://{host}{port}"


def command(page: str) -> str:
    """The line that gives the bucket the rule which lets pages of that origin in."""
    allowed = {"AllowedOrigins": [page], "AllowedMethods": ["PUT"], "AllowedHeaders": ["content-type"]}
    words = ["aws", "s3api", "put-bucket-cors", "--bucket", multipart.bucket()]
    if endpoint := multipart.endpoint():
        words += ["--endpoint-url", endpoint]
    return shlex.join([*words, "--cors-configuration", json.dumps({"CORSRules": [allowed]})])


def lacking(page: str) -> list[str]:
    """What keeps a page of that origin from sending a part, in words; empty when nothing does.

    The part is given up again. Raises multipart.StoreAway, Unreachable, PartRefused.
    """
    upload = Upload(pk=PROBE, multipart_id=multipart.begin(PROBE))
    try:
        return _asked_before(page, upload) or _sent(page, upload)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(type(error).__name__) from error
    finally:
        multipart.abort(upload)


def _asked_before(page: str, upload: Upload) -> list[str]:
    """What the answer lacks to the question that a browser asks before it sends."""
    wishes = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    status, told = _ask("OPTIONS", upload, {"Origin": page, **wishes})
    if status not in range(200, 300):
        return [f"the bucket has no rule that lets {page} in: it answers OPTIONS with {status}"]
    found = [] if _allows(told, "origin", page) else [f"pages of {page} are not let in"]
    if not _allows(told, "methods", "PUT"):
        found.append("PUT is not allowed")
    if not _allows(told, "headers", "content-type"):
        found.append("the header content-type is not allowed")
    return found


def _sent(page: str, upload: Upload) -> list[str]:
    """What the answer to a part lacks. Raises PartRefused."""
    status, told = _ask("PUT", upload, {"Origin": page, "Content-Type": KIND}, PART)
    if status != http.client.OK:
        raise PartRefused(status)
    return [] if _allows(told, "origin", page) else [f"the answer to PUT does not let pages of {page} read it"]


def _allows(told: Mapping[str, str], what: str, wished: str) -> bool:
    said = told.get(f"access-control-allow-{what}", "")
    return bool({wished.lower(), "*"} & {each.strip().lower() for each in said.split(",")})


def _ask(method: str, upload: Upload, headers: dict[str, str], body: bytes | None = None) -> tuple[int, dict[str, str]]:
    """The status and headers that the store answers a browser with."""
    target = urlsplit(multipart.part_url(upload, 1, len(PART)))
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(target.hostname), target.port, timeout=ANSWER_S)
    try:
        connection.request(method, f"{target.path}?{target.query}", body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()

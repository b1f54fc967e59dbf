"""Error reports to Sentry, off unless SENTRY_DSN is set, without any value of anybody's table.

The library's defaults would send local variables and request bodies, which is where cells are.
"""

import re
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.dramatiq import DramatiqIntegration
from sentry_sdk.scrubber import DEFAULT_DENYLIST, EventScrubber

from fynix.observability import context

# The right to download, to upload, to set a password or to confirm an address.
SECRET_PATH = re.compile(r"/dl/|/u/|/reset/key/|/confirm-email/")
SECRETS = ["ticket", "sig", "s", "refresh", "access", "email", "ssn", "phone", "card", "iban", "inputs", "row"]


def start(dsn: str, *, transport: Any = None) -> None:
    """Send unhandled errors to this address. `transport` replaces the network, as in tests."""
    sentry_sdk.init(
        dsn=dsn,
        transport=transport,
        include_local_variables=False,
        max_request_body_size="never",
        event_scrubber=EventScrubber(denylist=[*DEFAULT_DENYLIST, *SECRETS], recursive=True),
        before_send=_strip,
        default_integrations=False,
        integrations=[DjangoIntegration(), DramatiqIntegration()],
    )


def tell(error: Exception) -> None:
    """Report an error that was dealt with here but should not have happened; nothing while reports are off."""
    sentry_sdk.capture_exception(error)


def _strip(event: Any, hint: dict[str, Any]) -> Any:
    """No message of an exception (it may quote a cell), no query, no address; the request id leads to our own log."""
    for failure in event.get("exception", {}).get("values", []):
        failure["value"] = ""
    request = event.get("request", {})
    for name in ("query_string", "cookies", "headers", "data", "env"):
        request.pop(name, None)
    if "url" in request:
        request["url"] = SECRET_PATH.split(request["url"])[0]
    event["breadcrumbs"] = {"values": []}
    event.setdefault("tags", {})["request_id"] = context.request_id()
    return event

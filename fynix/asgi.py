"""The server's entry: HTTP to Django, sockets to the run feed, who may send a part of an upload, what runs beside."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fynix.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  needs the loaded apps
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from datasets import storage  # noqa: E402
from fynix.alerts import watch  # noqa: E402
from training.sockets import routes  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": AuthMiddlewareStack(URLRouter(routes))})
gate = storage.refusal
beside = watch.keep_looking

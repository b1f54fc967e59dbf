"""How often the API may be asked: so many requests a minute for each person, or for each address without one."""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW_S = 60


class EachMinute(BaseThrottle):
    """Counts by one atomic increment in the cache that all web processes share.

    The library's own throttle reads a list, appends and writes it back, so that requests at once count as one. While
    Redis is away nobody is held back.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        signed_in = request.user is not None and request.user.is_authenticated
        who = f"person:{request.user.pk}" if signed_in else f"address:{self.get_ident(request)}"
        key = f"api:{who}:{int(time.time()) // WINDOW_S}"
        try:
            cache.add(key, 0, 2 * WINDOW_S)
            return cache.incr(key) <= settings.API_RATE
        except RedisError:
            return True

    def wait(self) -> float:
        return WINDOW_S - time.time() % WINDOW_S

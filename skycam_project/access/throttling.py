"""How often somebody may try a password. Counted in the cache for all web processes; in this one while it is away."""

from __future__ import annotations

from django.core.cache.backends.locmem import LocMemCache
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from cameras.broker import UNREACHABLE


class SignInThrottle(SimpleRateThrottle):
    """So many tries from one address. The address is the connection's: a header could be made up."""

    scope = "sign-in"
    rate = "30/min"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        return f"throttle:{self.scope}:{request.META.get('REMOTE_ADDR', '')}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        try:
            return bool(super().allow_request(request, view))
        except UNREACHABLE:
            self.cache = LocMemCache("sign-in", {})
            return bool(super().allow_request(request, view))

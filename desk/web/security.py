"""What keeps a page from being used against the person who reads it: headers, CSRF tokens, cookies.

No page holds a script or a style of its own: everything comes from /static, so the policy allows 'self' and nothing
inline. Every form carries its session's token (before sign-in: one bound to a cookie of its own), and a request that
changes something must also come from our own origin where the browser says where it comes from.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.errors import DeskError
from desk.translations import N_

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
HSTS_AGE_S: Final = 365 * 24 * 3600


class ForgedRequest(DeskError):
    """A request that changes something without the token of the page it should come from."""

    status = 403
    code = "csrf"


@dataclass(frozen=True)
class Cookies:
    """Names and flags of the desk's cookies. Over https the names carry __Host-, so no other host can set them."""

    secure: bool

    @property
    def session(self) -> str:
        return self._name("tafol-session")

    @property
    def door(self) -> str:
        """Binds the sign-in form to the browser before there is a session."""
        return self._name("tafol-door")

    def put(self, response: Response, name: str, value: str, *, max_age_s: int | None = None) -> None:
        response.set_cookie(name, value, max_age=max_age_s, httponly=True, secure=self.secure, samesite="lax", path="/")

    def drop(self, response: Response, name: str) -> None:
        response.delete_cookie(name, httponly=True, secure=self.secure, samesite="lax", path="/")

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name


class DoorTokens:
    """Tokens of the sign-in form: a keyed hash of the cookie that binds it to the browser. Sessions have their own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, door: str) -> str:
        return hmac.new(self._key, b"door\0" + door.encode(), hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Raises ForgedRequest when the browser says that the request comes from another site."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise ForgedRequest(N_("This form was sent from another site."))


def new_door() -> str:
    """A value for the cookie that binds the sign-in form."""
    return secrets.token_urlsafe(32)


def content_security_policy(media_hosts: tuple[str, ...]) -> str:
    """The policy of every page. `media_hosts`: origins from which recordings may be played."""
    media = " ".join(("'self'", *media_hosts))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"media-src {media}; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def security_headers(*, https: bool, media_hosts: tuple[str, ...]) -> dict[str, str]:
    """The headers of every answer; unless it says otherwise itself, no cache keeps it."""
    headers = {
        "cache-control": "no-store",
        "content-security-policy": content_security_policy(media_hosts),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if https:
        headers["strict-transport-security"] = f"max-age={HSTS_AGE_S}; includeSubDomains"
    return headers


class SecurityHeaders:
    """ASGI middleware that puts `headers` on every answer that has none of that name."""

    def __init__(self, app: ASGIApp, *, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)

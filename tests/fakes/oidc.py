"""A small OpenID Connect provider over HTTP: real codes, PKCE, signed ID tokens; one user, who agrees to everything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey


class Idp(ThreadingHTTPServer):
    """An OpenID Connect provider with one user, who agrees to everything."""

    daemon_threads = True

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.now = now
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.said_issuer = self.issuer
        self.codes: dict[str, dict[str, str]] = {}
        self.change: dict[str, Any] = {}
        """Claims that the next ID tokens have instead of the right ones."""
        self.signs_with: RSAKey | None = None

    def agree(self, address: str) -> str:
        """What the browser does: go to the provider, agree, come back. The address of the way back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"


class Answers(BaseHTTPRequestHandler):
    server: Idp

    def do_GET(self) -> None:
        idp = self.server
        if self.path == "/.well-known/openid-configuration":
            self._say(
                {
                    "issuer": idp.said_issuer,
                    "authorization_endpoint": f"{idp.issuer}/authorize",
                    "token_endpoint": f"{idp.issuer}/token",
                    "jwks_uri": f"{idp.issuer}/jwks",
                }
            )
        elif self.path.startswith("/authorize?"):
            self._page(f'<a href="{html.escape(idp.agree(self.path))}">Go on as Eve</a>')
        else:
            self._say({"keys": [idp.key.as_dict(private=False)]})

    def do_POST(self) -> None:
        idp = self.server
        sent = {
            name: values[0]
            for name, values in parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()).items()
        }
        asked = idp.codes.pop(sent["code"], None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).decode().rstrip("=")
        login = "Basic " + base64.b64encode(b"desk:secret").decode()
        if asked is None or digest != asked["code_challenge"] or self.headers["authorization"] != login:
            self._say({"error": "invalid_grant"}, 400)
            return
        claims = {
            "iss": idp.issuer,
            "aud": asked["client_id"],
            "sub": "7",
            "nonce": asked["nonce"],
            "exp": int(idp.now().timestamp()) + 300,
            "email": "eve@example.org",
            "email_verified": True,
            **idp.change,
        }
        key = idp.signs_with or idp.key
        self._say({"id_token": jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key), "access_token": "x"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def _page(self, body: str) -> None:
        raw = f"<!doctype html><title>Provider</title>{body}".encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _say(self, body: dict[str, Any], status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@contextmanager
def running(now: Callable[[], datetime]) -> Iterator[Idp]:
    """A provider whose clock is `now`, on a free port of loopback."""
    with Idp(now) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

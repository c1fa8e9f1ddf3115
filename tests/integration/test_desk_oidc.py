"""Signing in with a provider: a small real one over HTTP, and everything that it might get wrong or that is forged."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from desk.errors import NotSignedIn
from desk.people.oidc import Provider
from schemas.errors import Retryable

BACK = "http://desk.example/oidc/back"
NOW = datetime(2026, 9, 7, 9, tzinfo=UTC)
BYTES = iter(range(10**9))


class Idp(ThreadingHTTPServer):
    """An OpenID Connect provider with one user, who agrees to everything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
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
            "exp": int(NOW.timestamp()) + 300,
            "email": "eve@example.org",
            "email_verified": True,
            **idp.change,
        }
        key = idp.signs_with or idp.key
        self._say({"id_token": jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key), "access_token": "x"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def _say(self, body: dict[str, Any], status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def idp() -> Iterator[Idp]:
    with Idp() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def provider(idp: Idp) -> Iterator[Provider]:
    found = Provider(
        idp.issuer,
        "desk",
        "secret",
        label="idp",
        now=lambda: NOW,
        random_bytes=lambda n: next(BYTES).to_bytes(n, "big"),
    )
    yield found
    found.close()


def _bytes(number: int) -> bytes:
    return next(BYTES).to_bytes(number, "big")


def come_back(idp: Idp, provider: Provider) -> dict[str, object]:
    address, kept = provider.begin(BACK)
    return dict(provider.finish(idp.agree(address), kept, BACK))


def test_the_way_there_and_back_gives_the_claims(idp: Idp, provider: Provider) -> None:
    claims = come_back(idp, provider)
    assert (claims["iss"], claims["sub"], claims["email"]) == (idp.issuer, "7", "eve@example.org")


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://another.example"},
        {"exp": int(NOW.timestamp()) - 3600},
    ],
)
def test_a_token_for_somebody_or_somewhere_else_is_refused(
    idp: Idp, provider: Provider, change: dict[str, Any]
) -> None:
    idp.change = change
    with pytest.raises(NotSignedIn):
        come_back(idp, provider)


def test_a_token_signed_by_another_key_is_refused_and_a_new_key_is_learnt(idp: Idp, provider: Provider) -> None:
    come_back(idp, provider)
    idp.signs_with = RSAKey.generate_key(2048, {"kid": "forged"})
    with pytest.raises(NotSignedIn):
        come_back(idp, provider)
    idp.key, idp.signs_with = idp.signs_with, None
    assert come_back(idp, provider)["sub"] == "7"


def test_a_state_a_code_or_a_cookie_that_is_not_this_browsers_is_refused(idp: Idp, provider: Provider) -> None:
    address, kept = provider.begin(BACK)
    _, other = provider.begin(BACK)
    back = idp.agree(address)
    for wrong in (other, "", "a.b", "a.b.c"):
        with pytest.raises(NotSignedIn):
            provider.finish(back, wrong, BACK)
    assert provider.finish(back, kept, BACK)["sub"] == "7"
    with pytest.raises(NotSignedIn):
        provider.finish(back, kept, BACK)  # a code works once
    with pytest.raises(NotSignedIn):
        provider.finish(f"{BACK}?error=access_denied&state={kept.split('.')[0]}", kept, BACK)


def test_a_provider_that_says_it_is_another_is_refused_and_one_that_is_away_is_waited_for(
    idp: Idp, provider: Provider
) -> None:
    idp.said_issuer = "https://another.example"
    with pytest.raises(NotSignedIn):
        provider.begin(BACK)
    gone = Provider("http://127.0.0.1:1", "desk", "secret", label="x", now=lambda: NOW, random_bytes=bytes)
    with pytest.raises(Retryable):
        gone.begin(BACK)
    gone.close()

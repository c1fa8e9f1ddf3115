"""Signing in with an OpenID Connect provider: authorization code with PKCE, state and nonce (Authlib, joserfc).

`begin` says where to send the browser and what its cookie must keep; `finish` turns the way back into claims whose
signature, issuer, audience, end and nonce were checked. The provider's keys are read again when a key is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import httpx
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oauth2.rfc6749.parameters import parse_authorization_code_response, prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from desk.errors import NotSignedIn
from desk.people.secrets import new_secret, same
from schemas.errors import Retryable

SCOPE: Final = "openid email profile"
ALGORITHMS: Final = ["RS256", "PS256", "ES256"]
"""Of ID tokens: asymmetric ones alone, so that nothing we know can forge one."""
TIMEOUT_S: Final = 10.0
LEEWAY_S: Final = 60
RETRY_AFTER_S: Final = 5.0
FAILED: Final = "signing in with the provider did not succeed"


class Provider:
    """One provider, as this desk's client of it. Close it."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        *,
        label: str,
        now: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.label = label
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._now = now
        self._random_bytes = random_bytes
        self._http = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)
        self._metadata: dict[str, Any] | None = None
        self._keys: KeySet | None = None

    def close(self) -> None:
        self._http.close()

    def begin(self, redirect_uri: str) -> tuple[str, str]:
        """Where to send the browser, and what to keep in its cookie until it comes back. Raises Retryable."""
        state, nonce, verifier = (new_secret(self._random_bytes) for _ in range(3))
        address = prepare_grant_uri(
            self._endpoint("authorization_endpoint"),
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return str(address), f"{state}.{nonce}.{verifier}"

    def finish(self, url: str, kept: str, redirect_uri: str) -> Mapping[str, object]:
        """The checked claims of the ID token. `url`: of the way back, in full. Raises NotSignedIn, Retryable."""
        state, nonce, verifier = _parts(kept)
        try:
            answer = parse_authorization_code_response(url, state=state)
        except OAuth2Error:
            raise NotSignedIn(FAILED, hint="Try again from the sign-in page.") from None
        token = self._token(str(answer["code"]), verifier, redirect_uri)
        claims = self._checked(token)
        if not same(str(claims.get("nonce", "")), nonce):
            raise NotSignedIn(FAILED)
        return claims

    def _token(self, code: str, verifier: str, redirect_uri: str) -> str:
        answer = self._ask(
            "POST",
            self._endpoint("token_endpoint"),
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            },
            auth=(self._client_id, self._client_secret),
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotSignedIn(FAILED)
        return token

    def _checked(self, token: str) -> Mapping[str, object]:
        for fresh in (False, True):
            try:
                claims = jwt.decode(token, self._key_set(fresh=fresh), algorithms=ALGORITHMS).claims
                break
            except (JoseError, ValueError):
                # ValueError: no key of that id. The provider may have changed its keys since they were read.
                if fresh:
                    raise NotSignedIn(FAILED) from None
        registry = jwt.JWTClaimsRegistry(
            now=int(self._now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError:
            raise NotSignedIn(FAILED) from None
        return dict(claims)

    def _key_set(self, *, fresh: bool) -> KeySet:
        if self._keys is None or fresh:
            self._keys = KeySet.import_key_set(self._ask("GET", self._endpoint("jwks_uri")))  # type: ignore[arg-type]
        return self._keys

    def _endpoint(self, name: str) -> str:
        if self._metadata is None:
            found = self._ask("GET", f"{self._issuer}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != self._issuer:
                raise NotSignedIn("the provider says that it is another issuer")
            self._metadata = found
        return str(self._metadata[name])

    def _ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, url, **options)
        except httpx.HTTPError:
            raise Retryable("the sign-in provider does not answer", retry_after_s=RETRY_AFTER_S) from None
        if answer.status_code >= 500:
            raise Retryable("the sign-in provider has trouble", retry_after_s=RETRY_AFTER_S)
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.status_code != 200 or not isinstance(body, dict):
            raise NotSignedIn(FAILED)
        return body


def _parts(kept: str) -> tuple[str, str, str]:
    parts = kept.split(".")
    if len(parts) != 3:
        raise NotSignedIn(FAILED, hint="Try again from the sign-in page.")
    return parts[0], parts[1], parts[2]

"""Signing in with a provider: a small real one over HTTP, and everything that it might get wrong or that is forged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from desk.errors import NotSignedIn
from desk.people.oidc import Provider
from schemas.errors import Retryable
from tests.fakes.oidc import Idp, running

BACK = "http://desk.example/oidc/back"
NOW = datetime(2026, 9, 7, 9, tzinfo=UTC)
BYTES = iter(range(10**9))


@pytest.fixture
def idp() -> Iterator[Idp]:
    with running(lambda: NOW) as server:
        yield server


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

"""What the pages need to know of the place where they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit


class OidcDoor(Protocol):
    """Sign-in by an OpenID Connect provider."""

    label: str
    """The provider's name on the button."""

    def begin(self, redirect_uri: str) -> tuple[str, str]:
        """Where to send the browser, and what to keep in its cookie until it comes back."""

    def finish(self, url: str, kept: str, redirect_uri: str) -> Mapping[str, object]:
        """The checked claims of the ID token. Raises NotSignedIn."""


@dataclass(frozen=True)
class WebSettings:
    """`https`: the desk is reached over https (cookies are Secure, HSTS is sent)."""

    csrf_key: bytes
    """32 random bytes; keys the token of the sign-in form."""
    zone: str = "Europe/London"
    https: bool = False
    public_url: str | None = None
    """As people reach the desk; needed for OIDC behind a proxy. None: as the request says."""
    recordings_url: str | None = None
    """Before a recording's reference, to play it. None: references are shown, nothing is played."""
    live_poll_s: float = 1.0
    """How often the server looks whether queues changed, for live pages."""
    oidc: OidcDoor | None = None
    demo_accounts: tuple[tuple[str, str, str], ...] = field(default=())
    """(login, password, role) shown on the sign-in page of a demo; empty in real use."""

    @property
    def media_hosts(self) -> tuple[str, ...]:
        """Origins from which recordings come."""
        if self.recordings_url is None:
            return ()
        url = urlsplit(self.recordings_url)
        return (f"{url.scheme}://{url.netloc}",) if url.netloc else ()

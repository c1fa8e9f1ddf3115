"""uvicorn for pages that stay open: live streams are told to end before the server waits for its connections."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """A uvicorn server of an application with pages (desk.web.app.add_pages)."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        assert isinstance(app, FastAPI)
        app.state.site.closing.set()
        await super().shutdown(sockets)

"""Figures in pages: how they are named in addresses, and their files."""

from __future__ import annotations

from typing import Final, Literal, get_args

from fastapi import Response

from desk.errors import NotFound
from desk.web.charts import drawing
from desk.web.charts.figure import Figure, Look, Size
from desk.web.page import Page

FileKind = Literal["svg", "png", "csv"]
SIZES: Final[tuple[Size, ...]] = get_args(Size)
DRAWN_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""A picture opened by itself loads nothing and runs nothing."""


def figure_file(page: Page, figures: tuple[Figure, ...], name: str, kind: FileKind) -> Response:
    """One figure as a file. The query says `scheme=dark` and `size`. Raises NotFound."""
    found = next((one for one in figures if one.name == name), None)
    if found is None:
        raise NotFound("there is no such figure")
    asked = page.request.query_params
    if kind == "svg":
        size: Size = next((one for one in SIZES if one == asked.get("size")), "middle")
        look = Look(dark=asked.get("scheme") == "dark", size=size)
        drawn = drawing.as_svg(found, look, page.speech)
        return Response(drawn, media_type="image/svg+xml", headers={"content-security-policy": DRAWN_POLICY})
    if kind == "png":
        return _download(drawing.as_png(found, page.speech), "image/png", f"tafol-{name}.png")
    return _download(drawing.as_csv(found).encode(), "text/csv; charset=utf-8", f"tafol-{name}.csv")


def _download(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})

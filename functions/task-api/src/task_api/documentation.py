"""`/docs`: Swagger UI from a pinned package. No CDN hears who reads it, and it works without a network."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_ASSETS = "/docs/assets"


def install_docs(app: FastAPI) -> None:
    """The assets lie below /docs, so that an edge opens both with one path."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{_ASSETS}/favicon.png",
    )

    async def docs(_: Request) -> HTMLResponse:
        return page

    app.add_route("/docs", docs, include_in_schema=False)
    app.mount(_ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]))

"""The interactive documentation at /docs: Swagger UI (Apache-2.0), out of `fastapi-offline`.

The page needs no internet: its content security policy lets it load from nowhere else.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudsealed.api.errors import RouteNotFoundError

_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html"}
_PAGE = "docs.html"
_OURS, _THEIRS = "cloudsealed.api", "fastapi_offline"
_PACKAGES = {
    _PAGE: _OURS,
    "docs.js": _OURS,
    "docs.css": _OURS,
    "swagger-ui-bundle.js": _THEIRS,
    "swagger-ui.css": _THEIRS,
}


@cache
def _content(name: str) -> bytes:
    return (files(_PACKAGES[name]) / "static" / name).read_bytes()


def _served(name: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
    if name != _PAGE:
        headers["Cache-Control"] = "public, max-age=3600"
    return Response(_content(name), 200, headers, _TYPES[name.rpartition(".")[2]])


async def _page(request: Request) -> Response:
    return _served(_PAGE)


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _PACKAGES or name == _PAGE:
        raise RouteNotFoundError(f"There is no {request.url.path}")
    return _served(name)


ROUTES = [Route("/docs", _page), Route("/docs/{name}", _file)]

"""`GET /`: people are led to the pages, programs to an index of what there is."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudsealed.api import accept, body
from cloudsealed.api.faces import METADATA_PATH
from cloudsealed.api.gate.exchange import exchange_of

_HTML = "text/html"
_PLACES = {
    "api": "/v1",
    "openapi": "/openapi.json",
    "docs": "/docs",
    "errors": "/v1/errors",
    "health": "/healthz",
    "ready": "/readyz",
    "authorization": METADATA_PATH,
}


def root(home: str) -> Route:
    """Return the route; `home` is the path of the page that people begin with."""

    async def serve(request: Request) -> Response:
        base = exchange_of(request.scope).base
        wanted = accept.choose(request.headers.get("accept", ""), (body.JSON_TYPE, _HTML))
        headers = {"Vary": "Accept"}
        if wanted == _HTML:
            return Response(status_code=303, headers={**headers, "Location": base + home})
        index = {"name": "CloudSealed", **{k: base + path for k, path in _PLACES.items()}}
        return Response(orjson.dumps(index), 200, headers, body.JSON_TYPE)

    return Route("/", serve)

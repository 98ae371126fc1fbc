"""What is served is what the document describes, and a list of everything outside `/v1`."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Route
from tests.contract.conftest import prepared

from cloudsealed.api.app import OperationRoute, create_app
from cloudsealed.api.outside import OUTSIDE
from cloudsealed.console import Console
from cloudsealed.console.views import PASSAGES, VIEWS

PAGES = {
    "/device",
    "/docs/{name}",
    "/login",
    "/logout",
    "/confirm",
    "/invitation",
    "/account",
    "/account/password",
    "/account/tokens",
    "/account/apps",
    "/account/apps/{id}",
    "/taste",
    "/static/{name}",
    *(view.path for view in VIEWS),
    *(passage.path for passage in PASSAGES),
}


def test_every_served_route_is_described(tmp_path: Path) -> None:
    services = prepared(tmp_path)
    edge = create_app(services, Console(services))
    routes = edge._app._app.router.routes  # type: ignore[attr-defined]  # the application inside
    assert all(isinstance(route, Route) for route in routes)
    outside = {route.path for route in routes if not isinstance(route, OperationRoute)}
    assert outside == OUTSIDE.keys() | PAGES
    inside = [route for route in routes if isinstance(route, OperationRoute)]
    assert all(route.path.startswith("/v1/") and route.include_in_schema for route in inside)
    services.database.close()

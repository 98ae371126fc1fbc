"""Pages from templates, with the headers that every page has. Text is escaped by the templates."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from cloudsealed.kit.errors import CloudSealedError

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'; form-action {targets}"
)
_TITLES = {
    400: "This request cannot be answered",
    401: "Log in",
    403: "This is not allowed",
    404: "There is no such page",
    405: "This page cannot do that",
    429: "Too many requests",
    503: "Not available now",
}

_templates = Environment(
    loader=PackageLoader("cloudsealed.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _moment(text: str) -> str:
    """Return an RFC 3339 time in UTC as people read it, to the minute."""
    return f"{text[:10]} {text[11:16]} UTC"


_templates.filters["moment"] = _moment


def page(template: str, *, status: int = 200, form_target: str = "", **values: Any) -> Response:
    """Return a page. `form_target` is where its form may end besides here (CSP `form-action`);
    `prefix`, which every page needs, is the path of the public URL."""
    content = _templates.get_template(template).render(values)
    return HTMLResponse(content, status, _headers(form_target))


def error_page(error: CloudSealedError, request_id: str, prefix: str) -> Response:
    """Return the page of an error: what happened, its code, and the request's id."""
    title = _TITLES.get(error.status, "Something went wrong")
    answer = page(
        "error.html",
        status=error.status,
        title=title,
        error=error,
        request_id=request_id,
        prefix=prefix,
    )
    answer.headers.update(error.headers)
    return answer


def redirect(location: str) -> Response:
    """Send the browser elsewhere, by GET and without its form (RFC 9700, section 4.12)."""
    return Response(status_code=303, headers={**_headers(""), "Location": location})


@cache
def stylesheet() -> bytes:
    """Return the one stylesheet."""
    return (files("cloudsealed.console") / "static" / "console.css").read_bytes()


def _headers(form_target: str) -> dict[str, str]:
    targets = f"'self' {form_target}".strip()
    return {
        "Content-Security-Policy": _POLICY.format(targets=targets),
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
        "Referrer-Policy": "strict-origin",  # no path: some hold secrets; no-referrer spoils Origin
    }

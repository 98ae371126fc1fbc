"""Pages from templates, with the headers that every page has. Text is escaped by the templates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cloudsealed.console.language import worded, words_of
from cloudsealed.console.taste import Taste
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.resources.naming import called
from cloudsealed.storage.filters import is_askable
from cloudsealed.vocabulary import Severity, TriageState

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'; form-action {targets}"
)
_SCRIPTED = _POLICY + "; script-src 'self'; connect-src 'self'; frame-src 'self'"
_TITLES = {
    400: worded("This request cannot be answered"),
    401: worded("Log in"),
    403: worded("This is not allowed"),
    404: worded("There is no such page"),
    405: worded("This page cannot do that"),
    429: worded("Too many requests"),
    503: worded("Not available now"),
}

_NO_TASTE = Taste()


class NoSuchAssetError(CloudSealedError):
    """The pages have no file of this name."""

    code = "not_found"
    status = 404


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load: what it holds, and a tag of that for its address."""

    media_type: str
    content: bytes

    @property
    def tag(self) -> str:
        """Return the beginning of its SHA-256."""
        return sha256(self.content).hexdigest()[:12]


@cache
def assets() -> dict[str, Asset]:
    """Return the files that pages load, by name."""
    types = {
        "console.css": "text/css",
        "console.js": "text/javascript",
        "editor.js": "text/javascript",
        "icon.svg": "image/svg+xml",
    }
    folder = files("cloudsealed.console") / "static"
    return {name: Asset(kind, (folder / name).read_bytes()) for name, kind in types.items()}


def middle(text: str, most: int = 28) -> str:
    """Return a long id shortened in its middle, as its ends tell it from others."""
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[head + 1 - most :]}"


_templates = Environment(
    loader=PackageLoader("cloudsealed.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.policies["json.dumps_kwargs"] = {"sort_keys": False}  # documents as they were said


def _json(value: Any) -> str:
    """Return a value as JSON, to be escaped like any text."""
    return orjson.dumps(value).decode()


def _moment(text: str) -> str:
    """Return an RFC 3339 time in UTC as people read it, to the minute."""
    return f"{text[:10]} {text[11:16]} UTC"


_templates.filters["moment"] = _moment
_templates.filters["middle"] = middle
_templates.filters["json"] = _json
_templates.filters["called"] = called
_templates.tests["askable"] = is_askable
_templates.globals["assets"] = assets
_templates.globals["worded"] = worded
_templates.globals["TRIAGE"] = tuple(TriageState)
_templates.globals["SEVERITIES"] = tuple(Severity)[::-1]


def page(
    template: str,
    *,
    status: int = 200,
    form_target: str = "",
    scripted: bool = False,
    taste: Taste = _NO_TASTE,
    **values: Any,
) -> Response:
    """Return a page. `form_target` is where its form may end besides here (CSP `form-action`),
    `scripted` whether our script runs in it: never where people log in or consent; `prefix`, which
    every page needs, is the path of the public URL."""
    words = words_of(taste.language)
    said = {"t": words.t, "tn": words.tn, "said": words.said, "words": words, "taste": taste}
    content = _templates.get_template(template).render({**said, **values})
    return HTMLResponse(content, status, _headers(form_target, scripted=scripted))


def error_title(error: CloudSealedError) -> str:
    """Return what an error's page is called, in English."""
    return _TITLES.get(error.status, worded("Something went wrong"))


def error_page(
    error: CloudSealedError, request_id: str, prefix: str, taste: Taste = _NO_TASTE
) -> Response:
    """Return the page of an error: what happened, its code, and the request's id."""
    answer = page(
        "error.html",
        status=error.status,
        frame="base.html",
        title=error_title(error),
        refused=error,
        request_id=request_id,
        prefix=prefix,
        path="",
        nav=(),
        taste=taste,
    )
    answer.headers.update(error.headers)
    return answer


def redirect(location: str) -> Response:
    """Send the browser elsewhere, by GET and without its form (RFC 9700, section 4.12)."""
    return Response(status_code=303, headers={**_headers(""), "Location": location})


async def asset(request: Request) -> Response:
    """Answer a request for the stylesheet or the script: for a year, as its address changes with
    what it holds."""
    found = assets().get(request.path_params["name"])
    if found is None:
        raise NoSuchAssetError("There is no such file")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.content, 200, headers, found.media_type)


def _headers(form_target: str, *, scripted: bool = False) -> dict[str, str]:
    targets = f"'self' {form_target}".strip()
    return {
        "Content-Security-Policy": (_SCRIPTED if scripted else _POLICY).format(targets=targets),
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
        "Referrer-Policy": "strict-origin",  # no path: some hold secrets; no-referrer spoils Origin
    }

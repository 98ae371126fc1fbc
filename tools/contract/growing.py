"""A newer server, as clients of today meet it: every object of an answer has one more field, and
every word of an enumeration that may grow is one that they do not know.

It stands between a client and a served installation and rewrites JSON by the document's schemas.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

FIELD, WORD = "added_later", "word_of_later"
_HOP = {"transfer-encoding", "connection", "content-length", "content-encoding", "date", "server"}


class Grower:
    """Adds to answers what a later version may add."""

    def __init__(self, document: Any) -> None:
        self._schemas = document["components"]["schemas"]
        self._operations = [
            (method.upper(), re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)), operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        self._operations.sort(key=lambda each: "[^/]+" in each[1].pattern)

    def grown(self, method: str, path: str, status: int, value: Any) -> Any:
        """Return the JSON of an answer as a newer server would send it."""
        for known, pattern, operation in self._operations:
            if known == method and pattern.fullmatch(path):
                content = operation["responses"].get(str(status), {}).get("content", {})
                schema = content.get("application/json", {}).get("schema", {})
                return self._grown(value, schema)
        return value

    def _grown(self, value: Any, schema: Any) -> Any:
        schema = self._chosen(value, schema)
        if isinstance(value, str) and "x-extensible-enum" in schema:
            return WORD
        if isinstance(value, list):
            return [self._grown(item, schema.get("items", {})) for item in value]
        if not isinstance(value, dict):
            return value
        parts, others = schema.get("properties", {}), schema.get("additionalProperties")
        rest = others if isinstance(others, dict) else {}
        found = {name: self._grown(item, parts.get(name, rest)) for name, item in value.items()}
        return {**found, FIELD: {"by": ["a newer server"]}} if parts else found

    def _chosen(self, value: Any, schema: Any) -> Any:
        """Return the schema of a value behind references and choices."""
        while True:
            if "$ref" in schema:
                schema = self._schemas[schema["$ref"].rpartition("/")[2]]
            elif "discriminator" in schema and isinstance(value, dict):
                told = schema["discriminator"]
                schema = {"$ref": told["mapping"][value[told["propertyName"]]]}
            elif "anyOf" in schema:
                schema = next((s for s in schema["anyOf"] if s != {"type": "null"}), {})
            else:
                return schema


@contextmanager
def newer(url: str, document: Any) -> Iterator[str]:
    """Serve what is at `url` as a newer server would; yield the address."""
    grower, http = Grower(document), httpx.Client(base_url=url, trust_env=False, timeout=60)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            headers["Accept-Encoding"] = "identity"
            answer = http.request(
                self.command, self.path, content=self.rfile.read(length), headers=headers
            )
            content = answer.content
            if answer.headers.get("content-type", "").startswith("application/json"):
                path = self.path.partition("?")[0]
                value = grower.grown(self.command, path, answer.status_code, answer.json())
                content = json.dumps(value).encode()
            self.send_response(answer.status_code)
            for name, text in answer.headers.items():
                if name.lower() not in _HOP:
                    self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - the library's names

        def log_message(self, *args: Any) -> None:
            """Write nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Let a client go that has gone."""

    served = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}"
    finally:
        served.shutdown()
        thread.join()
        served.server_close()
        http.close()

"""Counts of responses in Prometheus' text format 0.0.4. No identity is in them."""

from __future__ import annotations


class Metrics:
    """Responses of this process by route, method and status."""

    def __init__(self) -> None:
        self._responses: dict[tuple[str, str, int], int] = {}

    def count(self, route: str, method: str, status: int) -> None:
        """Count one response; `route` is a template, never a path with ids."""
        response = route, method if method in _METHODS else "other", status
        self._responses[response] = self._responses.get(response, 0) + 1

    def text(self) -> str:
        """Return every count."""
        name = "cloudsealed_http_responses_total"
        lines = [
            f'{name}{{route="{route}",method="{method}",status="{status}"}} {count}'
            for (route, method, status), count in sorted(self._responses.items())
        ]
        head = [f"# HELP {name} Responses by route, method and status.", f"# TYPE {name} counter"]
        return "\n".join([*head, *lines]) + "\n"


_METHODS = frozenset(("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"))

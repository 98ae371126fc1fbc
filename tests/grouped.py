"""One test for several things of a kind: a suite of thousands of tests of a millisecond each costs
minutes for nothing but telling them apart."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
Test = Callable[[Any], None]
_MOST_TOLD = 5


def grouped(
    name: str, items: Iterable[T], group: Callable[[T], str], ident: Callable[[T], str]
) -> Callable[[Test], Any]:
    """Return a decorator of a test of one item, `name`, that makes it one of each group: it tries
    every item, and fails with the errors of those that failed, by their idents."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(group(item), []).append(item)

    def decorate(test: Test) -> Any:
        @pytest.mark.parametrize("_group", groups.values(), ids=list(groups))
        def every(_group: list[T]) -> None:
            wrong: dict[str, BaseException] = {}
            for item in _group:
                try:
                    test(**{name: item})
                except (Exception, pytest.fail.Exception) as error:
                    wrong[ident(item)] = error
            if len(wrong) == 1:
                raise next(iter(wrong.values()))
            told = [f"{who}: {error}" for who, error in [*wrong.items()][:_MOST_TOLD]]
            assert not wrong, f"{len(wrong)} of {len(_group)} are wrong:\n" + "\n".join(told)

        every.__doc__, every.__module__ = test.__doc__, test.__module__
        every.__name__ = every.__qualname__ = test.__name__
        return every

    return decorate


def service_of(key: str) -> str:
    """Return the provider and the service of a policy's key or of a type."""
    return "-".join(key.replace(".", "-").split("-")[:2])


each_policy_of = functools.partial(
    grouped, "policy", group=lambda spec: service_of(spec.key), ident=lambda spec: spec.key
)
"""Makes a test of a policy one of each service's policies."""
each_row_of = functools.partial(
    grouped, "row", group=lambda row: service_of(row.type), ident=lambda row: row.type
)
"""Makes a test of a row one of each service's rows."""

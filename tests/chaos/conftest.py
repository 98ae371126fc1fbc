"""The long tests stand on the same clouds and installations as those of `tests/e2e`."""

from tests.e2e.conftest import estate, install

__all__ = ["estate", "install"]

"""The long tests stand on the same installations as those of `tests/e2e`."""

from tests.e2e.conftest import install, unpaced

__all__ = ["install", "unpaced"]

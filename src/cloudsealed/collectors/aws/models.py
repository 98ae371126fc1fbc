"""The SDK's own data, read once a process: what operations each service has, and their shapes.

botocore reads them anew for every session, with the standard library's parser, and first looks into
every folder for which services there are: a second for the services of an audit, and as much memory
again for each audit that runs. What is read here is the same and shared; what the SDK writes into
it (paths of S3 without their bucket) it would write each time alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import botocore
import jmespath
import orjson
from botocore.loaders import JSONFileLoader, Loader


class _Files(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    """Reads a model with a parser four times as fast."""

    def _load_file(self, full_path: str, open_method: Callable[..., BinaryIO]) -> Any:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            return orjson.loads(file.read())


class _Models(Loader):  # type: ignore[misc]  # botocore has no types
    """botocore's loader, which takes a folder's name for a service's."""

    FILE_LOADER_CLASS = _Files

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the names of all folders of models, whatever models are there."""
        return _names(*self._search_paths)


@cache
def _names(*folders: str) -> list[str]:
    known = (Path(folder) for folder in folders)
    return sorted({model.name for each in known if each.is_dir() for model in each.iterdir()})


@cache
def models() -> Loader:
    """Return the loader of every session of this process."""
    return _Models()


def sdk_version() -> str:
    """Return the versions of the SDK, and so of its models, and of what reads paths into them."""
    return f"botocore {botocore.__version__}, jmespath {jmespath.__version__}"

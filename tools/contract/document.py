"""Writes the OpenAPI document of a new installation to a file: what `make contract` judges.

python tools/contract/document.py FILE
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import httpx

from cloudsealed.api.app import create_app
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.wiring import build_services


async def written(folder: Path) -> bytes:
    """Return the document of a new installation in `folder`."""
    settings = Settings(data_dir=folder, public_url="https://cloudsealed.acme.test")
    ensure_keys(settings.key_path)
    migrate(settings)
    services = build_services(settings)
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        content = (await http.get("/openapi.json")).content
    services.database.close()
    return content


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        Path(sys.argv[1]).write_bytes(asyncio.run(written(Path(name))))

"""No secret of the estate reaches a disk, a log, an answer or a report, however it is written."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
from pypdf import PdfReader
from tests.e2e.installation import Installation, every_log

from cloudsealed import working
from cloudsealed.api.app import create_app
from cloudsealed.auth.model import ALL_SCOPES
from cloudsealed.reports.kinds import KINDS
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import CANARIES
from cloudsealed.vocabulary import ReportKind, Role

Text = tuple[str, bytes]
WITH_SECRETS = ["lambda", "ec2", "ecs", "cloudformation"]


def spellings(secret: bytes) -> Iterator[bytes]:
    """Yield a secret as it is, and as it looks inside base64 at each of the three offsets."""
    yield secret
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret)
        yield encoded[4 if offset else 0 : (offset + len(secret)) // 3 * 4]


def needles_of(canaries: Sequence[str]) -> list[bytes]:
    return [spelling for canary in canaries for spelling in spellings(canary.encode())]


NEEDLES = needles_of(CANARIES)


def leaks(
    texts: Iterator[Text], needles: Sequence[bytes] = tuple(NEEDLES)
) -> list[tuple[str, bytes]]:
    return [(name, needle) for name, text in texts for needle in needles if needle in text]


def unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return b""


def on_disk(folder: Path) -> Iterator[Text]:
    """Yield every file, and every value of the database, as stored and decompressed."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    connection = sqlite3.connect(folder / "cloudsealed.db")
    tables = connection.execute(  # what a virtual table keeps is in tables of its own
        "select name from sqlite_master where type = 'table' and sql not like 'CREATE VIRTUAL%'"
    ).fetchall()
    for (table,) in tables:
        for row in connection.execute(f'select * from "{table}"'):
            for value in row:
                stored = value if isinstance(value, bytes) else str(value).encode()
                yield table, stored
                yield f"{table}, decompressed", unpacked(stored)
    connection.close()


async def served(installation: Installation, audit: str, most: int = 400) -> list[Text]:
    """Return the answer of every route that reads, for everything that there is, but for `most`
    findings and resources one by one."""
    services, tenant = installation.services, installation.tenant
    user = services.users.create(tenant=tenant, email="ann@example.com", role=Role.ADMIN)
    token = services.tokens.issue(tenant=tenant, user_id=user.id, name="t", scopes=ALL_SCOPES).text
    texts: list[Text] = []
    transport = httpx.ASGITransport(create_app(services))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as http:

        async def read(path: str) -> Any:
            answer = await http.get(path)
            assert answer.status_code == 200, (path, answer.text)
            texts.append((path, answer.content))
            return answer.json()

        async def everything(path: str) -> list[Any]:
            found, address = [], f"{path}?limit=200"
            while address:
                page = await read(address)
                found += page["data"]
                address = page["has_more"] and f"{path}?limit=200&cursor={page['next_cursor']}"
            return found

        for noun in ("connections", "policies", "audits", "tokens"):
            await everything(f"/v1/{noun}")
        await everything(f"/v1/audits/{audit}/calls")
        for part in ("", "/coverage", "/seal"):
            await read(f"/v1/audits/{audit}{part}")
        for finding in (await everything("/v1/findings"))[:most]:
            await read(f"/v1/findings/{finding['id']}/evidence")
        for resource in (await everything("/v1/resources"))[:most]:
            await read(f"/v1/resources/{resource['id']}")
    return texts


def reported(
    installation: Installation, audit: str, framework: str = "cis-aws-5.0"
) -> Iterator[Text]:
    services, tenant = installation.services, installation.tenant
    worker = working.worker(services)
    for kind in ReportKind:
        evidence = kind is ReportKind.COMPLIANCE_EVIDENCE
        body = {"kind": kind, "audit_id": audit} | ({"framework": framework} if evidence else {})
        ident = orjson.loads(services.reports.create(tenant=tenant, body=body))["id"]
        assert worker.run_once("report")
        for wanted in KINDS[kind].formats:
            file = services.reports.file(tenant=tenant, ident=ident, format=wanted)
            content = b"".join(file.content)
            yield f"{kind} {wanted}", content
            if wanted == "pdf":
                pages = PdfReader(io.BytesIO(content)).pages
                yield f"{kind} text", "".join(page.extract_text() for page in pages).encode()


def test_the_search_finds_a_secret_that_is_there(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "cloudsealed.db")
    connection.execute("create table objects (data blob)")
    hidden = json.dumps({"x": CANARIES[0]}).encode()
    for value in (zlib.compress(hidden), base64.b64encode(b"x" + hidden)):
        connection.execute("insert into objects values (?)", (value,))
    connection.commit()
    connection.close()
    found = leaks(on_disk(tmp_path))
    assert {name for name, _ in found} >= {"objects", "objects, decompressed"}
    with every_log() as log:
        logging.getLogger("cloudsealed").debug("%s", CANARIES[0])
    assert leaks((line, line.encode()) for line in log.lines)


def test_no_secret_reaches_a_disk_a_log_an_answer_or_a_report(
    whole_estate: Emulator, install: Any, tmp_path: Path
) -> None:
    installation = install(tmp_path, whole_estate)
    with every_log() as log:
        audit = installation.audit(services=WITH_SECRETS)["id"]
        installation.reanalyze(audit)
        texts = [*asyncio.run(served(installation, audit)), *reported(installation, audit)]
    texts += [("log", line.encode()) for line in log.lines]
    stored = list(on_disk(installation.folder))
    assert leaks(iter(texts + stored)) == []
    whole = b"".join(text for _, text in stored)
    for sign in (b'"redacted":true', b"larkspur-legacy", b'"looks_like":["'):
        assert sign in whole  # the secrets were met
    assert b'"redacted":true' in b"".join(text for _, text in texts)

"""An audit of a sample cluster, as the product makes it, and whom its findings are about."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from cloudsealed.audits.records.blocks import OBSERVATIONS, Blocks
from cloudsealed.collectors.kubernetes.manifests import KINDS
from cloudsealed.collectors.kubernetes.rows import CORE
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.testing.kubernetes.authority import Authority
from cloudsealed.testing.kubernetes.estate import AT, Object
from cloudsealed.testing.kubernetes.server import ADMIN, ApiServer
from cloudsealed.testing.kubernetes.store import Store
from cloudsealed.wiring import build_services

_VARIABLE = "KUBECONFIG"
_CONTEXT = "larkspur-cluster"


@dataclass(frozen=True, slots=True)
class Audited:
    """How an audit ended, the outcome of each (policy's key, native id), and those of which there
    is a finding: of what fails by several policies only the one that the others yield to."""

    audit: dict[str, Any]
    verdicts: Mapping[tuple[str, str], str]
    found: frozenset[tuple[str, str]]


@contextmanager
def served(
    folder: Path, objects: Iterable[Object], *, clock: Clock = utc_now
) -> Iterator[ApiServer]:
    """Serve objects as a cluster, to which a kubeconfig in a folder leads: the only one that this
    process knows meanwhile."""
    store = Store()
    for item in objects:
        store.add(deepcopy(item))
    token = secrets.token_urlsafe(16)
    with TemporaryDirectory() as keys:  # who serves has read them by then
        authority = Authority(Path(keys))
        made = ApiServer(store, {token: ADMIN}, tls=authority.server(), clock=clock)
    with made as server:
        config = folder / "kubeconfig"
        config.touch(mode=0o600)
        config.write_bytes(
            orjson.dumps(server.kubeconfig(token, authority=authority.pem, name=_CONTEXT))
        )
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = str(config.resolve())
        try:
            yield server
        finally:
            del os.environ[_VARIABLE]
            if before is not None:
                os.environ[_VARIABLE] = before


def audited(folder: Path, objects: Iterable[Object]) -> Audited:
    """Audit objects as a cluster at the moment of the sample, with the data in a folder."""
    with served(folder, objects, clock=_then):
        return _audit(folder / "data")


def _then() -> datetime:
    return AT


def _audit(folder: Path) -> Audited:
    settings = Settings(data_dir=folder)
    migrate(settings)
    ensure_keys(settings.key_path)
    services = build_services(settings, clock=_then)
    tenant = services.tenants.ensure(name="local").id
    services.policies.synchronize(tenant=tenant)
    connection = services.connections.ensure(
        tenant=tenant, name="sample", body={"provider": "kubernetes"}
    )
    body = {"connection_ids": [connection]}
    ident = orjson.loads(services.audits.create(tenant=tenant, body=body, queue=False))["id"]
    services.runner.run(tenant=tenant, ident=ident, owner="sample")
    audit = orjson.loads(services.audits.get(tenant=tenant, ident=ident))
    found = frozenset(
        (each["policy"]["key"], each["resource"]["native_id"])
        for each in services.findings.of_audit(tenant=tenant, audit=ident)
    )
    blocks = Blocks(services.database, tenant=tenant, audit_id=ident)
    verdicts = {
        (block.key, line["native_id"]): line["outcome"]
        for block in blocks.all(OBSERVATIONS)
        for line in blocks.lines(block)
    }
    services.database.close()
    return Audited(audit, verdicts, found)


def ident_of(item: Object) -> str:
    """Return the native id of an object."""
    group, plural = KINDS[item["kind"]]
    prefix = "" if group == CORE else f"{group}/"
    namespace = item["metadata"].get("namespace")
    within = f"namespaces/{namespace}/" if namespace else ""
    return f"{prefix}{within}{plural}/{item['metadata']['name']}"

"""What `cloudsealed audit` is asked for: read, and checked against what the program and the
account know, before anything is audited.

It refuses to guess: a name that is not known is an error that tells the nearest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import typer

from cloudsealed.auditing import Auditing
from cloudsealed.audits.model import Audit
from cloudsealed.collectors.provider import Choice
from cloudsealed.collectors.providers import provider_of
from cloudsealed.findings.exceptions import Exceptions, read_exceptions
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.nearest import did_you_mean
from cloudsealed.packs import PolicySpec, load_policies
from cloudsealed.policies.files import read_text
from cloudsealed.policies.folder import NoPolicyFilesError, files_of, read_files
from cloudsealed.policies.frameworks import frameworks
from cloudsealed.vocabulary import FIRST_PROVIDER, Provider


@dataclass(frozen=True, slots=True)
class Files:
    """What files say: policies to judge by too, and the text of accepted risks."""

    policies: Sequence[PolicySpec]
    exceptions: Path | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """One audit as it is asked for: of a connection, within a scope, by the enabled policies or
    those of a framework (whose key is not ""), and by those with the ids `lent`."""

    connection: str
    scope: Mapping[str, Sequence[str]]
    framework: str
    policies: Sequence[str] | None
    lent: Sequence[str]
    exceptions: Exceptions

    def create(self, installation: Auditing, tenant: str) -> str:
        """Add the audit; return its id. Raises the usage error of what it names wrongly."""
        body = {
            "connection_ids": [self.connection],
            "scope": dict(self.scope) or None,
            "policies": self.policies,
        }
        made = installation.audits.create(tenant=tenant, body=body, queue=False, lent=self.lent)
        return str(orjson.loads(made)["id"])

    def interrupted(self, installation: Auditing, tenant: str) -> Sequence[Audit]:
        """Return the same audit where it was interrupted, newest first."""
        return installation.audits.interrupted(
            tenant=tenant,
            connection_ids=(self.connection,),
            scope=self.scope,
            policies=self.policies,
            lent=self.lent,
        )


def read_given(policies: Sequence[Path], exceptions: Path | None) -> Files:
    """Return what files say; raises PolicyFileError with all that is wrong with them, and the usage
    error of a folder without policies."""
    try:
        found = read_files(files_of(policies))
    except NoPolicyFilesError as error:
        raise _wrong("--policy", error.message) from error
    errors = [error for each in found for error in each.errors]
    if errors:
        errors[0].others = tuple(errors[1:])
        raise errors[0]
    specs = [each.policy for each in found if each.policy is not None]
    return Files(specs, exceptions, read_text(exceptions) if exceptions else "")


def requested(
    installation: Auditing,
    tenant: str,
    provider: Provider,
    choice: Choice,
    scope: Mapping[str, Sequence[str] | None],
    framework: str,
    files: Files,
) -> AuditRequest:
    """Return the audit that is asked for, once everything that it names is known.

    Raises PolicyFileError, and the usage error of the first name that is not known.
    """
    policies = installation.policies
    policies.synchronize(tenant=tenant)
    given = {name: values for name, values in scope.items() if values is not None}
    accepted = _exceptions(installation, tenant, files)
    _refuse_empty(given)
    connection = installation.connections.ensure(
        tenant=tenant, name=_name(provider, choice), body={"provider": provider}
    )
    regions = given.get("regions", ())
    try:
        installation.audits.refuse_scope({k: v for k, v in given.items() if k != "regions"})
        _refuse_unknown_regions(installation, tenant, provider, connection, regions, choice)
        installation.audits.refuse_scope(given)
        lent = policies.lend(tenant=tenant, specs=files.policies)
    except CloudSealedError as error:
        raise typer.BadParameter(error.message) from error
    only = policies.serving(tenant=tenant, framework=framework) if framework else None
    if framework and not only:
        raise _wrong("--framework", f"no policy of {framework} is enabled")
    return AuditRequest(connection, given, framework, only, lent, accepted)


def _name(provider: Provider, choice: Choice) -> str:
    """Return what the connection of a choice is called: by the provider too where it is not the
    first, so that a context and a profile of one name are two."""
    name = choice.account or choice.option or "default"
    told = "files" if choice.files else provider.value
    return name if provider is FIRST_PROVIDER else f"{told}: {name}"


def _exceptions(installation: Auditing, tenant: str, files: Files) -> Exceptions:
    if files.exceptions is None:
        return Exceptions("", [])
    own = installation.policies.keys(tenant=tenant)
    lent = (spec.key for spec in files.policies)
    known = {*(spec.key for spec in load_policies()), *own, *lent}
    return read_exceptions(files.text, file=str(files.exceptions), policies=known)


def _refuse_empty(scope: Mapping[str, Sequence[str]]) -> None:
    for name, values in scope.items():
        if not values:
            raise _wrong(_OPTIONS[name], "names nothing")


_OPTIONS = {"regions": "--regions", "services": "--services", "resource_types": "--types"}


def refuse_unknown_framework(key: str) -> None:
    """Raise the usage error of a framework that there is not."""
    if key and key not in frameworks():
        known = did_you_mean(key, frameworks()) or f"; there are {', '.join(sorted(frameworks()))}"
        raise _wrong("--framework", f"there is no framework {key!r}{known}")


def refuse_half(named: str, account: str, files: Sequence[Path], option: str, chosen: str) -> None:
    """Raise the usage error of files whose account has no name, of a name without files, and of
    credentials beside files. `named` and `option` are the options that say the last two."""
    if bool(files) != bool(account.strip()):
        missing = f"--{named}" if files else "--import"
        raise _wrong(missing, f"--import and --{named} go together: files do not name their own")
    if files and chosen:
        raise _wrong(f"--{option}", "files need no credentials: leave it out")


def _refuse_unknown_regions(
    installation: Auditing,
    tenant: str,
    provider: Provider,
    connection: str,
    regions: Sequence[str],
    choice: Choice,
) -> None:
    """Raise the usage error of the first region that there is not, by what the account says, else
    the program, or that the account has not enabled."""
    if not regions:
        return
    enabled = installation.connections.regions(tenant=tenant, ident=connection, choice=choice)
    known = provider_of(provider).known_regions() | (enabled or frozenset())
    for region in regions:
        if region not in known:
            near = did_you_mean(region, enabled or known)
            raise _wrong("--regions", f"there is no region {region!r}{near}")
        if enabled is not None and region not in enabled:
            raise _wrong("--regions", f"{region} is not enabled in this account")


def _wrong(option: str, message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=option)

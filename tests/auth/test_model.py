from __future__ import annotations

from ipaddress import ip_network

import pytest

from cloudsealed.auth.errors import InsufficientScopeError, InvalidScopeError
from cloudsealed.auth.model import (
    ALL_SCOPES,
    ROLE_SCOPES,
    Caller,
    Scope,
    effective,
    implied,
    parse_scopes,
)
from cloudsealed.vocabulary import Role


def test_each_role_can_do_all_that_the_role_below_it_can() -> None:
    viewer, auditor, editor, admin = (ROLE_SCOPES[role] for role in Role)
    assert viewer < auditor < editor < admin == ALL_SCOPES


def test_a_viewer_reads_all_but_evidence_users_and_events_and_has_their_own() -> None:
    hidden = {Scope.EVIDENCE_READ, Scope.USERS_READ, Scope.EVENTS_READ}
    reads = {scope for scope in Scope if scope.endswith(":read")}
    assert ROLE_SCOPES[Role.VIEWER] == (reads - hidden) | {Scope.TOKENS_WRITE, Scope.VIEWS_WRITE}


def test_an_editor_writes_six_nouns_and_reports() -> None:
    writes = {s.split(":")[0] for s in ROLE_SCOPES[Role.EDITOR] if s.endswith(":write")}
    nouns = {"findings", "audits", "policies", "connections", "schedules", "webhooks"}
    assert writes == nouns | {"reports", "tokens", "views"}


@pytest.mark.parametrize("scope", [s for s in Scope if s.endswith(":write")])
def test_write_implies_read(scope: Scope) -> None:
    assert implied([scope]) == {scope, Scope(scope.replace(":write", ":read"))}


def test_admin_is_everything_but_only_of_an_admin() -> None:
    assert implied([Scope.ADMIN]) == ALL_SCOPES
    assert effective([Scope.ADMIN], Role.VIEWER) == ROLE_SCOPES[Role.VIEWER]


def test_a_write_scope_keeps_its_read_when_the_role_lacks_the_write() -> None:
    assert effective([Scope.FINDINGS_WRITE], Role.VIEWER) == {Scope.FINDINGS_READ}


def test_a_scope_that_there_is_not_is_named() -> None:
    with pytest.raises(InvalidScopeError, match="findings:destroy"):
        parse_scopes(["findings:read", "findings:destroy"])


def _caller(*networks: str) -> Caller:
    parsed = tuple(ip_network(network) for network in networks)
    return Caller("ten", "usr", "tok", Role.VIEWER, frozenset({Scope.FINDINGS_READ}), "~", parsed)


def test_a_missing_scope_is_named() -> None:
    _caller().require(Scope.FINDINGS_READ)
    with pytest.raises(InsufficientScopeError, match="audits:read"):
        _caller().require(Scope.AUDITS_READ)


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        ((), "192.0.2.1", True),
        (("192.0.2.0/24",), "192.0.2.255", True),
        (("192.0.2.0/24",), "192.0.3.0", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.1", True),
        (("192.0.2.0/24", "2001:db8::/32"), "2001:db8::1", True),
        (("192.0.2.0/24",), "2001:db8::1", False),
        (("192.0.2.0/24",), "unix", False),
    ],
)
def test_networks_bound_where_a_credential_works(
    networks: tuple[str, ...], address: str, allowed: bool
) -> None:
    assert _caller(*networks).allows_address(address) is allowed

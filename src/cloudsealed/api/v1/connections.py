"""/v1/connections: how CloudSealed reaches cloud accounts."""

from __future__ import annotations

from cloudsealed import removal
from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Costs, Reply, Table
from cloudsealed.api.v1.schemas import estate as shapes
from cloudsealed.auth.model import Scope
from cloudsealed.connections import bodies
from cloudsealed.connections.model import AmbientCredentialsNotAllowedError
from cloudsealed.connections.store import LISTING
from cloudsealed.policies.model import NameAlreadyExistsError
from cloudsealed.storage import schema
from cloudsealed.vocabulary import EventType

TABLE = Table(
    "Connections",
    "How cloud accounts are reached; no access key is stored.",
    getter=lambda call: call.services.connections.get(**call.one),
    rows=schema.connections,
)


@TABLE.lists(
    "/v1/connections", Listed.of(LISTING), scope=Scope.CONNECTIONS_READ, answer=shapes.Connection
)
def list_connections(call: Call) -> Reply:
    """List connections.

    The accounts that audits can go through.
    """
    connections = call.services.connections
    return connections.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/connections",
    scope=Scope.CONNECTIONS_WRITE,
    answer=shapes.Connection,
    body=bodies.CONNECTION,
    errors=(NameAlreadyExistsError, AmbientCredentialsNotAllowedError),
    event=EventType.CONNECTION_CREATED,
)
def create_connection(call: Call) -> Reply:
    """Add a connection; the external id of a role is made here.

    Nothing is asked of the cloud: trust the external id in the role, then test the connection.
    """
    return call.services.connections.create(tenant=call.tenant, body=call.body)


@TABLE.gets("/v1/connections/{id}", scope=Scope.CONNECTIONS_READ, answer=shapes.Connection)
def get_connection(call: Call) -> Reply:
    """Retrieve a connection.

    How one account is reached. There is no secret in it.
    """
    return call.services.connections.get(**call.one, deadline=call.deadline)


@TABLE.changes(
    "/v1/connections/{id}",
    scope=Scope.CONNECTIONS_WRITE,
    answer=shapes.Connection,
    body=bodies.CONNECTION_CHANGE,
    errors=(NameAlreadyExistsError,),
    event=EventType.CONNECTION_CHANGED,
)
def update_connection(call: Call) -> Reply:
    """Change a connection's name or regions.

    What is left out stays. Which account it reaches cannot change: add another connection.
    """
    return call.services.connections.update(**call.one, body=call.body)


@TABLE.reads(
    "/v1/connections/{id}/setup", scope=Scope.CONNECTIONS_READ, answer=shapes.ConnectionSetup
)
def get_connection_setup(call: Call) -> Reply:
    """Retrieve what a connection's role needs: its trust policy and its permissions.

    Both are IAM policies ready to paste. The permissions are those that the tenant's policies need
    and nothing else; none of them reads an object, an item, a message or a secret's value.
    """
    return call.services.connections.setup(**call.one)


@TABLE.acts(
    "/v1/connections/{id}/test",
    scope=Scope.CONNECTIONS_WRITE,
    answer=shapes.ConnectionTest,
    costs=Costs("connection_tests", most=16),
    errors=(AmbientCredentialsNotAllowedError,),
    event=EventType.CONNECTION_TESTED,
)
def test_connection(call: Call) -> Reply:
    """Test a connection.

    Says who it is to its cloud, or why it cannot be used; and which calls that list resources it
    may not make, tried in its first region, with the IAM statement that would allow them. `ok` is
    whether it can be used. Calls about single resources are told by the coverage of an audit.
    """
    return call.services.connections.test(**call.one)


@TABLE.deletes(
    "/v1/connections/{id}", scope=Scope.CONNECTIONS_WRITE, event=EventType.CONNECTION_DELETED
)
def delete_connection(call: Call) -> Reply:
    """Remove a connection; what was found through it resolves as connection_removed.

    Audits that went through it stay.
    """
    removal.remove_connection(call.services, **call.one)
    return None

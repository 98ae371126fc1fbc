"""Every operation of the API has its command, with all that it takes."""

from __future__ import annotations

import pytest

from cloudsealed.api.app import TABLES
from cloudsealed.api.operation import Operation, Table
from cloudsealed.api.shown import paths_of
from cloudsealed.cli.client import derive
from cloudsealed.cli.client.columns import COLUMNS
from cloudsealed.cli.client.nouns import command, group
from cloudsealed.cli.client.table import FILE, BodyField, names, noun
from cloudsealed.cli.client.table import Operation as Command
from cloudsealed.kit.shapes import Component, components_of

SERVED = {op.name: op for table in TABLES for op in table.operations}
KNOWN = {each.name: each for name in names() for each in noun(name).operations}

every_operation = pytest.mark.parametrize("name", SERVED)


def options_of(known: Command) -> set[str]:
    return {option for each in command(known).params for option in each.opts}


def test_what_the_commands_know_is_what_the_server_does() -> None:
    assert FILE.read_text() == derive.text()
    assert {(op.method, op.path) for op in SERVED.values()} == {
        (each.method, each.path) for each in KNOWN.values()
    }


@every_operation
def test_every_operation_has_its_command(name: str) -> None:
    served, known = SERVED[name], KNOWN[name]
    (nouns,) = [each for each in names() if known in noun(each).operations]
    found = group(nouns).get_command(None, known.verb)
    assert found is not None
    assert served.texts[0] in found.help
    arguments = [each for each in command(known).params if each.param_type_name == "argument"]
    assert len(arguments) == served.path.count("{")


@every_operation
def test_every_parameter_of_an_operation_is_an_option(name: str) -> None:
    wanted = {f"--{parameter.replace('_', '-')}" for parameter in SERVED[name].parameters}
    assert wanted <= options_of(KNOWN[name])


def fields_of(body: Component) -> set[str]:
    """Return the names of a body's fields, in whichever of its forms."""
    schemas = components_of(body)
    said = schemas[body.name]
    forms = [each["$ref"] for each in [*said.get("oneOf", ()), *said.get("anyOf", ())]]
    found = [said, *(schemas[each.rpartition("/")[2]] for each in forms)]
    return {field for form in found for field in form.get("properties", ())}


@every_operation
def test_every_field_of_a_body_is_an_option(name: str) -> None:
    body = SERVED[name].body
    assert (fields_of(body) if body else set()) == {each.path[0] for each in KNOWN[name].body}
    assert {f"--{each.option}" for each in KNOWN[name].body} <= options_of(KNOWN[name])
    assert (body is None) or {"--data", "--field", "--typed-field"} <= options_of(KNOWN[name])


@pytest.mark.parametrize("name", [name for name, op in SERVED.items() if op.listed is not None])
def test_a_table_shows_what_its_objects_have(name: str) -> None:
    answer = SERVED[name].answer
    assert answer is not None
    assert {each.path for each in COLUMNS.get(KNOWN[name].object, ())} <= set(paths_of(answer))


def field(name: str, option: str) -> BodyField:
    return next(each for each in KNOWN[name].body if each.option == option)


def test_a_field_within_an_object_is_called_by_its_own_name_while_that_is_free() -> None:
    assert field("triage_finding", "state").path == ("triage", "state")
    assert field("create_audit", "regions").path == ("scope", "regions")
    assert field("triage_findings", "filter-triage").path == ("filter", "triage")
    assert field("create_schedule", "report-connection-ids").path == ("report", "connection_ids")


def test_a_field_knows_its_kind_and_its_words() -> None:
    assert field("create_schedule", "enabled").kind == "boolean"
    assert field("rotate_token", "overlap-seconds").kind == "integer"
    assert field("create_token", "scopes").kind == "strings"
    assert field("create_policy", "message").kind == "string"
    assert field("create_policy", "params").kind == "json"
    assert "accepted_risk" in field("triage_finding", "state").choices
    assert field("create_policy", "kind").choices == ("check", "classification")
    assert field("create_policy", "kind").needed
    assert not field("create_policy", "when").needed


def test_a_command_has_the_verb_of_its_operation_and_the_plain_word_too() -> None:
    tokens, findings = noun("tokens"), noun("findings")
    assert tokens.operation("revoke") is tokens.operation("delete")
    assert findings.operation("triage") is findings.operation("update")
    assert noun("users").operation("create") is not noun("users").operation("invite")


def test_two_commands_of_one_name_are_refused() -> None:
    table = Table("Things", "Things.")

    def get_thing(_call: object) -> bytes:
        """Get a thing."""
        return b""

    for path in ("/v1/things", "/v1/things/last", "/v1/things/{id}/last"):
        table.operations.append(Operation(method="GET", path=path, handler=get_thing, tag="Things"))
    with pytest.raises(ValueError, match="last"):
        derive.derived((table,))

"""What is known of documents is what the API reference says of them."""

from __future__ import annotations

from tools.kubernetes_shapes import FILE, definitions, written

from cloudsealed.collectors.attributes import attributes_of, shape_of
from cloudsealed.collectors.kubernetes.rows import ROWS


def test_the_shapes_are_those_of_the_newest_version() -> None:
    assert FILE.read_bytes() == written(definitions()) + b"\n"


def test_a_document_has_the_fields_of_its_kind() -> None:
    pod = shape_of("k8s.pod")
    assert pod["spec"]["containers"][0]["securityContext"]["runAsUser"] == "integer"
    assert pod["metadata"]["creationTimestamp"] == "time"
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "string"
    assert "managedFields" not in pod["metadata"]
    assert shape_of("k8s.config_map").keys() == {"metadata", "Tags"}
    for row in ROWS:
        assert "name" in attributes_of(row.type)["metadata"], row.type

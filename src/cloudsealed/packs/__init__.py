"""Policies and frameworks as data: one YAML file each, their form, and the strict reader of it.

It evaluates nothing and knows no engine: expressions are text here, with their place in the file.
"""

from cloudsealed.packs.errors import PolicyFileError
from cloudsealed.packs.form import (
    CLASSIFICATION,
    EXAMPLE_OUTCOMES,
    RELATED,
    body_schema,
    change_schema,
    check_form,
    file_schema,
)
from cloudsealed.packs.loader import load_frameworks, load_policies
from cloudsealed.packs.model import (
    AUTHORS,
    EFFORTS,
    EXAMPLES_AT,
    Control,
    Degree,
    Example,
    Framework,
    PolicyBody,
    PolicySpec,
    Relation,
    Remediation,
    Section,
)
from cloudsealed.packs.reader import (
    draft_of,
    examples_of,
    parse_framework,
    parse_policy,
    read_body,
    read_policies,
)
from cloudsealed.packs.yields import leads, refuse_yields

__all__ = [
    "AUTHORS",
    "CLASSIFICATION",
    "EFFORTS",
    "EXAMPLES_AT",
    "EXAMPLE_OUTCOMES",
    "RELATED",
    "Control",
    "Degree",
    "Example",
    "Framework",
    "PolicyBody",
    "PolicyFileError",
    "PolicySpec",
    "Relation",
    "Remediation",
    "Section",
    "body_schema",
    "change_schema",
    "check_form",
    "draft_of",
    "examples_of",
    "file_schema",
    "leads",
    "load_frameworks",
    "load_policies",
    "parse_framework",
    "parse_policy",
    "read_body",
    "read_policies",
    "refuse_yields",
]

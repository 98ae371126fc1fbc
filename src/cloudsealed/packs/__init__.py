"""Policies and frameworks as data: one YAML file each, their form, and the strict reader of it.

It evaluates nothing and knows no engine: expressions are text here, with their place in the file.
"""

from cloudsealed.packs.errors import Fault, FormError, PolicyFileError, dotted, hint
from cloudsealed.packs.form import (
    CLASSIFICATION,
    EXAMPLE_OUTCOMES,
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
from cloudsealed.packs.shapes import Use
from cloudsealed.packs.yields import leads, refuse_yields

__all__ = [
    "AUTHORS",
    "CLASSIFICATION",
    "EFFORTS",
    "EXAMPLES_AT",
    "EXAMPLE_OUTCOMES",
    "Control",
    "Degree",
    "Example",
    "Fault",
    "FormError",
    "Framework",
    "PolicyBody",
    "PolicyFileError",
    "PolicySpec",
    "Relation",
    "Remediation",
    "Section",
    "Use",
    "body_schema",
    "change_schema",
    "check_form",
    "dotted",
    "draft_of",
    "examples_of",
    "file_schema",
    "hint",
    "leads",
    "load_frameworks",
    "load_policies",
    "parse_framework",
    "parse_policy",
    "read_body",
    "read_policies",
    "refuse_yields",
]

"""What a value may be, piece by piece: a shape reads a value strictly and is a JSON Schema too.

Both come from the same facts, so that an editor, a file's reader, a body's reader and the API's
document say the same. It knows no noun: each says which fields it has.
"""

from cloudsealed.kit.shapes.body import read_body, refusal, refuse
from cloudsealed.kit.shapes.component import (
    ITEM,
    LINE,
    NAME,
    PREFIX,
    Choice,
    Component,
    components_of,
    deprecations_of,
    deprecations_used,
    ident,
    parts_of,
)
from cloudsealed.kit.shapes.errors import Fault, FormError, Path, dotted, hint, path_of, refuse_all
from cloudsealed.kit.shapes.lists import Many, Texts
from cloudsealed.kit.shapes.record import Brief, Named, Part, Record, Use, unknown
from cloudsealed.kit.shapes.values import (
    EXAMPLE,
    NOT_BLANK,
    ULID,
    Anything,
    Flag,
    Free,
    Ident,
    Moment,
    Number,
    Shape,
    Text,
    Word,
    mapping,
    words,
)

__all__ = [
    "EXAMPLE",
    "ITEM",
    "LINE",
    "NAME",
    "NOT_BLANK",
    "PREFIX",
    "ULID",
    "Anything",
    "Brief",
    "Choice",
    "Component",
    "Fault",
    "Flag",
    "FormError",
    "Free",
    "Ident",
    "Many",
    "Moment",
    "Named",
    "Number",
    "Part",
    "Path",
    "Record",
    "Shape",
    "Text",
    "Texts",
    "Use",
    "Word",
    "components_of",
    "deprecations_of",
    "deprecations_used",
    "dotted",
    "hint",
    "ident",
    "mapping",
    "parts_of",
    "path_of",
    "read_body",
    "refusal",
    "refuse",
    "refuse_all",
    "unknown",
    "words",
]

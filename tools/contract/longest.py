"""A hook of schemathesis: what fits its schema, but no address, is not made.

A server bounds the whole of a path and its query, and says so (414, RFC 9110, section 15.5.15). A
schema bounds each value, and has no words for their sum. A shorter request that is refused as too
long goes on being a complaint, as does whatever else a longer one that is wrong is answered with.
"""

from __future__ import annotations

import os
from typing import Any

import requests
import schemathesis

LONGEST = int(os.environ["CONTRACT_LONGEST_URI"])


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Say whether a request is made: one that is to be accepted has to fit."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return True
    asked = case.as_transport_kwargs(base_url="http://localhost")
    made = requests.Request(asked["method"], asked["url"], params=asked.get("params")).prepare()
    return len(made.path_url) <= LONGEST

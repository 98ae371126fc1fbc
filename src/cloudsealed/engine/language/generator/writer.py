"""Writes the code of a node by the class that it has, whatever node it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from cloudsealed.engine.language.generator.statements import Code, Statements
from cloudsealed.engine.language.syntax import Node
from cloudsealed.engine.values import spoken


class Writer(Statements):
    """The code of nodes: `code` returns an expression that is valid after the statements collected
    so far. `forms` has what writes each class of node."""

    def __init__(self, source: str, variables: Sequence[str], forms: Forms, *, alone: bool) -> None:
        super().__init__(source, variables, alone=alone)
        self.forms = forms

    def truth(self, node: Node) -> Code:
        """The code of a node that must be true or false, and is exactly that when it returns."""
        code = self.code(node)
        if code.kind == "bool":
            return code
        if code.kind != "dyn":
            text = f"this must be true or false, and is {spoken(code.kind)}"
            raise self.error(node, text)
        first, held = self.hold(code.text)
        text = f"({first} is True or ({held} is not False and _refuse()))"
        return Code(text, "bool")

    def code(self, node: Node) -> Code:
        """The code of any node, by its class."""
        return self.forms[node.__class__](self, node)

    def each(self, nodes: Sequence[Node]) -> list[Code]:
        """The code of nodes that may run in another order: none uses what another has learnt."""
        codes, known = [], self.known
        for node in nodes:
            codes.append(self.code(node))
            self.known = known
        return codes

    def sequence(self, nodes: Sequence[Node]) -> str:
        """The code of a Python list of nodes."""
        return f"[{', '.join(code.text for code in self.each(nodes))}]"

    @contextmanager
    def binding(self, **names: str) -> Iterator[None]:
        """Within it, variables of a macro have these names."""
        outer = self.scope
        self.scope = {**outer, **names}
        try:
            yield
        finally:
            self.scope = outer


Forms: TypeAlias = Mapping[type[Node], Callable[[Writer, Any], Code]]
"""What writes the nodes of each class."""

"""The code of a call: what its values must be, what it pays, and the function itself."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsealed.engine.language.generator.statements import Code
from cloudsealed.engine.language.generator.writer import Writer
from cloudsealed.engine.language.syntax import Apply, Constant
from cloudsealed.engine.meter import FREE_TEXT
from cloudsealed.engine.signature import Kinds
from cloudsealed.engine.values import CLASSES, KINDS


def apply(writer: Writer, node: Apply) -> Code:
    """A call; one that would leave its first value as it is is left out where its kind is known."""
    function, codes = node.function, writer.each(node.arguments)
    kind = function.unchanged
    if kind is None or codes[0].kind not in (kind, "dyn"):
        return call(writer, node, codes)
    if codes[0].kind == kind:
        return codes[0]
    first, held = writer.hold(codes[0].text)
    changed = call(writer, node, [Code(held, "dyn"), *codes[1:]]).text
    return Code(f"({held} if {first}.__class__ is _{kind} else {changed})", function.result)


def call(writer: Writer, node: Apply, codes: Sequence[Code]) -> Code:
    """A call, if each value has a kind that the function takes."""
    function = node.function
    passed: list[str] = []
    tests: list[str] = []
    wanted = function.parameters_of(len(codes)) or ()
    for number, (kinds, code) in enumerate(zip(wanted, codes, strict=True)):
        if not kinds or code.kind in kinds:
            passed.append(code.text)
            continue
        if code.kind != "dyn":
            refusal = function.refusal(number, code.kind)
            raise writer.error(node.arguments[number], refusal)
        first, held = writer.hold(code.text)
        passed.append(held)
        tests.append(kind_test(writer, first, held, kinds))
    text = called(writer, node, passed, tests)
    if tests:
        passes = f"({') and ('.join(tests)})" if len(tests) > 1 else tests[0]
        text = f"({text} if {passes} else _refuse())"
    return Code(text, function.result)


def called(writer: Writer, node: Apply, passed: list[str], tests: list[str]) -> str:
    """The text of a call whose values pass `tests`, to which what it reads may be added."""
    function, first = node.function, node.arguments[0] if node.arguments else None
    if function.partial is not None and isinstance(first, Constant):
        return f"{writer.named(function.partial(first.value))}({', '.join(passed[1:])})"
    if function.inline and paid(writer, node, passed, tests):
        return function.inline.format(*passed)
    extra = [writer.meter()] if function.metered else ["now"] if function.clocked else []
    return f"{writer.named(function.run)}({', '.join([*extra, *passed])})"


def paid(writer: Writer, node: Apply, passed: list[str], tests: list[str]) -> bool:
    """Whether what a call reads is nothing, or can be paid for without a meter."""
    number = node.function.charged
    if number is None:
        return True
    argument = node.arguments[number]
    if isinstance(argument, Constant):
        return len(argument.value) < FREE_TEXT
    if writer.alone:
        first, passed[number] = writer.hold(passed[number])
        tests.append(writer.read(first, passed[number]))
    return writer.alone


def kind_test(writer: Writer, first: str, held: str, wanted: Kinds) -> str:
    """A test of the class of a value; the two texts are from `hold`."""
    classes = [f"_{kind}" for kind in KINDS.values() if kind in wanted]
    if len(classes) > 2:
        return f"{first}.__class__ in {writer.named(frozenset(CLASSES[kind] for kind in wanted))}"
    return " or ".join(
        f"{text}.__class__ is {name}" for text, name in zip((first, held), classes, strict=False)
    )

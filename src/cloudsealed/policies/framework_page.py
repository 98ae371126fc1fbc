"""The page of a framework in Markdown: each control, who answers for it, and what judges it.

A pure function of the framework. It is derived into docs/frameworks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cloudsealed.kit.markdown import code, table, text
from cloudsealed.packs import Control, Framework
from cloudsealed.vocabulary import Responsibility


def framework_page(framework: Framework, link: Callable[[str], str]) -> str:
    """Return a framework's page; `link` gives the address of a policy's page by its key."""
    told = (
        f"{code(framework.key)}, for {framework.provider}. Source: {text(framework.source)}. "
        "What stands here is which policies judge a control; how it stands in an audit is at "
        "`GET /v1/frameworks/KEY?audit=ID`."
    )
    blocks = [
        f"# {text(framework.title)} {text(framework.version)}",
        told,
        coverage([framework]),
        *_sections(framework, link),
    ]
    return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def coverage(frameworks: list[Framework], name: Callable[[Framework], str] = str) -> str:
    """Return how many controls of each are judged, and how the others stand; with one framework
    the first column is left out."""
    named = len(frameworks) > 1
    head = ("controls", "judged", "for a person", "the provider's", "not assessed")
    rows = [(*((name(each),) if named else ()), *_counts(each)) for each in frameworks]
    return table(("framework", *head) if named else head, rows)


def _counts(framework: Framework) -> tuple[str, ...]:
    standings = [standing(control) for control in framework.controls]
    known = ("judged", "for a person", "the provider's", "not assessed")
    return (str(len(standings)), *(str(standings.count(each)) for each in known))


def standing(control: Control) -> str:
    """Return how a control is looked at, in words."""
    if control.policies:
        return "judged"
    if control.manual:
        return "for a person"
    inherited = control.responsibility == Responsibility.PROVIDER
    return "the provider's" if inherited else "not assessed"


def _sections(framework: Framework, link: Callable[[str], str]) -> Iterator[str]:
    for section in framework.sections:
        yield f"## {text(section.id)} {text(section.title)}"
        yield table(
            ("control", "what it asks", "how it is looked at", "policies"),
            (
                (
                    code(control.id),
                    text(control.title),
                    _looked_at(control),
                    _policies(control, link),
                )
                for control in section.controls
            ),
        )


def _looked_at(control: Control) -> str:
    shared = control.responsibility == Responsibility.SHARED
    return standing(control) + (", shared with the provider" if shared else "")


def _policies(control: Control, link: Callable[[str], str]) -> str:
    return ", ".join(f"[{code(key)}]({link(key)})" for key in control.policies) or "–"

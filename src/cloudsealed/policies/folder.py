"""Several policy files that belong together: every one read, and everything that is wrong told.

It stores nothing, and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.shapes import FormError
from cloudsealed.packs import PolicyFileError, PolicySpec, load_policies, refuse_yields
from cloudsealed.packs.document import Document
from cloudsealed.packs.reader import placed
from cloudsealed.policies.files import read_policy, read_text, rule_of
from cloudsealed.policies.trial import Trial, trials

SUFFIXES = (".yaml", ".yml", ".json")


class NoPolicyFilesError(CloudSealedError):
    """A folder has no file that could be a policy."""

    code = "no_policy_files"
    status = 422


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read: its policy, or what is wrong with it."""

    file: Path
    text: str
    policy: PolicySpec | None
    errors: tuple[PolicyFileError, ...] = ()


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Return each file once: as it is, and of a folder those of SUFFIXES within, hidden ones left
    out; raises NoPolicyFilesError for a folder without one."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = [path] if not path.is_dir() else list(_inside(path))
        if not inside:
            raise NoPolicyFilesError(f"{path} has no file that ends in {', '.join(SUFFIXES)}")
        found.update(dict.fromkeys(inside))
    return list(found)


def _inside(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in SUFFIXES and path.is_file() and not hidden:
            yield path


def read_files(files: Sequence[Path]) -> list[Read]:
    """Read policy files with all that is wrong in each, alone and beside the others: two have one
    key, or one yields to what is no policy, built in or among them."""
    found = [_read(file) for file in files]
    specs = [each.policy for each in found if each.policy is not None]
    checks = {spec.key: spec.words for spec in (*load_policies(), *specs)}
    first: dict[str, Path] = {}
    for place, each in enumerate(found):
        if (spec := each.policy) is None:
            continue
        errors = list(each.errors)
        try:
            if (other := first.setdefault(spec.key, each.file)) != each.file:
                raise FormError(("key",), f"{spec.key!r} is that of {other} too")
            refuse_yields(spec.key, spec.words, checks)
        except FormError as refused:
            errors.append(placed(Document(each.text, str(each.file)), refused))
        found[place] = Read(each.file, each.text, spec, tuple(errors))
    return found


def _read(file: Path) -> Read:
    try:
        text = read_text(file)
        return Read(file, text, read_policy(text, file=str(file)))
    except PolicyFileError as error:
        return Read(file, "", None, error.every)


def tried(read: Read) -> Iterator[tuple[Trial, PolicyFileError | None]]:
    """Judge the examples of a policy that was read, in the file's order; one that ends otherwise
    than it says has an error at its place."""
    assert read.policy is not None
    document = Document(read.text, str(read.file))
    rule, examples = rule_of(read.policy), read.policy.examples
    for number, trial in enumerate(trials(rule, examples, read.policy.severity), start=1):
        at = document.node(("examples", trial.example.outcome, trial.index))
        message = f"example {number} {trial.wrong}"
        yield trial, None if trial.right else document.error(at, message)

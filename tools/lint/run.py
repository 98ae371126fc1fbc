"""The project's own rules, each for a kind of mistake that reviews miss. Exit 1 when one is broken.

    python tools/lint/run.py [FOLDER]

`# tenantless: reason` on a statement's line exempts it from the rule of tenants; TENANTLESS has the
reasons that there are.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LONGEST = 600
SQL_FILES = re.compile(
    r"/storage/|/(\w+_)?store\.py$|/audits/records/(ledger|tally|blocks|cells)\.py$|/audits/sealing/(chain|tree|trusted)\.py$|/listing\.py$"
    r"|/api/idempotency\.py$"
)
TENANTLESS = {  # the look-ups that the design allows to be without a tenant
    "credential by digest",
    "app by client id",
    "code by digest",
    "session by digest",
    "job by lease",
    "audit by lease",
    "user by e-mail",
    "operator",
    "housekeeping",
}
TIME = re.compile(r"datetime\.(now|utcnow|today)\(|\btime\.time\(")
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "deb" + ".debian.org")
TERMINAL = re.compile(r"/cli/(?!terminal\.py)|/testing/demo\.py$")
PAST_TERMINAL = re.compile(
    r"(?<![\w.])print\(|\becho\(|\bsecho\(|std(out|err)\.(buffer\.)?write|"
    r"rich\.(console|text|markup)\b|\bConsole\(|from rich import"
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(home|root|Users)/\w")
Complaint = tuple[Path, int, str]


def main(root: Path) -> int:
    """Print every complaint; return the exit code."""
    complaints = [*_text_rules(root), *_python_rules(root / "src")]
    for file, line, message in complaints:
        print(f"{file.relative_to(root)}:{line}: {message}")
    print(f"own rules: {len(complaints)} complaints")
    return 1 if complaints else 0


def _text_rules(root: Path) -> Iterator[Complaint]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    for name in filter(None, listed):
        file = root / name
        if not file.is_file() or file.stat().st_size > 1_000_000:
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if any(host in line for host in HOSTS):
                yield file, number, "names a package registry's host"
            if MACHINE_PATH.search(line) or str(root) in line:
                yield file, number, "holds a machine's absolute path"


def _python_rules(source: Path) -> Iterator[Complaint]:
    for file in sorted(source.rglob("*.py")):
        text = file.read_text()
        lines = text.splitlines()
        if len(lines) > LONGEST:
            yield file, 1, f"has {len(lines)} lines: split it"
        for number, line in enumerate(lines, start=1):
            if TIME.search(line) and file.name != "clock.py":
                yield file, number, "reads the clock: take a Clock"
            if TERMINAL.search(file.as_posix()) and PAST_TERMINAL.search(line):
                yield file, number, "prints past cli/terminal.py, which shows what names hold"
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                yield file, number, "leaves something to do"
        if "/migrations/" not in file.as_posix():
            yield from _sql_rules(file, ast.parse(text), lines)


def _sql_rules(file: Path, tree: ast.Module, lines: list[str]) -> Iterator[Complaint]:
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom | ast.Import)]
    uses = any("sqlalchemy" in ast.unparse(node) for node in imports)
    if uses and not SQL_FILES.search(file.as_posix()):
        yield file, 1, "holds SQL: only a noun's store does"
    if not uses or "/storage/" in file.as_posix():
        return
    bound: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            names = _names(node)
            if _is_bound(node.value, bound):
                bound |= names
            elif _reads_rows(node.value) and not _is_exempt(node, lines):
                yield file, node.lineno, "reads or changes rows of every tenant"
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.stmt) and not isinstance(
                    inner, ast.FunctionDef | ast.ClassDef
                ):
                    own = ast.unparse(inner)
                    loose = _reads_rows(inner) and not any(
                        name in own for name in (*bound, "tenant_id")
                    )
                    if loose and not _is_exempt(inner, lines):
                        yield file, inner.lineno, "reads or changes rows of every tenant"


def _names(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {ast.unparse(target) for target in targets}


def _is_bound(value: ast.AST, bound: set[str]) -> bool:
    return any(
        (isinstance(n, ast.Attribute) and n.attr == "tenant_id")
        or (isinstance(n, ast.Name) and n.id in bound)
        for n in ast.walk(value)
    )


def _reads_rows(node: ast.AST) -> bool:
    for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in ("select", "exists"):
            return True
        attribute = isinstance(call.func, ast.Attribute) and call.func.attr in ("update", "delete")
        if attribute and not call.args and not call.keywords:
            return True
    return False


def _is_exempt(node: ast.stmt, lines: list[str]) -> bool:
    last = node.end_lineno or node.lineno
    reasons = (line.partition("# tenantless: ")[2] for line in lines[node.lineno - 1 : last])
    return any(reason in TENANTLESS for reason in reasons)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT))

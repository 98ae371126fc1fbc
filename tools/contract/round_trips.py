"""Generates clients from the document, compiles them, and lets each do the whole round.

The round: every finding through its pages, one finding, a new check and a new classification, an
audit until it ends, a report as PDF and JSON, a bundle, a refusal with 422 and one with 429. Each
client is a program in `rounds/`, beside which its code is generated; nothing generated is touched.
They meet a newer server (`growing`), so that what a later version may add is in every answer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from growing import newer
from serve import free_port

HERE = Path(__file__).parent
ROUNDS = HERE / "rounds"
NODE = HERE / "node_modules" / ".bin"
OWN = HERE / ".venv" / "bin"
SECONDS = 900
_WIDE = "100000/minute"
_CORE = "400/minute"  # of one token: what ends a round is that they are spent
Command = list[str]


@dataclass(frozen=True, slots=True)
class Generator:
    """A generator of clients: its program, and what makes and checks the code in a folder."""

    program: str
    make: Callable[[Path, Path], list[Command]]
    full: bool = False
    java: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return self.program.rpartition(".")[0].replace("_", "-")


def round_trips(document: Path, folder: Path, *, full: bool, node: bool) -> bool:
    """Say whether every client of the chosen generators goes through."""
    chosen = [g for g in GENERATORS if (full or not g.full) and (node or not _is_script(g))]
    if any(g.java for g in chosen) and shutil.which("java") is None:
        print("contract: SKIPPED OpenAPI Generator: there is no Java here")
        chosen = [g for g in chosen if not g.java]
    made = {g: _made(g, document, folder / g.name) for g in chosen}
    good = full is False or _looked_through(document, folder)
    with demo(folder / "demo") as here, newer(here.url, json.loads(document.read_text())) as url:
        for generator, built in made.items():
            good &= built and _goes_round(generator, folder / generator.name, url, here)
    return good


def _is_script(generator: Generator) -> bool:
    return generator.program.endswith(".ts")


def _made(generator: Generator, document: Path, folder: Path) -> bool:
    folder.mkdir()
    shutil.copy(ROUNDS / generator.program, folder)
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    for command in generator.make(document, folder):
        done = _run(command, folder)
        if done.returncode != 0:
            print(f"contract: {generator.name}: {' '.join(command)}\n{done.stdout[-4000:]}")
            return False
    return True


def _run(command: Command, folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            check=False,
            text=True,
            timeout=SECONDS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, 1, f"It did not end within {late.timeout} s")


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: its address, a token with every scope, its audit, how many findings."""

    url: str
    token: str
    audit: str
    findings: int

    def new_token(self, name: str) -> str:
        """Return the text of another token, whose budget nobody else spends."""
        scopes = self._asked("GET", "/v1/me")["scopes"]
        made = self._asked("POST", "/v1/tokens", json={"name": name, "scopes": scopes})
        return str(made["token"])

    def _asked(self, method: str, path: str, **given: Any) -> Any:
        return asked(self.url, self.token, method, path, **given)


def asked(url: str, token: str, method: str, path: str, **given: Any) -> Any:
    """Return the JSON that a request is answered with."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.request(
        method, f"{url}{path}", headers=headers, trust_env=False, timeout=60, **given
    )
    return answer.raise_for_status().json()


@contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    """Run `cloudsealed demo` in a folder until the block ends."""
    folder.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = {"PUBLIC_URL": url, "LIMIT_CORE": _CORE, "LIMIT_AUDITS": _WIDE, "LIMIT_REPORTS": _WIDE}
    environment = {**os.environ, **{f"CLOUDSEALED_{name}": text for name, text in given.items()}}
    command = [sys.executable, "-m", "cloudsealed.testing.demo", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            token = _token(running)
            yield _opened(url, token)
        finally:
            running.terminate()


def _token(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    for line in running.stdout:
        if found := re.search(r"CS_TOKEN=(\S+)", line):
            return found[1]
    sys.exit("contract: the demo ended before it served")


def _opened(url: str, token: str) -> Demo:
    again = httpx.HTTPTransport(retries=20)
    with httpx.Client(transport=again, trust_env=False, timeout=60) as http:
        http.get(f"{url}/healthz").raise_for_status()
    audit = asked(url, token, "GET", "/v1/audits")["data"][0]["id"]
    total = 0
    path = "/v1/findings?limit=200"
    while path:
        page = asked(url, token, "GET", path)
        total += len(page["data"])
        cursor = page["next_cursor"]
        path = f"/v1/findings?limit=200&cursor={cursor}" if cursor else ""
    return Demo(url, token, audit, total)


def _goes_round(generator: Generator, folder: Path, url: str, here: Demo) -> bool:
    name = generator.name
    expected = {
        "findings": here.findings,
        "pages": True,
        "one": True,
        "policies": [f"{name}-check", f"{name}-class"],
        "pdf": "%PDF-",
        "json": "executive_summary",
        "bundle": "PK",
        "refused": [422, "invalid_policy_expression", "fail_when"],
        "limited": [429, "rate_limited"],
        "retry": True,
    }
    program = str(folder / generator.program)
    runs = [str(OWN / "python"), program]
    if _is_script(generator):
        runs = ["node", str(folder / "built" / generator.program.replace(".ts", ".js"))]
    done = _run([*runs, url, here.new_token(name), name, here.audit], folder)
    last = done.stdout.strip().rpartition("\n")[2]
    found = json.loads(last) if last.startswith("{") else done.stdout[-4000:]
    good = bool(found == expected)
    print(f"contract: {name}: {'goes round' if good else f'{found} instead of {expected}'}")
    return good


def _looked_through(document: Path, folder: Path) -> bool:
    """Generate for languages that have no compiler here; say whether that went without an error."""
    if shutil.which("java") is None:
        return True
    good = True
    for language in ("go", "java"):
        done = _run(_openapi_generator(document, folder / language, language), folder)
        lines = len(list((folder / language).rglob(f"*.{language}")))
        good &= done.returncode == 0 and lines > 100
        print(f"contract: openapi-generator {language}: {lines} files, exit {done.returncode}")
    return good


def _openapi_generator(
    document: Path, out: Path, language: str, options: str = "hideGenerationTimestamp=true"
) -> Command:
    return [
        str(OWN / "openapi-generator-cli"),
        "generate",
        "-i",
        str(document),
        "-g",
        language,
        "-o",
        str(out),
        "--additional-properties",
        options,
    ]


def _compiled(folder: Path, generator: str) -> Command:
    options = {
        "strict": True,
        "target": "ES2022",
        "module": "CommonJS",
        "moduleResolution": "node10",
        "esModuleInterop": True,
        "skipLibCheck": True,
        "lib": ["ES2022", "DOM", "DOM.Iterable"],
        "types": ["node"],
        "outDir": "built",
        "rootDir": ".",
        "preserveSymlinks": True,
    }
    settings = {"compilerOptions": options, "files": [generator]}
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    return [str(NODE / "tsc"), "-p", "tsconfig.json"]


def _checked(program: str, *options: str) -> Command:
    return [str(OWN / "mypy"), "--ignore-missing-imports", "--no-error-summary", *options, program]


def _openapi_python_client(document: Path, folder: Path) -> list[Command]:
    config = folder / "config.json"
    types = dict.fromkeys(("application/pdf", "application/zip"), "application/octet-stream")
    config.write_text(json.dumps({"content_type_overrides": types, "post_hooks": []}))
    return [
        [
            str(OWN / "openapi-python-client"),
            "generate",
            "--path",
            str(document),
            "--meta",
            "none",
            "--output-path",
            str(folder / "generated"),
            "--config",
            str(config),
            "--fail-on-warning",
        ],
        _checked("openapi_python_client.py"),
    ]


def _datamodel(document: Path, folder: Path) -> list[Command]:
    out = folder / "generated.py"
    return [
        [
            str(OWN / "datamodel-codegen"),
            "--input",
            str(document),
            "--input-file-type",
            "openapi",
            "--output",
            str(out),
            "--output-model-type",
            "pydantic_v2.BaseModel",
            "--use-annotated",
            "--disable-timestamp",
            "--set-default-enum-member",
        ],
        [sys.executable, "-c", _NO_NUMBERS, str(out)],
        _checked("datamodel_code_generator.py"),
    ]


_NO_NUMBERS = """
import pathlib, re, sys
found = re.findall(r"^class (\\w*[0-9])\\(", pathlib.Path(sys.argv[1]).read_text(), re.M)
sys.exit(f"numbered classes: {found}" if found else 0)
"""


def _hey_api(document: Path, folder: Path) -> list[Command]:
    return [
        [
            str(NODE / "openapi-ts"),
            "-i",
            str(document),
            "-o",
            str(folder / "generated"),
            "-c",
            "@hey-api/client-fetch",
        ],
        _compiled(folder, "hey_api.ts"),
    ]


def _openapi_fetch(document: Path, folder: Path) -> list[Command]:
    return [
        [
            str(NODE / "openapi-typescript"),
            str(document),
            "-o",
            str(folder / "generated/schema.ts"),
        ],
        _compiled(folder, "openapi_fetch.ts"),
    ]


def _orval(document: Path, folder: Path) -> list[Command]:
    output = {
        "target": str(folder / "generated" / "api.ts"),
        "client": "fetch",
        "override": {"contentType": {"exclude": ["application/vnd.cloudsealed.partial+json"]}},
    }
    config = folder / "orval.config.cjs"
    settings = {"api": {"input": str(document), "output": output}}
    config.write_text(f"module.exports = {json.dumps(settings)}")
    return [[str(NODE / "orval"), "--config", str(config)], _compiled(folder, "orval.ts")]


def _generator_python(document: Path, folder: Path) -> list[Command]:
    options = "packageName=generated,hideGenerationTimestamp=true"
    return [
        _openapi_generator(document, folder / "out", "python", options),
        ["cp", "-r", "out/generated", "generated"],
        # Its own modules do not pass: one name for each flow of a scheme, an enum with one value.
        _checked("openapi_generator.py", "--follow-imports=silent"),
    ]


def _generator_fetch(document: Path, folder: Path) -> list[Command]:
    return [
        _openapi_generator(document, folder / "generated", "typescript-fetch"),
        _compiled(folder, "openapi_generator_fetch.ts"),
    ]


GENERATORS = (
    Generator("openapi_python_client.py", _openapi_python_client),
    Generator("hey_api.ts", _hey_api),
    Generator("openapi_fetch.ts", _openapi_fetch),
    Generator("orval.ts", _orval, full=True),
    Generator("datamodel_code_generator.py", _datamodel, full=True),
    Generator("openapi_generator.py", _generator_python, full=True, java=True),
    Generator("openapi_generator_fetch.ts", _generator_fetch, full=True, java=True),
)
"""Every generator; those that are quick are in `make contract`."""

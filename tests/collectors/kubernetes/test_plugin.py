"""Programs that a kubeconfig has for credentials: real ones, in every way in which they fail."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.clusters import Authority
from tests.collectors.kubernetes.conftest import TOKEN, MakeCaller, Open
from tests.waiting import until

from cloudsealed.collectors.errors import (
    CloudAccessError,
    CredentialsRefusedError,
    NoCredentialsError,
)
from cloudsealed.collectors.kubernetes import plugin
from cloudsealed.collectors.kubernetes.plugin import VERSIONS, Plugin
from cloudsealed.testing.kubernetes.server import ApiServer

V1, V1BETA1 = VERSIONS
CANARY = "canary-of-the-plugin-7d41"


def script(folder: Path, body: str) -> str:
    """Return the path of a program of these lines."""
    path = folder / "plugin"
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{body}\n")
    path.chmod(0o700)
    return str(path)


def printing(status: Any, version: str = V1, kind: str = "ExecCredential") -> str:
    said = {"apiVersion": version, "kind": kind, "status": status}
    return f"print({json.dumps(json.dumps(said))})"


def run(folder: Path, body: str, **given: Any) -> Any:
    said = {"apiVersion": V1, "command": script(folder, body), **given}
    return Plugin.of(said, "ann", folder).credentials(lambda: {"server": "https://one"})


@pytest.mark.parametrize("version", VERSIONS)
def test_its_token_opens_the_cluster(
    version: str, tmp_path: Path, open_session: Open, server: ApiServer
) -> None:
    command = script(tmp_path, printing({"token": TOKEN}, version))
    session = open_session({"exec": {"apiVersion": version, "command": command}})
    assert session.identify().account == server.store.uid


def test_its_certificate_opens_the_cluster(
    tmp_path: Path, open_session: Open, authority: Authority
) -> None:
    certificate, key = authority.client("bob", "system:masters")
    status = {"clientCertificateData": certificate.read_text(), "clientKeyData": key.read_text()}
    command = script(tmp_path, printing(status))
    assert open_session({"exec": {"apiVersion": V1, "command": command}}).identify().name == "bob"


def test_it_is_told_what_client_go_tells_it(tmp_path: Path) -> None:
    body = """
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
facts = [info, sys.argv[1:], os.environ["REGION"], sys.stdin.read(), os.isatty(0)]
status = {"token": json.dumps(facts)}
print(json.dumps({"apiVersion": info["apiVersion"], "kind": info["kind"], "status": status}))"""
    env = [{"name": "REGION", "value": "eu"}]
    found = run(tmp_path, body, args=["--name", "a b", 7], env=env)
    info, arguments, region, stdin, is_terminal = json.loads(found.token)
    spec = {"interactive": False}
    assert info == {"apiVersion": V1, "kind": "ExecCredential", "spec": spec}
    assert (arguments, region, stdin, is_terminal) == (["--name", "a b", "7"], "eu", "", False)
    found = run(tmp_path, body, env=env, provideClusterInfo=True)
    spec = json.loads(found.token)[0]["spec"]
    assert spec == {"interactive": False, "cluster": {"server": "https://one"}}


def test_the_cluster_is_described_to_it(
    tmp_path: Path, open_session: Open, server: ApiServer, authority: Authority
) -> None:
    body = f"""
import pathlib
pathlib.Path({str(tmp_path / "told")!r}).write_text(os.environ["KUBERNETES_EXEC_INFO"])
{printing({"token": TOKEN})}"""
    said = {"apiVersion": V1, "command": script(tmp_path, body), "provideClusterInfo": True}
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    open_session({"exec": said}, extensions=[extension]).identify()
    told = json.loads((tmp_path / "told").read_text())["spec"]["cluster"]
    assert {**told, "certificate-authority-data": ""} == {
        "server": server.url,
        "certificate-authority-data": "",
        "config": {"audience": "x"},
    }


def test_a_relative_path_begins_at_the_kubeconfig_and_a_name_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin", printing({"token": "t"}))
    said = {"apiVersion": V1, "command": "./bin/plugin"}
    assert Plugin.of(said, "ann", tmp_path).credentials(dict).token == "t"
    named = Plugin.of({**said, "command": "plugin"}, "ann", tmp_path)
    with pytest.raises(NoCredentialsError):
        named.credentials(dict)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert named.credentials(dict).token == "t"


@pytest.mark.parametrize("said", ['"2026-03-01T12:00:00Z"', "2026-03-01T12:00:00Z"])
def test_it_says_when_what_it_gives_ends(said: str, tmp_path: Path) -> None:
    text = f"apiVersion: {V1}\nkind: ExecCredential\nstatus:\n  token: t\n"
    found = run(tmp_path, f"print({text + f'  expirationTimestamp: {said}'!r})")  # YAML is taken
    assert found.expires == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_has_ended_is_asked_for_anew_before_it_is_refused(
    tmp_path: Path, open_session: Open, server: ApiServer
) -> None:
    now = datetime.now(UTC)
    body = f"""
path = {str(tmp_path / "count")!r}
count = len(open(path).read()) if os.path.exists(path) else 0
open(path, "a").write("x")
ends = {[(now + timedelta(hours=each)).isoformat() for each in (1, 3)]}[min(count, 1)]
status = {{"token": {TOKEN!r} if count else "token-of-the-first", "expirationTimestamp": ends}}
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": status}}))"""
    server.users["token-of-the-first"] = server.users[TOKEN]
    clock = [now]
    said = {"apiVersion": V1, "command": script(tmp_path, body)}
    session = open_session({"exec": said}, clock=lambda: clock[0])
    session.identify()
    session.identify()
    assert (tmp_path / "count").read_text() == "x"
    clock[0] += timedelta(hours=2)
    del server.users["token-of-the-first"]
    session.identify()
    assert (tmp_path / "count").read_text() == "xx"
    assert len(server.asked) == 6  # none was asked twice
    assert session.generation == 1


def test_one_that_hangs_is_left_with_everything_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "SECONDS", 0.5)
    pid = tmp_path / "pid"
    body = f"""
import subprocess, time
child = subprocess.Popen(["sleep", "600"])  # it holds our end of the pipe, too
open({str(pid)!r}, "w").write(str(child.pid))
time.sleep(600)"""
    with pytest.raises(NoCredentialsError, match=r"gave nothing within 0\.5 s"):
        run(tmp_path, body)
    if pid.exists():
        stat = Path(f"/proc/{pid.read_text()}/stat")
        until(lambda: not stat.exists() or stat.read_text().split()[2] == "Z", "the child ends")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "print('')",
        "print('null')",
        "print('[]')",
        f"print({CANARY!r})",
        f'print(\'{{"token": "{CANARY}"\')',
        f"print('<html>{CANARY}</html>')",
        "sys.stdout.buffer.write(bytes(range(256)))",
        printing(None),
        printing({}),
        printing({"token": ""}),
        printing([CANARY]),
        printing({"clientCertificateData": CANARY}),
        printing({"token": "t", "clientKeyData": CANARY}),
        printing({"token": CANARY, "expirationTimestamp": "soon"}),
        printing({"token": CANARY}, V1BETA1),
        printing({"token": CANARY}, V1, "Secret"),
        "print('[' * 1_500)",
    ],
)
def test_rubbish_is_no_credentials_and_none_of_it_is_said(body: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsRefusedError) as refused:
        run(tmp_path, body)
    assert "Run it by hand" in refused.value.message
    assert CANARY not in refused.value.message
    assert refused.value.__suppress_context__


def test_one_that_fails_is_said_by_its_exit_code(tmp_path: Path) -> None:
    body = f"print({CANARY!r}); print({CANARY!r}, file=sys.stderr); sys.exit(3)"
    with pytest.raises(CredentialsRefusedError) as refused:
        run(tmp_path, body)
    assert "exit code 3" in refused.value.message
    assert CANARY not in refused.value.message


def test_one_that_is_not_there_is_said_with_its_hint(tmp_path: Path) -> None:
    said = {"apiVersion": V1, "command": "no-such-plugin", "installHint": "Install it so."}
    with pytest.raises(NoCredentialsError, match=r"not installed\. Install it so\."):
        Plugin.of(said, "ann", tmp_path).credentials(dict)
    (tmp_path / "text").write_text("no program")
    said = {"apiVersion": V1, "command": "./text"}
    with pytest.raises(NoCredentialsError, match="cannot be run"):
        Plugin.of(said, "ann", tmp_path).credentials(dict)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "has no command"),
        ("aws", "has no command"),
        ({"apiVersion": V1}, "has no command"),
        ({"command": "x"}, "speaks none of"),
        ({"command": "x", "apiVersion": "client.authentication.k8s.io/v1alpha1"}, "speaks none of"),
        ({"command": "x", "apiVersion": V1, "interactiveMode": "Always"}, "nobody is asked"),
        ({"command": "x", "apiVersion": V1, "env": [CANARY]}, "not lists"),
        ({"command": "x", "apiVersion": V1, "env": [{"name": CANARY}]}, "not lists"),
        ({"command": "x", "apiVersion": V1, "args": 7}, "not lists"),
    ],
)
def test_one_that_is_described_badly_is_said(said: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(CloudAccessError, match=why) as refused:
        Plugin.of(said, "ann", tmp_path)
    assert CANARY not in refused.value.message


def test_nothing_of_its_arguments_is_shown(tmp_path: Path) -> None:
    env = [{"name": "TOKEN", "value": CANARY}]
    said = {"apiVersion": V1, "command": "x", "args": ["--token", CANARY], "env": env}
    assert CANARY not in repr(Plugin.of(said, "ann", tmp_path))


def test_it_leaves_no_open_pipe(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        run(tmp_path, printing({"token": "t"}))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_credentials_that_end_midway_are_renewed(
    tmp_path: Path, make_caller: MakeCaller, server: ApiServer, request_of: Any
) -> None:
    path = tmp_path / "current"
    path.write_text("token-of-the-first")
    server.users["token-of-the-first"] = server.users[TOKEN]
    body = f"""
token = open({str(path)!r}).read()
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": {{"token": token}}}}))
"""
    caller = make_caller({"exec": {"apiVersion": V1, "command": script(tmp_path, body)}})
    assert caller.call(request_of("pods")).outcome.answered
    del server.users["token-of-the-first"]
    path.write_text(TOKEN)
    answer = caller.call(request_of("pods"))
    assert answer.outcome.answered
    assert (answer.attempts, caller.generation) == (2, 1)


def test_a_plugin_that_fails_midway_ends_the_session_and_no_call_says_a_wrong_thing(
    tmp_path: Path, make_caller: MakeCaller, server: ApiServer, request_of: Any
) -> None:
    command = script(tmp_path, printing({"token": TOKEN}))
    caller = make_caller({"exec": {"apiVersion": V1, "command": command}})
    assert caller.call(request_of("pods")).outcome.answered
    server.users.clear()
    script(tmp_path, "sys.exit(1)")
    with pytest.raises(CredentialsRefusedError, match="exit code 1"):
        caller.call(request_of("pods"))


def test_a_plugin_is_run_once_for_all_calls_that_wait_for_it(
    tmp_path: Path, make_caller: MakeCaller, server: ApiServer, request_of: Any
) -> None:
    runs = tmp_path / "runs"
    body = f"""
open({str(runs)!r}, "a").write("x")
status = {{"token": "token-" + str(len(open({str(runs)!r}).read()))}}
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": status}}))"""
    server.users["token-1"] = server.users[TOKEN]
    caller = make_caller({"exec": {"apiVersion": V1, "command": script(tmp_path, body)}})
    assert caller.call(request_of("pods")).outcome.answered
    server.users["token-2"] = server.users.pop("token-1")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(caller.call, [request_of("pods")] * 24))
    assert all(answer.outcome.answered for answer in answers)
    assert runs.read_text() == "xx"
    caller.close()


def test_a_token_that_somebody_else_renews_in_its_file_is_read_anew(
    tmp_path: Path, make_caller: MakeCaller, server: ApiServer, request_of: Any
) -> None:
    path = tmp_path / "token"
    path.write_text("token-1")
    server.users["token-1"] = server.users[TOKEN]
    caller = make_caller({"tokenFile": str(path)})
    assert caller.call(request_of("pods")).attempts == 1
    server.users["token-2"] = server.users.pop("token-1")
    path.write_text("token-2")
    assert caller.call(request_of("pods")).outcome.answered

"""Every setting: its name in the environment, its default and one line of doc.

The table in `docs/settings.md` is derived from this module. It refuses to read anything but the
environment that it is handed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cloudsealed.kit.errors import CloudSealedError

_LIMIT = re.compile(r"(\d+)/(second|minute|hour)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_OBJECT_STORES = ("s3", "gs", "az")
_READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3
LANGUAGES = ("en", "de", "es", "fr")
"""The languages that reports are written in."""
LOG_FORMATS = ("lines", "json")
"""The forms of log records."""


class InvalidSettingError(CloudSealedError):
    """A setting in the environment has a value that it cannot take."""

    code = "invalid_setting"
    status = 500


@dataclass(frozen=True, slots=True)
class Window:
    """At most `amount` requests in each fixed window of `seconds`."""

    amount: int
    seconds: int


Budget = tuple[Window, ...]


def parse_budget(text: str) -> Budget:
    """Return the windows of `N/minute[,N/hour]`; raises ValueError."""
    windows = []
    for part in text.split(","):
        match = _LIMIT.fullmatch(part.strip())
        if match is None or int(match[1]) == 0:
            raise ValueError("must be N/minute or N/minute,N/hour")
        windows.append(Window(int(match[1]), _SECONDS[match[2]]))
    return tuple(windows)


def _networks(text: str) -> tuple[str, ...]:
    return tuple(
        str(ipaddress.ip_network(part.strip())) for part in text.split(",") if part.strip()
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _blob_url(text: str) -> str:
    scheme, _, bucket = text.partition("://")
    is_named = text.startswith("file:") and text != "file:"
    if text and not is_named and (scheme not in _OBJECT_STORES or not bucket):
        raise ValueError("must be file:FOLDER, or s3://BUCKET, gs://BUCKET, az://CONTAINER")
    return text


def _options(text: str) -> tuple[tuple[str, str], ...]:
    named = [part.partition("=") for part in _listed(text)]
    if not all(is_given for _, is_given, _ in named):
        raise ValueError("must be NAME=VALUE, with commas between them")
    return tuple((name.strip(), value.strip()) for name, _, value in named)


def _optional_url(text: str) -> str:
    return _public_url(text) if text else ""


def _public_url(text: str) -> str:
    """Return an address such as https://example.com/audit, without a slash at its end."""
    parts = urlsplit(text.rstrip("/"))
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
        or parts.port == 0
        or parts.query
        or parts.fragment
        or not _PATH.fullmatch(parts.path)
    ):
        raise ValueError("must be https://HOST, with a port and a path if clients need them")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"


def _one_of(*choices: str) -> Callable[[str], str]:
    def chosen(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of: {', '.join(choices)}")
        return text

    return chosen


def _switch(text: str) -> bool:
    return _one_of("on", "off")(text) == "on"


def _colour(text: str) -> str:
    if not _COLOUR.fullmatch(text):
        raise ValueError("must be #rrggbb")
    if (ratio := _contrast_with_white(text)) < _READABLE:
        raise ValueError(
            f"white text on it would have a contrast of {ratio:.1f}:1, and must have 4.5:1"
        )
    return text


def _contrast_with_white(colour: str) -> float:
    """Return the contrast of WCAG 2.2 (its relative luminance) between a colour and white."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _positive(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise ValueError("must be greater than 0")
    return value


def _setting(name: str, default: Any, doc: str, parse: Any = str, *, secret: bool = False) -> Any:
    """Declare a setting; one that is `secret` is not shown."""
    metadata = {
        "name": f"CLOUDSEALED_{name}",
        "doc": doc,
        "parse": parse,
        "default": default,
        "secret": secret,
    }
    value = parse(default) if isinstance(default, str) and parse is not str else default
    return field(default=value, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """The installation's settings, read once at start."""

    data_dir: Path = _setting(
        "DATA_DIR", "./cloudsealed-data", "Folder of the embedded store", Path
    )
    database_url: str = _setting(
        "DATABASE_URL", "", "postgresql://… ; empty means SQLite in the data folder"
    )
    database_connections: int = _setting(
        "DATABASE_CONNECTIONS",
        "10",
        "Most connections to the database of a process; `serve` is two processes",
        _positive,
    )
    database_statement_seconds: int = _setting(
        "DATABASE_STATEMENT_SECONDS", "300", "Time that PostgreSQL gives one statement", _positive
    )
    valkey_url: str = _setting(
        "VALKEY_URL", "", "valkey://… or unix://… that processes share limits in; empty means none"
    )
    blob_url: str = _setting(
        "BLOB_URL",
        "",
        "file:FOLDER, s3://BUCKET/PREFIX, gs://…, az://… ; empty means `blobs` in the data folder",
        _blob_url,
    )
    blob_options: tuple[tuple[str, str], ...] = _setting(
        "BLOB_OPTIONS",
        "",
        "NAME=VALUE, by commas: what the object store's client is told, such as endpoint, region,"
        " access_key_id; the rest comes from the environment",
        _options,
        secret=True,
    )
    key_file: str = _setting(
        "KEY_FILE", "", "File of the server's keys; empty means `keys.json` there"
    )
    public_url: str = _setting(
        "PUBLIC_URL",
        "",
        "Address that clients use, with its path if it has one; empty means the one that `serve`"
        " listens on, and that links in answers follow a loopback Host",
        _optional_url,
    )
    listens_at: str = _setting(
        "LISTENS_AT",
        "http://127.0.0.1:8000",
        "Where `serve` listens, which it says to its own worker; set it for a worker elsewhere if"
        " there is no public address",
        _public_url,
    )
    ambient_credentials: str = _setting(
        "AMBIENT_CREDENTIALS", "", "Tenant whose connections may use the process's own credentials"
    )
    cors_origins: tuple[str, ...] = _setting("CORS_ORIGINS", "", "Origins that may call", _listed)
    keep_alive_seconds: int = _setting(
        "KEEP_ALIVE_SECONDS",
        "75",
        "Time that an idle connection is kept: more than load balancers keep theirs",
        _positive,
    )
    streams: int = _setting(
        "STREAMS",
        "400",
        "Most open streams of events of a process, a quarter of them of a tenant",
        _positive,
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "TRUSTED_PROXIES", "", "Networks whose X-Forwarded-For is believed", _networks
    )
    retention_days: int = _setting("RETENTION_DAYS", "400", "How long evidence is kept", _positive)
    report_retention_days: int = _setting(
        "REPORT_RETENTION_DAYS", "90", "How long a report can be downloaded", _positive
    )
    owner_tags: tuple[str, ...] = _setting(
        "OWNER_TAGS",
        "owner,team,service-owner",
        "Tags whose value is a resource's owner, the first that it has, in any case",
        _listed,
    )
    report_organisation: str = _setting(
        "REPORT_ORGANISATION", "", "Who reports say they are from; empty means CloudSealed"
    )
    report_logo: str = _setting(
        "REPORT_LOGO", "", "PNG or JPEG file of at most 256 KiB that reports begin with"
    )
    report_colour: str = _setting(
        "REPORT_COLOUR", "#1f4e8c", "Colour of reports, on which white text is readable", _colour
    )
    report_language: str = _setting(
        "REPORT_LANGUAGE", "en", f"Language of reports: {', '.join(LANGUAGES)}", _one_of(*LANGUAGES)
    )
    token_max_days: int = _setting("TOKEN_MAX_DAYS", "365", "Longest life of a token", _positive)
    collect_workers: int = _setting("COLLECT_WORKERS", "16", "Provider calls in flight", _positive)
    calls_left_out: tuple[str, ...] = _setting(
        "CALLS_LEFT_OUT",
        "",
        "Calls that audits do without, such as `ec2:DescribeInstanceAttribute`; verdicts that need"
        " them are unknown",
        _listed,
    )
    policy_seconds: int = _setting(
        "POLICY_SECONDS",
        "300",
        "Time that one policy may take of an account in an audit",
        _positive,
    )
    policy_set_seconds: int = _setting(
        "POLICY_SET_SECONDS",
        "3600",
        "Time that all policies together may take of an account in an audit; past half of it, those"
        " stop that had more than an even share of the other half",
        _positive,
    )
    worker_memory: int = _setting(
        "WORKER_MEMORY", "4096", "Most memory of a worker process, in MiB", _positive
    )
    job_patience: int = _setting(
        "JOB_PATIENCE",
        "900",
        "Seconds without progress after which a job is taken for hung",
        _positive,
    )
    log_format: str = _setting(
        "LOG_FORMAT",
        "lines",
        f"How logs are written: {', '.join(LOG_FORMATS)}",
        _one_of(*LOG_FORMATS),
    )
    access_log: bool = _setting("ACCESS_LOG", "off", "A line for each request: on, off", _switch)
    limit_core: Budget = _setting("LIMIT_CORE", "1000/minute", "Requests a token", parse_budget)
    limit_reports: Budget = _setting(
        "LIMIT_REPORTS", "10/minute,100/hour", "Reports a tenant", parse_budget
    )
    limit_audits: Budget = _setting("LIMIT_AUDITS", "6/hour", "Audits a tenant", parse_budget)
    limit_simulations: Budget = _setting(
        "LIMIT_SIMULATIONS", "60/hour", "Simulations a tenant", parse_budget
    )
    limit_exports: Budget = _setting(
        "LIMIT_EXPORTS", "10/minute,100/hour", "Exports a tenant", parse_budget
    )
    limit_explanations: Budget = _setting(
        "LIMIT_EXPLANATIONS", "120/minute", "Explanations a tenant", parse_budget
    )
    limit_connection_tests: Budget = _setting(
        "LIMIT_CONNECTION_TESTS", "30/minute", "Tests of connections a tenant", parse_budget
    )
    limit_oauth: Budget = _setting(
        "LIMIT_OAUTH", "60/minute", "/oauth/token a client", parse_budget
    )
    limit_login: Budget = _setting("LIMIT_LOGIN", "10/minute", "Logins an address", parse_budget)
    limit_login_account: Budget = _setting(
        "LIMIT_LOGIN_ACCOUNT",
        "30/hour",
        "Wrong passwords an account: of all strange devices together, of each known one",
        parse_budget,
    )
    limit_device: Budget = _setting(
        "LIMIT_DEVICE",
        "5/minute,20/hour",
        "Wrong codes of devices on the page /device: of a user, and of an address",
        parse_budget,
    )
    limit_anonymous: Budget = _setting(
        "LIMIT_ANONYMOUS", "60/minute", "Requests without a valid token an address", parse_budget
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings of `environment`; raises InvalidSettingError naming the variable."""
        values: dict[str, Any] = {}
        for item in fields(cls):
            name, parse = item.metadata["name"], item.metadata["parse"]
            if name in environment:
                try:
                    values[item.name] = parse(environment[name])
                except ValueError as error:
                    shown = "" if item.metadata["secret"] else f"={environment[name]!r}"
                    raise InvalidSettingError(f"{name}{shown}: {error}") from error
        return cls(**values)

    @property
    def address(self) -> str:
        """What links and documents call this installation, without a slash at the end."""
        return self.public_url or self.listens_at

    @property
    def key_path(self) -> Path:
        """Where the key file is."""
        return Path(self.key_file) if self.key_file else self.data_dir / "keys.json"

    @property
    def blob_dir(self) -> Path:
        """The folder of the blobs."""
        is_named = self.blob_url and not self.has_object_store
        return Path(self.blob_url.removeprefix("file:")) if is_named else self.data_dir / "blobs"

    @property
    def has_object_store(self) -> bool:
        """Whether blobs are in an object store; then the folder holds what is made to be sent."""
        return "://" in self.blob_url

    @property
    def sqlite_path(self) -> Path:
        """The embedded database's file."""
        return self.data_dir / "cloudsealed.db"

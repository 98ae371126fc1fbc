"""Where a server listens: checked, and taken, before anything is begun for it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cloudsealed.kit.errors import CloudSealedError

HIGHEST_PORT = 65535


class UnencryptedHostError(CloudSealedError):
    """The server was to listen beyond this machine without TLS and without a proxy before it."""

    code = "unencrypted_host"
    status = 500


class AddressNotFreeError(CloudSealedError):
    """The server cannot listen where it was told to: the port is taken, or the host is not this
    machine's."""

    code = "address_not_free"
    status = 500


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen, and what encrypts the way to it."""

    host: str = "127.0.0.1"
    port: int = 8000
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False

    @property
    def has_tls(self) -> bool:
        """Whether this server itself encrypts."""
        return bool(self.tls_cert and self.tls_key)

    def check(self) -> None:
        """Raise UnencryptedHostError unless bearer tokens cannot cross a network in the clear."""
        if _is_loopback(self.host) or self.behind_proxy or self.has_tls:
            return
        raise UnencryptedHostError(
            f"{self.host} is not this machine alone: give --tls-cert and --tls-key, or"
            " --behind-proxy when a proxy before it speaks TLS"
        )

    def url(self, port: int) -> str:
        """Return the address of a server that has this port; that of every interface is called by
        the machine's name."""
        host = socket.gethostname() if _is_every_interface(self.host) else self.host
        named = f"[{host}]" if ":" in host else host
        return f"{'https' if self.has_tls else 'http'}://{named.lower()}:{port}"

    @contextmanager
    def taken(self) -> Iterator[Taken]:
        """Have the address until the block ends; raises UnencryptedHostError and
        AddressNotFreeError.

        Connections are refused until a server begins to take them.
        """
        self.check()
        with ExitStack() as stack:
            sockets = [stack.enter_context(each) for each in self._bound()]
            yield Taken(sockets, self.url(sockets[0].getsockname()[1]))

    def _bound(self) -> Iterator[socket.socket]:
        """Yield a socket for each address of the host, all of one port."""
        port = self.port
        for family, address in self._addresses():
            found = socket.socket(family, socket.SOCK_STREAM)
            try:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # after a restart
                if family == socket.AF_INET6:
                    found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                found.bind((address, port))
            except OSError as error:
                found.close()
                raise self.not_free(error, port) from error
            port = found.getsockname()[1]
            yield found

    def _addresses(self) -> list[tuple[socket.AddressFamily, str]]:
        try:
            found = socket.getaddrinfo(
                self.host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except (OSError, UnicodeError) as error:
            raise AddressNotFreeError(f"--host {self.host} is no host: {error}") from error
        return list(dict.fromkeys((family, str(where[0])) for family, _, _, _, where in found))

    def not_free(self, error: OSError, port: int | None = None) -> AddressNotFreeError:
        """Return what to say of an address that the system refuses."""
        number = self.port if port is None else port
        if error.errno == errno.EADDRINUSE:
            return AddressNotFreeError(
                f"Port {number} of {self.host} is taken by another program: name another with"
                " --port, or 0 for any free one"
            )
        return AddressNotFreeError(
            f"{self.host}, port {number}: {error.strerror or error}; name another with --host or"
            " --port"
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """An address that is a server's: its sockets, and what clients call it."""

    sockets: list[socket.socket]
    url: str


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_every_interface(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False

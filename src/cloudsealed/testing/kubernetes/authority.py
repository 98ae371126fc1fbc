"""An authority of a sample cluster, which certifies its API server and its users.

Source: RFC 5280. It refuses to last: what it certifies ends within days.
"""

from __future__ import annotations

import datetime
import ipaddress
import itertools
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudsealed.kit.clock import Clock, utc_now

DAY = datetime.timedelta(days=1)
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


class Authority:
    """Certifies servers and users; their files are in its folder."""

    def __init__(self, folder: Path, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._folder = folder
        self._numbers = itertools.count()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        self._made = self._certified(self._name, self._key, None, -1, 10)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.pem)

    @property
    def pem(self) -> bytes:
        """The certificate of the authority itself."""
        return self._made.public_bytes(serialization.Encoding.PEM)

    def server(
        self, name: x509.GeneralName = LOOPBACK, since: int = -1, until: int = 10
    ) -> tuple[Path, Path]:
        """Return the files of a server's certificate and key; the dates are in days from now."""
        return self._issue("server", _name("server"), name, since, until)

    def client(self, user: str, *groups: str) -> tuple[Path, Path]:
        """Return the files of a user's certificate and key."""
        return self._issue(f"user-{user}", _name(user, *groups), None, -1, 10)

    def _issue(
        self, file: str, subject: x509.Name, name: x509.GeneralName | None, since: int, until: int
    ) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._certified(subject, key, name, since, until)
        stem = f"{next(self._numbers)}-{file}"
        paths = self._folder / f"{stem}.crt", self._folder / f"{stem}.key"
        paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
        return paths

    def _certified(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        name: x509.GeneralName | None,
        since: int,
        until: int,
    ) -> x509.Certificate:
        now = self._clock()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since * DAY)
            .not_valid_after(now + until * DAY)
            .add_extension(x509.BasicConstraints(key is self._key, None), critical=True)
        )
        if name is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(common: str, *groups: str) -> x509.Name:
    facts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in groups]
    return x509.Name([*facts, x509.NameAttribute(NameOID.COMMON_NAME, common)])

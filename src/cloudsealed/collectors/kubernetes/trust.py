"""Whom a cluster's TLS trusts, who we prove to be in it, and in words why it was refused."""

from __future__ import annotations

import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

from cloudsealed.collectors.errors import CredentialsRefusedError
from cloudsealed.collectors.kubernetes.credentials import Credentials
from cloudsealed.collectors.kubernetes.kubeconfig import Cluster

_OUT_OF_DATE, _MISNAMED = frozenset({9, 10}), frozenset({62, 64})
"""X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED, _HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH of
OpenSSL's x509_vfy.h."""


def trust(cluster: Cluster, credentials: Credentials) -> ssl.SSLContext:
    """Return the context of connections to a cluster; raises CredentialsRefusedError for what is no
    certificate."""
    try:
        authorities = cluster.authorities.decode() if cluster.authorities is not None else None
        context = ssl.create_default_context(cadata=authorities)
    except (ValueError, OSError):  # ssl.SSLError is one of the last
        raise CredentialsRefusedError(
            f"The certificate-authority of the context {cluster.name!r} is no certificate in PEM."
        ) from None
    if not cluster.verifies:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credentials.certificate and credentials.key:
        try:
            _prove(context, credentials.certificate, credentials.key)
        except (ValueError, OSError):
            raise CredentialsRefusedError(
                f"The client certificate of the user {cluster.user.name!r} is none in PEM, or its"
                " key is another one's, or needs a pass phrase."
            ) from None
    return context


def _prove(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    with TemporaryDirectory() as folder:  # ssl reads a chain from files alone; the folder is 0700
        chain, private = Path(folder) / "certificate", Path(folder) / "key"
        for file, data in ((chain, certificate), (private, key)):
            file.touch(mode=0o600)
            file.write_bytes(data)
        context.load_cert_chain(chain, private, password="")  # else it asks the terminal


def refusal(found: ssl.SSLError, context: str) -> str:
    """Return in words why TLS to the server of a context was refused, and what to do."""
    server = f"The certificate of the API server of the context {context!r}"
    if isinstance(found, ssl.SSLCertVerificationError):
        if found.verify_code in _OUT_OF_DATE:
            return f"{server} is not valid today. Check this machine's clock, then the certificate."
        if found.verify_code in _MISNAMED:
            return (
                f"{server} names another host. Check its server, or say the name in"
                " tls-server-name."
            )
        return (
            f"{server} is by nobody whom it trusts. Name the cluster's certificate-authority in the"
            " kubeconfig."
        )
    return (
        f"The API server of the context {context!r} does not speak TLS as it should, or refuses the"
        " client's certificate. Check its server and the user."
    )

"""
TLS: the server's certificate for both ports, checked before it is used.
"""

import ssl
from pathlib import Path


MIN_VERSION = ssl.TLSVersion.TLSv1_2

_MAX_ROUNDS = 10
"""A handshake in memory takes three; no more are waited for."""


def make_context(cert: Path, key: Path) -> ssl.SSLContext:
    """
    Make a server's context; ciphers are those of the library.

    Raises:
        OSError: a file cannot be read or used (`ssl.SSLError` is one).
        ValueError: the key has a passphrase.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = MIN_VERSION
    load(context, cert, key)
    return context


def load(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """
    Give a context a certificate; handshakes from now on use it.

    Raises:
        OSError: see `make_context`.
        ValueError: see `make_context`.
    """
    context.load_cert_chain(cert, key, password=_no_passphrase)


def tls_problems(cert: Path | None, key: Path | None) -> list[str]:
    """
    Tell all that is wrong with a certificate and its key.

    The proof is a handshake in memory, against a client that trusts just this
    certificate: dates, purpose and key are judged by who will judge them.
    """
    if cert is None and key is None:
        return []
    if cert is None or key is None:
        missing, given = ("CERT", "KEY") if cert is None else ("KEY", "CERT")
        return [f"DTMF_TLS_{missing}: expected, because DTMF_TLS_{given} is set"]
    problems = [
        *_file_problems("DTMF_TLS_CERT", cert),
        *_file_problems("DTMF_TLS_KEY", key),
    ]
    return problems or _pair_problems(cert, key)


def _file_problems(name: str, path: Path) -> list[str]:
    try:
        with path.open("rb"):
            return []
    except OSError as error:
        return [f"{name}: {path}: {(error.strerror or 'cannot be read').lower()}"]


def _pair_problems(cert: Path, key: Path) -> list[str]:
    try:
        server = make_context(cert, key)
    except ValueError:
        return [f"DTMF_TLS_KEY: {key}: expected a key without a passphrase"]
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return [f"DTMF_TLS_KEY: {key}: expected the key of DTMF_TLS_CERT"]
        return [_not_pem(cert, key)]
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        client.load_verify_locations(cert)
        _shake_hands(server, client)
    except ssl.SSLCertVerificationError as error:
        return [f"DTMF_TLS_CERT: {cert}: {error.verify_message}"]
    except ssl.SSLError as error:
        reason = (error.reason or "unusable").replace("_", " ").lower()
        return [f"DTMF_TLS_CERT: {cert}: {reason}"]
    return []


def _not_pem(cert: Path, key: Path) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cert)
    except ssl.SSLError:
        return f"DTMF_TLS_CERT: {cert}: expected a certificate chain in PEM"
    return f"DTMF_TLS_KEY: {key}: expected a private key in PEM"


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """
    Have two contexts make a connection in memory.

    Raises:
        ssl.SSLError: the client does not take the server.
    """
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(down, up, server_side=False),
        server.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(_MAX_ROUNDS):
        done = 0
        for end in ends:
            try:
                end.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                pass
        if done == len(ends):
            return


def _no_passphrase() -> str:
    # Without this, OpenSSL would ask at the terminal.
    raise ValueError("the key has a passphrase")

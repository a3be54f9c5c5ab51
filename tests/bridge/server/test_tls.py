"""
TLS: the certificate is checked before it is used, and old protocols are refused.
"""

import asyncio
import ssl
from pathlib import Path

import pytest

from bridge.server.tls import load, make_context, tls_problems
from tests.support.certificates import (
    CERT,
    ENCRYPTED_KEY,
    EXPIRED,
    KEY,
    OTHER_KEY,
    make_old,
    serving,
    trusting,
)
from tests.support.media import run


NOWHERE = Path("/nowhere/at.all")


@pytest.mark.parametrize(
    ("cert", "key", "expected"),
    [
        (None, None, []),
        (CERT, KEY, []),
        (CERT, None, ["DTMF_TLS_KEY: expected, because DTMF_TLS_CERT is set"]),
        (None, KEY, ["DTMF_TLS_CERT: expected, because DTMF_TLS_KEY is set"]),
        (
            NOWHERE,
            NOWHERE,
            [
                f"DTMF_TLS_CERT: {NOWHERE}: no such file or directory",
                f"DTMF_TLS_KEY: {NOWHERE}: no such file or directory",
            ],
        ),
        (CERT, CERT.parent, [f"DTMF_TLS_KEY: {CERT.parent}: is a directory"]),
        (
            CERT,
            OTHER_KEY,
            [f"DTMF_TLS_KEY: {OTHER_KEY}: expected the key of DTMF_TLS_CERT"],
        ),
        (
            CERT,
            ENCRYPTED_KEY,
            [f"DTMF_TLS_KEY: {ENCRYPTED_KEY}: expected a key without a passphrase"],
        ),
        (KEY, KEY, [f"DTMF_TLS_CERT: {KEY}: expected a certificate chain in PEM"]),
        (CERT, CERT, [f"DTMF_TLS_KEY: {CERT}: expected a private key in PEM"]),
        (EXPIRED, KEY, [f"DTMF_TLS_CERT: {EXPIRED}: certificate has expired"]),
    ],
)
def test_certificate_s_problems_are_told(
    cert: Path | None, key: Path | None, expected: list[str]
) -> None:
    """
    Each is a line that names the setting and the file.
    """
    assert tls_problems(cert, key) == expected


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> str | None:
    """
    Connect over the loopback; give the protocol that was agreed on.
    """

    async def main() -> str | None:
        def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server)
        port = listener.sockets[0].getsockname()[1]
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
            tls = writer.get_extra_info("ssl_object")
            writer.close()
            return str(tls.version())
        except (ssl.SSLError, ConnectionError):
            return None
        finally:
            listener.close()
            await listener.wait_closed()

    return run(main(), loop_factory=asyncio.SelectorEventLoop)


def test_tls_1_1_is_refused() -> None:
    """
    The same client is served by a server that still speaks it: it is our context
    that refuses, not the client that cannot.
    """
    context = make_context(CERT, KEY)
    assert _shake_hands(make_old(serving()), make_old(trusting())) == "TLSv1.1"
    assert _shake_hands(context, make_old(trusting())) is None
    only = trusting()
    only.maximum_version = ssl.TLSVersion.TLSv1_2
    assert _shake_hands(context, only) == "TLSv1.2"
    assert _shake_hands(context, trusting()) == "TLSv1.3"


def test_certificate_is_changed_in_a_context_that_is_in_use() -> None:
    """
    Handshakes from then on have the new one; its chain is no longer good here.
    """
    context = make_context(CERT, KEY)
    assert _shake_hands(context, trusting()) == "TLSv1.3"
    load(context, EXPIRED, KEY)
    assert _shake_hands(context, trusting()) is None

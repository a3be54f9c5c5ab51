"""
Certificates for TLS on the loopback, and contexts that trust them.
"""

import ssl
import warnings
from pathlib import Path


FOLDER = Path(__file__).parent
CERT, KEY = FOLDER / "loopback.pem", FOLDER / "loopback.key"
EXPIRED = FOLDER / "expired.pem"
OTHER_KEY = FOLDER / "other.key"
ENCRYPTED_KEY = FOLDER / "encrypted.key"


def trusting() -> ssl.SSLContext:
    """
    Make a client's context that trusts our certificate and checks its name.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CERT)
    # It is no authority's; trusting it itself is what is meant.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def serving() -> ssl.SSLContext:
    """
    Make a server's context with our certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT, KEY)
    return context


def make_old(context: ssl.SSLContext) -> ssl.SSLContext:
    """
    Have a context speak nothing newer than TLS 1.1.
    """
    with warnings.catch_warnings():
        # Python warns of what is refused here.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context

"""
Addresses: which are everybody's, which are private, and whose a request is.
"""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.server.addresses import (
    client_address,
    is_in,
    is_loopback,
    is_public,
    limit_key,
    parse_networks,
)


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "2001:4860:4860::8888",
        "2a00:1450:4001::1",
    ],
)
def test_public_addresses_are_public(text: str) -> None:
    """
    What anybody may reach may be called back.
    """
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("fd00::1", "unique local"),
        ("fc00::1", "unique local"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("::1", "loopback"),
        ("169.254.169.254", "link-local, where clouds keep credentials"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "site-local"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("ff02::1", "multicast"),
        ("ff0e::1", "multicast of global scope"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 - an example
        ("0.1.2.3", "this network"),
        ("::", "unspecified"),
        ("100.64.0.1", "shared by carriers"),
        ("192.0.0.1", "protocol assignments"),
        ("192.0.2.1", "documentation"),
        ("198.18.0.1", "benchmarking"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("2001:db8::1", "documentation"),
        ("::ffff:8.8.8.8", "IPv4-mapped"),
        ("::ffff:10.0.0.1", "IPv4-mapped"),
        ("::8.8.8.8", "IPv4-compatible"),
        ("64:ff9b::808:808", "NAT64"),
        ("64:ff9b::a00:1", "NAT64"),
        ("64:ff9b:1::1", "local NAT64"),
        ("2002:a00:1::1", "6to4"),
        ("2001:0:a00:1::1", "Teredo"),
        ("192.88.99.1", "6to4 relay"),
        ("100::1", "discard"),
        ("4000::1", "not given out"),
    ],
)
def test_other_addresses_are_not_public(text: str, kind: str) -> None:
    """
    Whatever is not of the public Internet, or hides another address, is not.
    """
    assert not is_public(ipaddress.ip_address(text)), kind


@given(st.ip_addresses(v=4))
def test_no_address_becomes_public_by_being_wrapped(
    address: ipaddress.IPv4Address,
) -> None:
    """
    An IPv4 address inside an IPv6 address is no way around the check.
    """
    for prefix in ("::ffff:0:0", "64:ff9b::", "::"):
        wrapped = ipaddress.IPv6Address(
            int(ipaddress.IPv6Address(prefix)) | int(address)
        )
        assert not is_public(wrapped)
    assert not is_public(ipaddress.IPv6Address(0x2002 << 112 | int(address) << 80))


def test_networks_are_read_from_a_list() -> None:
    """
    Networks and single addresses, of both versions, apart by commas or blanks.
    """
    networks = parse_networks("10.0.0.0/8, 192.168.1.7 fd00::/8")
    for text, expected in (
        ("10.1.2.3", True),
        ("192.168.1.7", True),
        ("192.168.1.8", False),
        ("fd12::1", True),
        ("::ffff:10.1.2.3", False),
    ):
        assert is_in(ipaddress.ip_address(text), networks) is expected
    assert parse_networks("") == ()
    for wrong in ("10.0.0.1/8", "example.com", "10.0.0.0/33"):
        with pytest.raises(ValueError, match=r"."):
            parse_networks(wrong)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # Nobody's word but a trusted proxy's counts.
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("127.0.0.1", "1.2.3.4", "127.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        # Read from the end: what the client wrote himself stands before.
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        # A socket that listens for both shows IPv4 clients so.
        ("::ffff:10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"),
        ("", "1.2.3.4", ""),
    ],
)
def test_client_is_who_a_trusted_proxy_says(
    peer: str, forwarded: str, expected: str
) -> None:
    """
    A header that anybody can send does not choose whom a limit hits.
    """
    assert client_address(peer, forwarded, parse_networks("10.0.0.0/8")) == expected


def test_limits_count_a_customer_once() -> None:
    """
    Somebody with a whole /64 of IPv6 has no more than somebody with one address.
    """
    assert limit_key("2001:db8::1") == limit_key("2001:db8::ffff:1") == "2001:db8::/64"
    assert limit_key("2001:db8:0:1::1") != limit_key("2001:db8::1")
    assert limit_key("::ffff:1.2.3.4") == limit_key("1.2.3.4") == "1.2.3.4"
    assert limit_key("unknown") == "unknown"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - an example
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, *, expected: bool) -> None:
    """
    An address counts as loopback if nobody else can reach it.
    """
    assert is_loopback(host) is expected

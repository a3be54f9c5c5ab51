"""
Addresses: which are everybody's, which are private, and whose a request is.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TypeAlias


Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
"""RFC 4291 section 2.4 and IANA's registry: all that is given out of IPv6."""

_TUNNELS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "2001::/32",  # Teredo, RFC 4380
        "2002::/16",  # 6to4, RFC 3056
    )
)
"""Addresses that carry another address inside, which nobody would look at."""

_CLIENT_BITS_6 = 64
"""A single customer has that much of IPv6 for himself."""


def parse_address(text: str) -> Address | None:
    """
    Read an address; `None` if it is none.
    """
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def parse_networks(text: str) -> tuple[Network, ...]:
    """
    Read networks or single addresses, separated by commas or blanks.

    Raises:
        ValueError: one is no network.
    """
    return tuple(ipaddress.ip_network(part) for part in text.replace(",", " ").split())


def is_public(address: Address) -> bool:
    """
    Tell whether an address is one of the public Internet, and of nothing else.

    Private, loopback, link-local, shared, multicast, reserved and unspecified
    addresses are not, nor is any form of IPv6 with another address inside:
    IPv4-mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96) lie outside of 2000::/3.
    """
    if address.is_multicast or not address.is_global or is_in(address, _TUNNELS):
        return False
    return address.version == 4 or address in _GLOBAL_UNICAST_6


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """
    Tell whether an address belongs to one of some networks.
    """
    return any(
        address.version == network.version and address in network
        for network in networks
    )


def is_loopback(host: str) -> bool:
    """
    Tell whether a host is reachable from this machine only.
    """
    address = parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """
    Tell whose a request is.

    Args:
        peer: address of the connection's other end.
        forwarded: `X-Forwarded-For`, all of its lines joined by commas.
        trusted: proxies whose word is taken; the header is read from its end,
            where they wrote, up to the first address that is none of theirs.
    """
    hops = forwarded.split(",")
    peer = _unwrapped(peer)
    while hops and _is_trusted(peer, trusted):
        hop = hops.pop().strip()
        if parse_address(hop) is None:
            break
        peer = _unwrapped(hop)
    return peer


def limit_key(address: str) -> str:
    """
    Give the name under which an address is counted: for IPv6 its /64.
    """
    parsed = parse_address(_unwrapped(address))
    if isinstance(parsed, ipaddress.IPv6Address):
        bits = int(parsed) >> (128 - _CLIENT_BITS_6) << (128 - _CLIENT_BITS_6)
        return f"{ipaddress.IPv6Address(bits)}/{_CLIENT_BITS_6}"
    return _unwrapped(address)


def _unwrapped(text: str) -> str:
    """
    Give an IPv4 client of an IPv6 socket the address it has.
    """
    address = parse_address(text)
    mapped = address.ipv4_mapped if address and address.version == 6 else None
    return text if mapped is None else str(mapped)


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    address = parse_address(text)
    return address is not None and is_in(address, trusted)

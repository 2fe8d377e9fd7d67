"""Which addresses lead out of the own network, as far as their text tells: no name is looked up here."""

import ipaddress
import socket
from typing import Final, TypeAlias
from urllib.parse import urlsplit

_INTERNAL: Final = ("localhost", "local", "internal", "home.arpa", "localdomain", "intranet", "lan")
"""Domains that are the own machine's or network's (RFC 6761, 6762, 8375, and by custom)."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Whether an IP address is of the public network, and so is the one that it holds (mapped, NAT64, 6to4, Teredo).

    Raises ValueError for what is no IP address.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    return all(one.is_global and not one.is_multicast for one in (found, *_within(found)))


def may_be_public(url: str) -> bool:
    """Whether the host of an address may be of the public network: False for an IP address that is not, in any
    notation, for a name without a domain or of the own network, and for what is not ASCII."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if not host.isascii() or host == "":
        return False
    literal = _literal(host)
    if literal:
        return is_public(literal)
    return "." in host and not any(f".{host}".endswith(f".{domain}") for domain in _INTERNAL)


def _within(address: _Address) -> list[_Address]:
    """The IPv4 addresses that packets to this one end up at."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    nat64 = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    teredo = address.teredo[1] if address.teredo else None
    return [one for one in (address.ipv4_mapped, address.sixtofour, teredo, nat64) if one is not None]


def _literal(host: str) -> str:
    """The IP address that a host is, `2130706433` and `0x7f.1` too; "" for a name."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return ""

"""Addresses to ask patterns about: one for each class that the ranges of a field distinguish."""

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from snapshot_tuner.policy.patterns.operators import network

IPV4: Final = 4


def examples(cidrs: Iterable[str], whole: Collection[str]) -> list[str]:
    """An address of each range that is in no smaller one, and none of the whole texts; there may be none.

    Ranges never overlap in part. What is in none of them is in the class of the texts that no pattern names.
    """
    ranges = {network(cidr) for cidr in cidrs}
    free = (_outside([other for other in ranges if _is_inside(other, each)], each) for each in ranges)
    return sorted({text for some in free for text in [next((one for one in some if one not in whole), None)] if text})


def _is_inside(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.network_address in other and one.prefixlen > other.prefixlen


def _outside(inside: list[IPv4Network | IPv6Network], of: IPv4Network | IPv6Network) -> Iterator[str]:
    """The addresses of a range that are in none of those inside of it."""
    at, last = int(of.network_address), int(of.broadcast_address)
    taken = sorted((int(each.network_address), int(each.broadcast_address)) for each in inside)
    for first, end in [*taken, (last + 1, last + 1)]:
        for number in range(at, first):
            address = type(of.network_address)(number)
            yield from (str(address), f"::ffff:{address}" if address.version == IPV4 else address.exploded)
        at = max(at, end + 1)

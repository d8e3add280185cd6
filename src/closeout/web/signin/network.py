"""Where a request comes from, as coarse as limits need it."""

from __future__ import annotations

import ipaddress
import os

from django.http import HttpRequest

PREFIX = {4: 24, 6: 56}  # one household or office; finer than that, an attacker has addresses to spare


def of(request: HttpRequest) -> str:
    """Return the network of the client, ``203.0.113.0/24``; empty where it is not known.

    ``CLOSEOUT_PROXIES`` says how many proxies of our own stand before this site: so many entries of
    ``X-Forwarded-For``, counted from its end, are ours to believe, and never more.
    """
    said = str(request.META.get("REMOTE_ADDR", ""))
    proxies = int(os.environ.get("CLOSEOUT_PROXIES", "0") or 0)
    if proxies:
        listed = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
        forwarded = [part.strip() for part in listed if part.strip()]
        said = forwarded[-proxies] if len(forwarded) >= proxies else said
    try:
        address = ipaddress.ip_address(said.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return str(ipaddress.ip_network((address, PREFIX[address.version]), strict=False))

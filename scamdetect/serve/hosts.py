"""Which names and addresses of hosts are this machine's own."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Return whether what listens on the host is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_local_name(header: str) -> bool:
    """Return whether a header Host, with or without a port, is an IP address or localhost."""
    try:
        host = urlsplit(f"//{header}").hostname or ""
        if host != "localhost":
            ip_address(host)
    except ValueError:
        return False
    return True

"""How often codes are sent and guessed: per account, per address, per network, and over all accounts.

Sending is limited because every letter costs somebody money or peace. Guessing is limited because digits can be
guessed: a right code gives back what it took, so these limits count wrong ones. They lie in PostgreSQL and survive
a restart. Source: OWASP ASVS 5.0 V6.3.1, V6.6.3; NIST SP 800-63B-4 (100 consecutive failures).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from closeout.cases.limits import Limit, masked
from closeout.policy import Policy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RESEND = timedelta(seconds=60)
EVERYBODY = "wrong:everybody"  # the breaker: wrong codes of all accounts together


def sending(account_id: int, factor: str, *, address: str, network: str) -> Sequence[Limit]:
    """Return what one more code asks of the limits. A passkey or an authenticator is asked, not sent to."""
    if factor in ("totp", "passkey"):
        return [
            Limit(f"rounds:{account_id}:{factor}", 30, HOUR),
            Limit(f"rounds-daily:{account_id}:{factor}", 100, DAY),
        ]
    found = [
        Limit(f"code:{account_id}:{factor}", 1, RESEND),
        Limit(f"codes:{account_id}:{factor}", 5, HOUR),
        Limit(f"daily:{account_id}:{factor}", 10, DAY),
    ]
    if address:
        found += [
            Limit(f"to:{masked(factor, address)}", 5, HOUR),
            Limit(f"to-daily:{masked(factor, address)}", 10, DAY),
        ]
    if network:
        found.append(Limit(f"from:{masked('network', network)}", 60, HOUR))
    if factor == "sms" and address:
        found.append(
            Limit(f"country:{_country(address)}", 1000, HOUR)
        )  # toll fraud: one country, many numbers
    return found


def guessing(account_id: int, factor: str, *, network: str, policy: Policy) -> Sequence[Limit]:
    """Return what one more guess asks of the limits; given back when the code was right."""
    found = [
        Limit(f"wrong:{account_id}:{factor}", 50, DAY),
        Limit(EVERYBODY, policy.wrong_codes_hourly, HOUR),
    ]
    if network:
        found.append(Limit(f"wrong-from:{masked('network', network)}", 100, HOUR))
    return found


def _country(phone: str) -> str:
    """Return the first three digits of a number: as good as its country code for a budget."""
    return "".join(sign for sign in phone if sign.isdigit())[:3]


def seconds(waits: Mapping[str, timedelta]) -> int:
    """Return the longest of ``waits`` in whole seconds, rounded up."""
    longest = max(waits.values())
    return -(-int(longest.total_seconds() * 1000) // 1000)

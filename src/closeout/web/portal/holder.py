"""Who is signed in, and how somebody gets signed in: one small record in the session."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from closeout.cases import isolation, venues
from closeout.web.portal import formats

LONGEST = timedelta(hours=2)  # a holder's session, however busy; idle time is the session cookie's age
KEYS = ("venue", "account", "masked", "signed_in_at")

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Holder:
    """The person who is signed in, as pages show them."""

    venue: str
    account_id: int
    masked: str
    uid: str


def sign_in(request: HttpRequest, *, venue: str, account_id: int) -> None:
    """Begin a fresh session for the holder of ``account_id``; what an earlier one held is gone."""
    person = venues.venue(venue).holder(account_id)
    contact = (person.phone or person.email or "") if person else ""
    request.session.flush()
    request.session.cycle_key()
    request.session.update(
        {
            "venue": venue,
            "account": account_id,
            "masked": formats.mask_contact(contact) if contact else "***",
            "signed_in_at": datetime.now(UTC).isoformat(),
        }
    )


def sign_out(request: HttpRequest) -> None:
    """End the session."""
    request.session.flush()


def of(request: HttpRequest) -> Holder | None:
    """Return who is signed in; a session that is older than allowed is ended."""
    if any(key not in request.session for key in KEYS):
        return None
    since = datetime.fromisoformat(request.session["signed_in_at"])
    if datetime.now(UTC) - since > LONGEST:
        request.session.flush()
        return None
    account_id = int(request.session["account"])
    return Holder(request.session["venue"], account_id, request.session["masked"], formats.uid(account_id))


def is_fresh(request: HttpRequest, *, minutes: int) -> bool:
    """Say whether the holder has signed in within these minutes: what takes everything along asks for that."""
    since = datetime.fromisoformat(request.session["signed_in_at"])
    return datetime.now(UTC) - since <= timedelta(minutes=minutes)


def required(view: View) -> View:
    """Let only a signed-in holder in, and let them see their own account only; others are asked to sign in."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        holder = of(request)
        if holder is None:
            there = (
                reverse("portal:signin")
                + "?"
                + urlencode({"next": request.get_full_path() if request.method == "GET" else request.path})
            )
            return HttpResponseRedirect(there)
        request.holder = holder  # type: ignore[attr-defined]
        with isolation.only(holder.venue, holder.account_id):
            return view(request, *args, **kwargs)

    return guarded


def who(request: HttpRequest) -> Holder:
    """Return the holder of a page that :func:`required` guards."""
    found: Holder = request.holder  # type: ignore[attr-defined]
    return found

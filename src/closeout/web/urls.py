"""Addresses of the site."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("closeout.web.portal.urls")),
    path("console/", include("closeout.web.console.urls")),
]

handler400 = "closeout.web.portal.errors.bad"
handler403 = "closeout.web.portal.errors.forbidden"
handler404 = "closeout.web.portal.errors.missing"
handler500 = "closeout.web.portal.errors.broken"

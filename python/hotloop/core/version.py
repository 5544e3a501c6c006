"""Versions of installed packages, this one's first of all."""

from __future__ import annotations


def version_of(package: str) -> str | None:
    """Return the version of an installed package; None where it isn't installed.

    Examples
    --------
    >>> version_of("no-such-package") is None
    True
    """
    from importlib import metadata  # takes its time to import, and is seldom needed

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def own_version() -> str:
    """Return hotloop's version; "0+unknown" where it runs without being installed."""
    return version_of("hotloop") or "0+unknown"

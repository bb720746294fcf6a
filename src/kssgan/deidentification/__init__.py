"""The main job: a private folder of photos in, a folder that may leave the building out.

``pipeline`` is the recipe. ``asked`` checks the wishes, ``places`` and ``scan`` say where to read and write,
``look`` and ``cache`` find each photo's face once, ``gather`` tells the people apart, ``plan`` forms groups
and cells, ``draw`` makes their pictures, ``write`` and ``release`` put them on the disk in one step,
``certificate`` measures the promise on what was written, and ``words`` tells the user.
``escrow`` seals who is behind each file for somebody else, with the keys of ``keys``. ``stable`` plans a
release that fits the earlier ones of a ``ledger``.
"""

from __future__ import annotations

from kssgan.deidentification.cache import default_cache
from kssgan.deidentification.escrow import Original, reidentify
from kssgan.deidentification.keys import new_key
from kssgan.deidentification.pipeline import deidentify
from kssgan.deidentification.reports import (
    GroupShown,
    MemberShown,
    PictureShown,
    Reports,
    WrittenPicture,
)
from kssgan.deidentification.result import Release

__all__ = [
    "GroupShown",
    "MemberShown",
    "Original",
    "PictureShown",
    "Release",
    "Reports",
    "WrittenPicture",
    "default_cache",
    "deidentify",
    "new_key",
    "reidentify",
]

"""For all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure; the time limit of a whole test is pytest's.
settings.register_profile("kssgan", deadline=None)
settings.load_profile("kssgan")

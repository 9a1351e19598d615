"""The warning that a recording has become old."""

from __future__ import annotations


class OldRecordingWarning(UserWarning):
    """A recording is older than `mongo_simulation_max_age`: what the server answers may differ by now."""

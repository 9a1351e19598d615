"""The most memory this process ever held."""

from __future__ import annotations

import resource
from pathlib import Path

STATUS = Path("/proc/self/status")
# "5" sets the peak back to what the process holds now (proc(5)).
CLEAR = Path("/proc/self/clear_refs")


def reset_peak() -> float:
    """Set the peak back to what the process holds now, where the system lets it, and return it in MiB."""
    if CLEAR.exists():
        CLEAR.write_text("5")
    return peak()


def peak() -> float:
    """The peak in MiB."""
    # Linux hands a parent's ru_maxrss down to its child: a small child of a large parent would never be seen to grow.
    if STATUS.exists():
        fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return float(fields["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2

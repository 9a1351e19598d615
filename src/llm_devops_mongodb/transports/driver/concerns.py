"""Read and write settings as the driver's own values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo.read_concern import ReadConcern as DriverReadConcern
from pymongo.read_preferences import make_read_preference, read_pref_mode_from_name
from pymongo.write_concern import WriteConcern as DriverWriteConcern

from llm_devops_mongodb.transports.driver.arguments import milliseconds

if TYPE_CHECKING:
    from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern


class Concerns:
    """Turns this library's values into the driver's; None stays None, which is the client's own setting."""

    def read_preference(self, value: ReadPreference | None) -> Any:
        """Return the driver's read preference."""
        if value is None:
            return None
        tags = [dict(tags) for tags in value.tag_sets] or None
        staleness = -1 if value.max_staleness is None else round(value.max_staleness.total_seconds())
        return make_read_preference(read_pref_mode_from_name(value.mode), tags, staleness)

    def read_concern(self, value: ReadConcern | None) -> DriverReadConcern | None:
        """Return the driver's read concern."""
        return None if value is None else DriverReadConcern(str(value))

    def write_concern(self, value: WriteConcern | None) -> DriverWriteConcern | None:
        """Return the driver's write concern."""
        if value is None:
            return None
        timeout = None if value.timeout is None else milliseconds(value.timeout)
        return DriverWriteConcern(w=value.w, j=value.journal or None, wtimeout=timeout)

"""How findings are told: as warnings, or as errors."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import QueryGuardError, QueryGuardWarning
from llm_devops_mongodb.operations import WRITES

if TYPE_CHECKING:
    from llm_devops_mongodb import operations as op
    from llm_devops_mongodb.config import QueryGuardConfig
    from llm_devops_mongodb.transports.guarded.callers import Caller
    from llm_devops_mongodb.transports.guarded.findings import Finding

_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


Warn = Callable[[str, type[Warning], str, int, str, "dict[Any, Any] | None"], None]
"""Gives a warning at a line, as `warnings.warn_explicit` does: text, category, file, line, module and registry."""


class Reporter:
    """Tells a finding, as the configuration asks."""

    def __init__(self, config: QueryGuardConfig, *, warn: Warn | None = None) -> None:
        self._raises = config.mode == "raise"
        self._warn: Warn = warn or warnings.warn_explicit

    def tell(self, finding: Finding, operation: op.CollectionOperation | op.Aggregate, caller: Caller) -> None:
        """Warn at the caller's line, as often as Python's own filters of warnings let through; or raise.

        Raises:
            QueryGuardError: With `mode="raise"`.
            QueryGuardWarning: The filters make the warning an error.
        """
        name = _INNER_CAPITAL.sub("_", type(operation).__name__).lower()
        text = f"{caller}: {name} on {operation.namespace} {finding.text}"
        # What runs in a task of its own may belong to another request than its like: that is no ground to refuse it.
        if not self._raises or (finding.kind == "repeated_query" and caller.place is None):
            self._warn(text, QueryGuardWarning, caller.filename, caller.line, caller.module, caller.registry)
            return
        raise QueryGuardError(
            text,
            finding=finding.kind,
            namespace=str(operation.namespace),
            operation=name,
            caller=caller.place,
            outcome="not_applied" if isinstance(operation, WRITES) else None,
        )

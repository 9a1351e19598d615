"""What one test works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.conformance.deployment import Deployment
from tests.conformance.entities import EntityMap
from tests.conformance.fail_points import FailPoints
from tests.conformance.matching import Matcher


@dataclass(frozen=True, slots=True)
class Context:
    """What one test works with.

    Attributes:
        deployment: What is tested.
        entities: What operations are done on.
        matcher: Compares values.
        fail_points: What the test has set.
        create: Makes an entity that a test describes.
        execute: Executes an operation that a test describes.
    """

    deployment: Deployment
    entities: EntityMap
    matcher: Matcher
    fail_points: FailPoints
    create: Callable[[Mapping[str, Any]], Awaitable[None]]
    execute: Callable[[Mapping[str, Any]], Awaitable[None]]

"""A store that has only what it must have, and that remembers."""

from __future__ import annotations

from typing import Any

from llm_devops_mongodb.consumers import Checkpoint


class InMemory:
    """Keeps checkpoints for as long as it lives."""

    def __init__(self) -> None:
        self.stored: list[Checkpoint] = []

    async def load(self, name: str) -> Checkpoint | None:
        return next((each for each in reversed(self.stored) if each.name == name), None)

    async def save(self, checkpoint: Checkpoint, **_: Any) -> None:
        self.stored.append(checkpoint)

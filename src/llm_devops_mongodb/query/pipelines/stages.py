"""The stages of a pipeline in the making: a value that each method returns anew, one stage longer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from llm_devops_mongodb.query.built import frozen, is_same, refusal
from llm_devops_mongodb.query.expressions import resolved_stage
from llm_devops_mongodb.validation.pipelines import STAGES, check_added, check_foreign
from llm_devops_mongodb.validation.places import walk
from llm_devops_mongodb.validation.values import built, is_sequence, is_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_devops_mongodb.options import Pipeline


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stages:
    """What every part of a `PipelineBuilder` builds on."""

    _stages: tuple[dict[str, Any], ...] = field(default_factory=tuple, init=False)

    def stage(self, name: str, spec: Any) -> Self:
        """Add a stage by its name: one that has no method here, or whose options this library does not know.

        A stage that `validate_pipeline` knows is checked as there. Of any other only the names and the depth are
        checked: it is for stages newer than this library.

        Args:
            name: The stage with its `$`.
            spec: Its argument.

        Example:
            >>> PipelineBuilder().stage("$listSampledQueries", {"namespace": "shop.orders"}).build()
            [{'$listSampledQueries': {'namespace': 'shop.orders'}}]
        """
        if not is_text(name) or len(name) < 2 or name[0] != "$":  # noqa: PLR2004  # '$' and a name
            raise refusal("", "a stage is named by a text that begins with '$'")
        return self._added({name: spec}, foreign=name not in STAGES)

    def build(self) -> list[dict[str, Any]]:
        """Return the pipeline, a new one each time: changing it changes neither the builder nor another.

        Example:
            >>> PipelineBuilder().build()
            []
        """
        return [frozen(stage) for stage in self._stages]

    def _with(self, name: str, argument: Any) -> Self:
        """Add a stage; a `Field` in an expression stands for its value."""
        return self._added({name: argument})

    def _added(self, stage: Any, *, foreign: bool = False) -> Self:
        walk(check_foreign if foreign else check_added, (*self._stages, stage))
        return self._of((*self._stages, resolved_stage(frozen(stage))))

    def _of(self, stages: tuple[dict[str, Any], ...]) -> Self:
        made = object.__new__(type(self))
        object.__setattr__(made, "_stages", stages)
        return made

    def __add__(self, pipeline: Pipeline) -> Self:
        """Add all stages of another pipeline.

        Example:
            >>> PipelineBuilder().limit(1) + [{"$unset": "a"}]
            PipelineBuilder([{'$limit': 1}, {'$unset': 'a'}])
        """
        stages: Any = built(pipeline)
        if not is_sequence(stages):
            raise refusal("", f"a pipeline is a sequence of stages, not {type(stages).__name__}")
        checked = isinstance(pipeline, Stages)
        made = self
        for stage in stages:
            made = made._added(stage, foreign=checked and not STAGES.keys() & stage.keys())
        return made

    def __len__(self) -> int:
        return len(self._stages)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.build())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stages):
            return NotImplemented
        return is_same(self._stages, other._stages)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # documents and arrays have none

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._stages)!r})"

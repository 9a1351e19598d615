"""Configuration values: frozen, checked when they are made, every fault told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from llm_devops_mongodb.errors import ConfigError, ConfigFault
from llm_devops_mongodb.spelling import hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

# A default that is computed from other fields says nothing where those are faulty themselves.
_FOLLOWS_FROM_OTHERS = "default_factory_not_called"


class ConfigModel(BaseModel, frozen=True):
    """A frozen value whose constructor raises `ConfigError` with all faults instead of pydantic's error.

    Pydantic's error would carry what was given, secrets included.

    Attributes:
        section: The name under which a configuration holds this value; `""` for the whole.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)
    section: ClassVar[str] = ""

    def __init__(self, /, **settings: Any) -> None:
        faults = self._try(settings)
        if faults:
            raise ConfigError.of(faults)

    def __setattr__(self, name: str, value: object) -> None:
        # Pydantic's own refusal would repeat the value.
        raise ConfigError(name, "cannot be changed; make another value with replace()")

    def _try(self, settings: dict[str, Any]) -> list[ConfigFault]:
        """Make the value of `settings`; return what stands against it."""
        try:
            super().__init__(**settings)
        except ValidationError as error:
            # Nothing is raised from here, so that no error has pydantic's as its context.
            return faults_of(error, type(self))
        return []

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """As pydantic's, but raising `ConfigError`."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            faults = faults_of(error, cls)
        raise ConfigError.of(faults)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """As pydantic's, but raising `ConfigError`."""
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            faults = faults_of(error, cls)
        raise ConfigError.of(faults)


def faults_of(error: ValidationError, model: type[ConfigModel]) -> list[ConfigFault]:
    """Return pydantic's `error` as faults that repeat no value."""
    details = error.errors(include_url=False, include_input=False)
    return [_fault(detail, model) for detail in details if detail["type"] != _FOLLOWS_FROM_OTHERS]


def located(faults: Iterable[ConfigFault], origins: Mapping[str, str]) -> list[ConfigFault]:
    """Return `faults`, each telling where its value came from.

    Args:
        faults: What is wrong.
        origins: Where a value came from, by its field's path or its first part; `""` stands for every other.
    """
    found: list[ConfigFault] = []
    for fault in faults:
        names = (fault.field, fault.field.partition(".")[0], "")
        origin = next((origins[name] for name in names if name in origins), None)
        found.append(fault if origin is None else ConfigFault(fault.field, f"{fault.message} ({origin})"))
    return found


def _fault(detail: ErrorDetails, model: type[ConfigModel]) -> ConfigFault:
    path = ".".join(str(part) for part in detail["loc"])
    path = f"{model.section}.{path}".strip(".") or "config"
    match detail["type"]:
        case "extra_forbidden":
            return ConfigFault(path, f"unknown setting{hint(str(detail['loc'][-1]), model.model_fields)}")
        case "missing":
            return ConfigFault(path, "is required")
        case "value_error":
            return ConfigFault(path, detail["msg"].removeprefix("Value error, "))
        case _:
            return ConfigFault(path, detail["msg"])

"""The environment as a source of a configuration."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.config.model import ConfigModel
from llm_devops_mongodb.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LIKENESS = 0.75


def read_environment(
    model: type[ConfigModel], environ: Mapping[str, str], *, prefix: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read the settings of `model` from variables such as `MONGODB_TLS_CA_FILE`.

    Args:
        model: Whose fields are looked for, those of its sections included.
        environ: The variables.
        prefix: What the variables' names start with.

    Returns:
        The settings, a section's in a dictionary of their own; and the variables' names by the fields' paths.
    """
    known = {prefix + "_".join(path).upper(): path for path in _paths(model)}
    _warn_of_misspelt(environ, known, prefix)
    settings: dict[str, Any] = {}
    for variable in known.keys() & environ.keys():
        *section, field = known[variable]
        table = settings.setdefault(section[0], {}) if section else settings
        table[field] = environ[variable]
    # A required field that is missing is told by its variable too.
    return settings, {".".join(path): variable for variable, path in known.items()}


def _paths(model: type[ConfigModel]) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, ConfigModel):
            yield from ((name, inner) for inner in kind.model_fields)
        else:
            yield (name,)


def _warn_of_misspelt(environ: Iterable[str], known: Iterable[str], prefix: str) -> None:
    names = {variable.removeprefix(prefix) for variable in known}
    for variable in environ:
        name = variable.removeprefix(prefix)
        if variable.startswith(prefix) and name not in names and (meant := _meant(name, names)):
            # Four frames up is who called `from_env`.
            warnings.warn(f"{variable} is not read; did you mean {prefix}{meant}?", UserWarning, stacklevel=4)


def _meant(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` nearly spells: most letters agree, or all but one, as in `URL`."""
    for candidate in known:
        differing = sum(one != other for one, other in zip(candidate, name, strict=False))
        if len(candidate) == len(name) and differing == 1:
            return candidate
    return nearest(name, known, likeness=_LIKENESS)

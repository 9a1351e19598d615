"""Files that hold a table of names and values: TOML, JSON or YAML."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, cast

from llm_devops_mongodb.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_POSITION = re.compile(r"line (\d+),? column (\d+)")


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML, JSON or YAML file, told by its suffix.

    Raises:
        ConfigError: For the path as its field: no such file, another suffix, malformed, or not a table. Nothing of the
            file's text is repeated.
    """
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise ConfigError(str(path), f"a file of settings ends in {', '.join(_FORMATS)}")
    name, parse = _FORMATS[suffix]
    try:
        found = parse(path.read_text("utf-8-sig"))
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except ImportError:
        fault = f"reading {name} needs another package: pip install 'llm-devops-mongodb[yaml]'"
    except (ValueError, RecursionError) as error:
        # Not chained: a parser's error holds the whole text.
        position = _POSITION.findall(str(error))
        fault = f"is not valid {name}" + (", line {}, column {}".format(*position[-1]) if position else "")
    else:
        if isinstance(found, dict):
            return {str(key): value for key, value in cast("dict[object, Any]", found).items()}
        fault = "must hold a table of names and values"
    raise ConfigError(str(path), fault)


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


_FORMATS: dict[str, tuple[str, Callable[[str], Any]]] = {
    ".toml": ("TOML", tomllib.loads),
    ".json": ("JSON", json.loads),
    ".yaml": ("YAML", _yaml),
    ".yml": ("YAML", _yaml),
}

TABLE_SUFFIXES = frozenset(_FORMATS)
"""What the names of such files end in."""

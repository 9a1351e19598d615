"""Where the command line begins: it loads nothing of the extra before it knows that it is there."""

from __future__ import annotations

import sys

_EXTRA = frozenset({"click", "jinja2", "rich"})
_WRONG_USE = 2


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from llm_devops_mongodb.cli.program import run
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        print(  # noqa: T201
            f"llm-devops-mongodb: {package} is missing; the command line needs the extra cli: "
            "pip install 'llm-devops-mongodb[cli]'",
            file=sys.stderr,
        )
        sys.exit(_WRONG_USE)
    sys.exit(run(sys.argv[1:]))

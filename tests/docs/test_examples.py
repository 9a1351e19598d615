"""What the documentation shows runs, and gives what it shows."""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import llm_devops_mongodb

ROOT = Path(__file__).parents[2]
PACKAGE = Path(llm_devops_mongodb.__file__).parent
MODULES = [found.name for found in pkgutil.walk_packages(llm_devops_mongodb.__path__, "llm_devops_mongodb.")]
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)

# The blocks share their names, as they do for who reads them from top to bottom.
RUNNER = """
import ast, asyncio, inspect, json, sys
names = {"__name__": "__main__"}
for number, block in enumerate(json.load(sys.stdin), 1):
    code = compile(block, f"README block {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, names))
    else:
        exec(code, names)
"""


def blocks_of(text: str) -> list[str]:
    return [textwrap.dedent(block) for _, block in BLOCK.findall(text)]


def doctests() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(import_module, ["llm_devops_mongodb", *MODULES])
    public = {name: getattr(llm_devops_mongodb, name) for name in llm_devops_mongodb.__all__}
    return [found for module in modules for found in finder.find(module, extraglobs=public) if found.examples]


def docstring_blocks() -> list[Any]:
    """Every Python block in a string of the package that stands alone, as docstrings of attributes do too."""
    return [
        pytest.param(block, id=f"{path.relative_to(PACKAGE)}:{node.lineno}")
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for block in blocks_of(inspect.cleandoc(node.value.value))
    ]


@pytest.mark.parametrize("example", doctests(), ids=lambda it: it.name)
def test_a_docstring_s_example_gives_what_it_shows(example: doctest.DocTest) -> None:
    told: list[str] = []
    outcome = doctest.DocTestRunner(verbose=False).run(example, out=told.append)
    assert outcome.failed == 0, "".join(told)


@pytest.mark.parametrize("block", docstring_blocks())
def test_a_docstring_s_block_is_python(block: str) -> None:
    compile(block, "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


async def test_the_readme_s_blocks_run(mongo_server: Any, tmp_path: Path) -> None:
    blocks = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
    given = json.dumps([block.replace("mongodb://localhost:27017", mongo_server.uri) for block in blocks])
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", "-c", RUNNER],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        # What they write is theirs.
        cwd=tmp_path,
    )
    assert blocks
    assert done.returncode == 0, done.stderr

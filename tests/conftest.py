from __future__ import annotations

from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

# Where the package is installed pytest has found the plugin by its entry point; in a bare source tree it is named.
if not entry_points(group="pytest11", name="llm_devops_mongodb"):
    pytest_plugins.append("pytest_llm_devops_mongodb.plugin")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that makes the failover tests long."""
    parser.addoption("--soak", action="store_true", help="let the primary fail again and again, and tell the figures")

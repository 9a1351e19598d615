from __future__ import annotations

from importlib.metadata import entry_points

pytest_plugins = ["pytester"]

# Where the package is installed pytest has found the plugin by its entry point; in a bare source tree it is named.
if not entry_points(group="pytest11", name="llm_devops_mongodb"):
    pytest_plugins.append("pytest_llm_devops_mongodb.plugin")

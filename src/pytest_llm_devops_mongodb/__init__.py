"""The pytest plugin of `llm_devops_mongodb`.

A package of its own, because pytest imports it in every run: it loads nothing of the library before a fixture is used.
"""

from __future__ import annotations

from pytest_llm_devops_mongodb.old_recordings import OldRecordingWarning

__all__ = ["OldRecordingWarning"]

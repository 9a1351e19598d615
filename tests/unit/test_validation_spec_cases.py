"""The drivers' CRUD specification: no filter, update or pipeline that a server takes is refused.

The test data are not part of this repository; they are looked for beside it.
"""

from pathlib import Path

import pytest
from bson import json_util

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation import (
    validate_document,
    validate_filter,
    validate_pipeline,
    validate_replacement,
    validate_update,
)

FOLDER = Path(__file__).parents[3] / "shared" / "spec-tests" / "crud"
CHECKS = {
    "filter": validate_filter,
    "update": validate_update,
    "pipeline": validate_pipeline,
    "replacement": validate_replacement,
    "document": validate_document,
}
OPTIONS = json_util.JSONOptions(json_mode=json_util.JSONMode.CANONICAL, tz_aware=True)

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the specification's test data are not beside the repository"
)


def operations():
    """Give every operation of the suite with the name of its test."""
    for path in sorted(FOLDER.glob("*.json")):
        for test in json_util.loads(path.read_text(), json_options=OPTIONS)["tests"]:
            for operation in test["operations"]:
                yield f"{path.stem}: {test['description']}", operation


def parts(value):
    """Give every argument that a check is for, wherever it stands: in an operation, or in a model of a bulk write."""
    if isinstance(value, list):
        for item in value:
            yield from parts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in CHECKS:
                yield name, item
            elif name in {"requests", "models"} or name.endswith(("One", "Many")):
                yield from parts(item)


def refused(name, argument):
    try:
        CHECKS[name](argument)
    except InvalidDocumentError as error:
        return f"{name} at '{error.path}': {error}"
    return None


def test_nothing_that_the_server_takes_is_refused():
    checked, faults = 0, []
    for test, operation in operations():
        if "isClientError" in operation.get("expectError", {}):
            continue
        for name, argument in parts(operation.get("arguments", {})):
            checked += 1
            fault = refused(name, argument)
            # Documented: names that begin with '$' may not be stored, though a server from 5.0 on stores them.
            if fault and not (name in {"replacement", "document"} and "begin with '$'" in fault):
                faults.append(f"{test}: {fault}")
    assert faults == []
    assert checked > 400


def test_what_a_driver_must_refuse_is_refused():
    found = {
        test: [fault for name, argument in parts(operation["arguments"]) if (fault := refused(name, argument))]
        for test, operation in operations()
        if "validation" in test and operation.get("expectError", {}).get("isClientError")
    }
    assert len(found) >= 5
    assert [test for test, faults in found.items() if not faults] == []

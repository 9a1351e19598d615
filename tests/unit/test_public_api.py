"""The names that users import, and what importing them costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any, get_origin

import pytest

import llm_devops_mongodb

NAMES = {
    "client": "MongoClient Database Collection QueryBuilder DocumentStream Session RetryPolicy Namespace PyObjectId",
    "builders": "FilterBuilder UpdateBuilder DocBuilder PipelineBuilder Field f some each",
    "bulk": "BulkWriteBuilder ClientBulkWriteBuilder InsertProgress chunked_insert",
    "advice": "PoolSizeRecommendation recommend_pool_size optimal_batch_size optimize_projection suggest_index",
    "configuration": "MongoConfig TlsConfig AuditConfig TracingConfig RetryConfig QueryGuardConfig SimulationMode "
    "ReadPreference ReadConcern WriteConcern",
    "change streams": "ChangeStream ChangeEvent OperationType UpdateDescription TruncatedArray ResumeToken "
    "ChangeStreamConfig ChangeStreamOptions HistoryLostError ResumeTokenError",
    "options": "Document Filter Update Pipeline Sort Verbosity BulkWriteOptions "
    "FindOptions InsertOptions UpdateOptions DeleteOptions FindOneAndUpdateOptions "
    "FindOneAndDeleteOptions "
    "CountOptions DistinctOptions AggregateOptions TransactionOptions ReturnDocument CursorType",
    "results": "InsertOneResult InsertManyResult UpdateResult DeleteResult BulkWriteResult HealthStatus "
    "PoolStatus PaginatedResult KeysetPage QueryAnalysis Finding FindingKind",
    "errors": "MongoError MongoConnectionError AuthenticationError TlsError ServerSelectionError PoolExhaustedError "
    "ClientStateError WriteError DuplicateKeyError BulkWriteError QueryError OperationTimeoutError CursorError "
    "TransactionError SessionBusyError CommitError DocumentTooLargeError InvalidDocumentError "
    "InvalidObjectIdError InvalidCursorError QueryGuardError QueryGuardWarning SerializationError "
    "DeserializationError SimulationError SimulationMismatchError SimulationTypeMismatchError ConfigError "
    "UnknownError ConfigFault FieldFault",
    "validation": "validate_document validate_namespace validate_filter validate_pipeline validate_update "
    "MAX_DOCUMENT_SIZE MAX_BSON_DEPTH MAX_NAMESPACE_LENGTH",
    "simulation": "SimulationRecorder SimulationReplayer SimulatedFault simulating",
    "security": "DEFAULT_SENSITIVE_FIELDS redact_document CredentialProvider MongoCredentials AuthMechanism "
    "SecretString StaticCredentialProvider EnvCredentialProvider FileCredentialProvider "
    "NoopCredentialProvider sanitize_uri_for_logging",
}
EXPECTED = {name for names in NAMES.values() for name in names.split()}

METHODS = {
    "MongoClient": "connect from_env database default_database collection start_session with_transaction "
    "bulk_write watch list_databases health_check close driver config simulation with_simulation",
    "Database": "name collection list_collection_names run_command aggregate drop_collection "
    "list_collections create_collection with_options watch",
    "Collection": "insert_one insert_many find_one find find_by_id find_stream update_one update_many replace_one "
    "upsert delete_one delete_many delete_by_id find_one_and_update find_one_and_replace find_one_and_delete "
    "count_documents estimated_document_count distinct aggregate aggregate_stream with_type with_options within "
    "query bulk_write watch write_target find_paginated find_page explain "
    "name namespace create_index list_indexes drop_index",
    "Session": "start_transaction commit abort transaction with_transaction insert_one find_one update_one "
    "delete_one end identify has_failed in_transaction",
    "QueryBuilder": "filter project sort skip limit hint collation batch_size max_time read_preference execute first "
    "stream count explain page keyset_page",
    "DocumentStream": "next aclose",
    "ChangeStream": "open next try_next next_batch resume aclose into_stream resume_token operation_time alive resumes",
    "ResumeToken": "as_document to_json from_json cluster_time",
}


def test_the_public_names_are_these() -> None:
    assert set(llm_devops_mongodb.__all__) == EXPECTED


def test_the_public_names_are_told_once_and_in_order() -> None:
    names = llm_devops_mongodb.__all__
    constants, others = [name for name in names if name.isupper()], [name for name in names if not name.isupper()]
    classes, functions = [name for name in others if name[0].isupper()], [n for n in others if n[0].islower()]
    assert names == [*sorted(constants), *sorted(classes), *sorted(functions)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", METHODS)
def test_the_public_methods_are_these(kind: str) -> None:
    public = {name for name in dir(getattr(llm_devops_mongodb, kind)) if not name.startswith("_")}
    # A session's name is asked for by the handles, not by users.
    assert public - {"ref_for"} == set(METHODS[kind].split())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_public_name_is_documented(name: str) -> None:
    value = getattr(llm_devops_mongodb, name)
    if isinstance(value, int) or get_origin(value) is not None:
        # The text of a number or of a type alias stands below it, where no interpreter sees it.
        return
    text = inspect.getdoc(value)
    assert text
    # A dataclass without a docstring gets its signature for one.
    assert not text.startswith(f"{name}(")


def public_members() -> list[tuple[str, Any]]:
    return [
        (f"{name}.{member}", inspect.getattr_static(value, member))
        for name in sorted(EXPECTED)
        if inspect.isclass(value := getattr(llm_devops_mongodb, name)) and not issubclass(value, BaseException)
        for member, static in vars(value).items()
        if not member.startswith("_")
        and (inspect.isfunction(static) or isinstance(static, (property, classmethod, staticmethod)))
    ]


@pytest.mark.parametrize(("name", "member"), public_members())
def test_a_public_method_is_documented(name: str, member: Any) -> None:
    assert inspect.getdoc(member), name


def loaded_by(module: str, *, watched: str) -> set[str]:
    """Import `module` in a new interpreter; return which of the packages `watched` came with it."""
    program = f"import sys, {module}; print(*(sys.modules.keys() & {{*{watched.split()!r}}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    return set(done.stdout.split())


def test_importing_the_package_does_not_import_the_driver() -> None:
    assert loaded_by("llm_devops_mongodb", watched="pymongo gridfs yaml attrs pytest uvloop") == set()


def test_the_pytest_plugin_imports_nothing_of_the_library() -> None:
    # pytest imports it in every run, whether its fixtures are used or not.
    watched = "llm_devops_mongodb bson cryptography msgspec pydantic pymongo"
    for module in ("plugin", "asyncio_fixtures", "anyio_fixtures"):
        assert loaded_by(f"pytest_llm_devops_mongodb.{module}", watched=watched) == set()

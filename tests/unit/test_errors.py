from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import pytest

from llm_devops_mongodb import errors
from llm_devops_mongodb.errors import (
    AuthenticationError,
    BulkWriteError,
    ClientStateError,
    CommitError,
    ConfigError,
    ConfigFault,
    CursorError,
    DeserializationError,
    DocumentTooLargeError,
    DuplicateKeyError,
    FieldFault,
    HistoryLostError,
    InvalidCursorError,
    InvalidDocumentError,
    InvalidObjectIdError,
    MongoConnectionError,
    MongoError,
    OperationTimeoutError,
    PoolExhaustedError,
    QueryError,
    QueryGuardError,
    ResumeTokenError,
    SerializationError,
    ServerSelectionError,
    SessionBusyError,
    SimulationError,
    SimulationMismatchError,
    SimulationTypeMismatchError,
    TlsError,
    TransactionError,
    UnknownError,
    WriteError,
)
from llm_devops_mongodb.results import BulkWriteResult

DETAILS = {"code": 7, "code_name": "Seven", "labels": ["One", "Two"], "outcome": "unknown"}
LIMIT = timedelta(seconds=2.5)
ONE_OF_EACH = [
    MongoError("m", **DETAILS),
    ConfigError("tls.ca_file", "does not exist"),
    MongoConnectionError("m", **DETAILS),
    ServerSelectionError("m", timeout=LIMIT, **DETAILS),
    PoolExhaustedError("m", **DETAILS),
    TlsError("m", **DETAILS),
    ClientStateError("m", **DETAILS),
    AuthenticationError("m", **DETAILS),
    WriteError("m", **DETAILS),
    DuplicateKeyError("m", index_name="a_1", key_pattern={"a": 1}, **DETAILS),
    BulkWriteError(
        "m",
        result=BulkWriteResult(inserted_count=1),
        write_errors={3: DuplicateKeyError("d", index_name="a_1", **DETAILS)},
        write_concern_errors=[WriteError("w")],
        **DETAILS,
    ),
    QueryError("m", **DETAILS),
    QueryGuardError("m", finding="collection_scan", namespace="a.b", operation="find", caller="app.py:7", **DETAILS),
    OperationTimeoutError("m", timeout=LIMIT, **DETAILS),
    CursorError("m", **DETAILS),
    HistoryLostError("m", **DETAILS),
    ResumeTokenError("m", **DETAILS),
    TransactionError("m", is_transient=True, **DETAILS),
    SessionBusyError("m", **DETAILS),
    CommitError("m", is_retryable=True, **DETAILS),
    InvalidDocumentError("m", path="a.b"),
    DocumentTooLargeError(size=17),
    InvalidObjectIdError(value="zz"),
    InvalidCursorError("m"),
    SerializationError("m", path="a.b"),
    DeserializationError("m", namespace="app.users", document_id=1, faults=[FieldFault("a.b", "not a number")]),
    SimulationError("m"),
    SimulationMismatchError("m"),
    SimulationTypeMismatchError(expected="CountReply", actual="DoneReply"),
    UnknownError("m", **DETAILS),
]


def kinds():
    return {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MongoError)}


def test_one_of_each_class_is_tested_here():
    assert {type(error) for error in ONE_OF_EACH} == kinds()


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (ServerSelectionError, MongoConnectionError),
        (PoolExhaustedError, MongoConnectionError),
        (TlsError, MongoConnectionError),
        (ClientStateError, MongoConnectionError),
        (DuplicateKeyError, WriteError),
        (QueryGuardError, QueryError),
        (CommitError, TransactionError),
        (SessionBusyError, TransactionError),
        (DocumentTooLargeError, InvalidDocumentError),
        (InvalidObjectIdError, InvalidDocumentError),
        (InvalidCursorError, InvalidDocumentError),
        (HistoryLostError, CursorError),
        (ResumeTokenError, CursorError),
        (SimulationMismatchError, SimulationError),
        (SimulationTypeMismatchError, SimulationError),
    ],
)
def test_the_tree_has_these_branches(kind, parent):
    assert kind.__base__ is parent


def test_every_other_class_is_a_child_of_the_root():
    assert {kind.__base__ for kind in kinds()} - kinds() == {Exception}
    assert all(issubclass(kind, MongoError) for kind in kinds())


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_every_error_has_the_common_attributes(error):
    assert error.message == str(error) != ""
    assert error.code is None or isinstance(error.code, int)
    assert isinstance(error.labels, frozenset)
    assert {type(flag) for flag in (error.is_retryable, error.is_transient, error.is_timeout)} == {bool}
    assert error.outcome in {None, "not_applied", "applied", "unknown"}


def told(value):
    """The attributes of an error, those of the errors it carries included."""
    if isinstance(value, MongoError):
        return type(value), value.args, {name: told(part) for name, part in vars(value).items()}
    if isinstance(value, dict):
        return {key: told(part) for key, part in value.items()}
    return [told(part) for part in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("copied", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_every_error_pickles_and_copies_whole(error, copied):
    assert told(copied(error)) == told(error)


def test_a_pickled_error_keeps_its_notes():
    error = QueryError("m")
    error.add_note("while reading")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while reading"]


@pytest.mark.parametrize("label", ["RetryableWriteError", "RetryableError", "ResumableChangeStreamError"])
def test_a_label_makes_an_error_retryable_whatever_its_class_and_outcome(label):
    error = QueryError("m", labels=[label], outcome="unknown")
    assert error.is_retryable
    assert error.has_error_label(label)


@pytest.mark.parametrize("kind", [MongoConnectionError, PoolExhaustedError, OperationTimeoutError])
def test_an_error_of_the_connection_is_retryable_by_its_class(kind):
    assert kind("m").is_retryable
    assert kind("m", outcome="not_applied").is_retryable


@pytest.mark.parametrize("kind", [MongoConnectionError, PoolExhaustedError, OperationTimeoutError])
def test_a_write_that_may_have_happened_is_not_retryable_by_its_class(kind):
    assert not kind("m", outcome="unknown").is_retryable


@pytest.mark.parametrize(
    "kind", [MongoError, TlsError, ClientStateError, AuthenticationError, WriteError, QueryError, CursorError]
)
def test_an_error_that_comes_again_is_not_retryable(kind):
    assert not kind("m").is_retryable


def test_a_transient_transaction_is_known_by_its_label_and_is_retryable():
    error = WriteError("m", labels=["TransientTransactionError"], outcome="not_applied")
    assert error.is_transient
    assert error.is_retryable
    assert not WriteError("m").is_transient


def test_a_transaction_error_may_be_called_transient():
    error = TransactionError("m", is_transient=True, labels=["Other"])
    assert error.labels == {"TransientTransactionError", "Other"}
    assert TransactionError("m").labels == frozenset()


def test_a_commit_may_be_called_retryable():
    error = CommitError("m", is_retryable=True, labels=["Other"], outcome="unknown")
    assert error.labels == {"UnknownTransactionCommitResult", "Other"}
    assert error.is_retryable
    assert not error.is_transient


def test_a_commit_that_failed_for_good_is_not_retryable():
    assert not CommitError("m").is_retryable
    assert CommitError("m", is_transient=True).is_retryable


@pytest.mark.parametrize(
    ("kind", "more"),
    [(ServerSelectionError, {"timeout": LIMIT}), (PoolExhaustedError, {}), (OperationTimeoutError, {})],
)
def test_a_timeout_is_one_by_its_class_unless_told_otherwise(kind, more):
    assert kind("m", **more).is_timeout
    assert not kind("m", is_timeout=False, **more).is_timeout


def test_any_error_may_be_told_to_be_a_timeout():
    assert WriteError("m", is_timeout=True).is_timeout
    assert not WriteError("m").is_timeout


def test_no_server_tells_how_long_was_waited():
    error = ServerSelectionError(timeout=LIMIT)
    assert (str(error), error.timeout) == ("no suitable server was found within 2.5 s", LIMIT)


def test_a_configuration_error_tells_every_fault():
    error = ConfigError.of([ConfigFault("uri", "is empty"), ConfigFault("tls.ca_file", "does not exist")])
    assert str(error) == "uri: is empty; tls.ca_file: does not exist"
    assert error.field == "uri"
    assert [fault.field for fault in error.faults] == ["uri", "tls.ca_file"]


def test_a_configuration_error_of_one_field_has_one_fault():
    assert ConfigError("uri", "is empty").faults == (ConfigFault("uri", "is empty"),)


@pytest.mark.parametrize(
    "error",
    [InvalidDocumentError("m"), SerializationError("m"), DocumentTooLargeError(size=1), InvalidObjectIdError(value=1)],
)
def test_what_is_refused_before_it_is_sent_was_not_applied(error):
    assert error.outcome == "not_applied"
    assert error.path == ""


def test_a_document_too_large_tells_its_size():
    assert str(DocumentTooLargeError(size=17_000_000)) == "the document has 17000000 bytes, more than the server takes"
    assert str(DocumentTooLargeError("too large", size=1)) == "too large"


def test_an_invalid_object_id_keeps_the_value_out_of_its_text():
    error = InvalidObjectIdError(value="hunter2")
    assert error.value == "hunter2"
    assert "hunter2" not in str(error)


def test_a_document_that_does_not_fit_tells_its_first_fault():
    faults = [FieldFault("a.0.b", "expected int"), FieldFault("c", "missing")]
    error = DeserializationError("m", namespace="app.users", document_id=7, faults=faults)
    assert (error.path, error.namespace, error.document_id) == ("a.0.b", "app.users", 7)
    assert error.faults == tuple(faults)
    assert DeserializationError("m").path == ""


def test_a_reply_of_another_kind_tells_both():
    assert str(SimulationTypeMismatchError(expected="CountReply", actual="DoneReply")) == (
        "expected CountReply, the recording holds DoneReply"
    )

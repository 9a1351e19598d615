from __future__ import annotations

import inspect
import pickle
from datetime import timedelta

import bson
import pytest
from bson.errors import InvalidBSON, InvalidDocument
from bson.raw_bson import RawBSONDocument
from pymongo import errors as driver
from pymongo.asynchronous import mongo_client

from llm_devops_mongodb import errors as ours
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.namespace import Namespace
from llm_devops_mongodb.options import (
    AggregateOptions,
    CountOptions,
    DeleteOptions,
    FindOneAndUpdateOptions,
    FindOptions,
    InsertOptions,
    Settings,
    TransactionOptions,
    UpdateOptions,
)
from llm_devops_mongodb.results import BulkWriteResult
from llm_devops_mongodb.transports.driver.errors import DRIVER_ERRORS, is_of_driver, translated, write_error

SECRET = "S3CRET"
LIMITS = {"server_selection": timedelta(seconds=30), "wait_queue": timedelta(seconds=10)}
SESSION = op.SessionRef(1)
TARGET = (Namespace("app", "users"), Settings(), None)
IN_SESSION = (Namespace("app", "users"), Settings(), SESSION)
EMPTY = bson.encode({})

INSERT_ONE = op.InsertOne(*TARGET, bson.encode({"_id": 1, "pad": "x" * 100}), InsertOptions())
INSERT_MANY = op.InsertMany(*TARGET, (bson.encode({"_id": 1}), bson.encode({"_id": 2, "a": 1})), True, InsertOptions())  # noqa: FBT003 - the field
UPDATE_ONE = op.UpdateOne(*TARGET, EMPTY, bson.encode({"$set": {"a": 1}}), UpdateOptions())
UPDATE_MANY = op.UpdateMany(*TARGET, EMPTY, bson.encode({"$set": {"a": 1}}), UpdateOptions())
DELETE_ONE = op.DeleteOne(*TARGET, EMPTY, DeleteOptions())
DELETE_MANY = op.DeleteMany(*TARGET, EMPTY, DeleteOptions())
FIND_AND_UPDATE = op.FindOneAndUpdate(*TARGET, EMPTY, EMPTY, FindOneAndUpdateOptions(max_time=timedelta(seconds=2)))
FIND = op.Find(*TARGET, EMPTY, FindOptions(max_time=timedelta(seconds=7)))
COUNT = op.CountDocuments(*TARGET, EMPTY, CountOptions())
MERGE = op.Aggregate(*TARGET, (bson.encode({"$match": {}}), bson.encode({"$merge": "other"})), AggregateOptions())
OUT = op.Aggregate(*TARGET, (bson.encode({"$out": "other"}),), AggregateOptions())
AGGREGATE = op.Aggregate(*TARGET, (bson.encode({"$match": {}}),), AggregateOptions())
NO_STAGES = op.Aggregate(*TARGET, (), AggregateOptions())
COMMAND = op.RunCommand(Namespace("app", ""), Settings(), None, bson.encode({"ping": 1}))
START = op.StartTransaction(SESSION, TransactionOptions())
COMMIT = op.CommitTransaction(SESSION)
HEALTH = op.CheckHealth()

SINGLE_WRITES = [INSERT_ONE, UPDATE_ONE, DELETE_ONE, FIND_AND_UPDATE]
MANY_WRITES = [INSERT_MANY, UPDATE_MANY, DELETE_MANY, MERGE, OUT]
READS = [FIND, COUNT, AGGREGATE, NO_STAGES, HEALTH]
UNKNOWN_COMMIT = "UnknownTransactionCommitResult"


def translate(error, operation=FIND):
    return translated(error, operation, limits=LIMITS)


def reported(code, message, name, **more):
    return {"ok": 0.0, "errmsg": message, "code": code, "codeName": name, **more}


def refusal(code, message="no", *, name="Name", kind=driver.OperationFailure, labels=(), **more):
    """As the driver makes it of a command's reply."""
    details = reported(code, message, name, **more)
    if labels:
        details["errorLabels"] = list(labels)
    return kind(message, code, details)


def write_refusal(code, message="no", *, kind=driver.WriteError, **more):
    """As the driver makes it of an entry of `writeErrors`, which names no code."""
    return kind(message, code, {"index": 0, "code": code, "errmsg": message, **more})


def unacknowledged(code=64, *, kind=driver.WTimeoutError, labels=()):
    """As the driver makes it of `writeConcernError`."""
    details = {"code": code, "errmsg": "waiting for replication timed out", "errInfo": {"wtimeout": True}}
    return kind("waiting for replication timed out", code, details | ({"errorLabels": list(labels)} if labels else {}))


def labelled(error, *labels):
    """With labels as the driver sets them on errors of its own."""
    driver.PyMongoError.__init__(error, str(error), labels)
    return error


class _Attempts:
    """What the driver's frame that makes the attempts looks like to a traceback."""

    def __init__(self, number, earlier):
        self._attempt_number = number
        self._last_error = earlier

    def run(self, error):
        raise error


def at_attempt(number, error, earlier=None):
    """`error`, raised by attempt `number`, the first being 0; the one before met `earlier`."""
    with pytest.raises(type(error)) as raised:
        _Attempts(number, earlier).run(error)
    return raised.value


# What the server refuses


@pytest.mark.parametrize(
    ("operation", "kind"),
    [(FIND, ours.QueryError), (COMMAND, ours.QueryError), (MERGE, ours.QueryError), (INSERT_ONE, ours.WriteError)],
)
def test_a_refusal_is_of_the_operations_kind(operation, kind):
    error = translate(refusal(2, "unknown operator: $foo", name="BadValue"), operation)
    assert type(error) is kind
    assert (error.code, error.code_name) == (2, "BadValue")
    assert ": unknown operator: $foo" in str(error)


def test_a_refusal_says_what_was_asked_and_where():
    assert str(translate(refusal(2, "bad"))) == "Find on app.users: bad"
    assert str(translate(refusal(2, "bad"), HEALTH)) == "the deployment: bad"


def test_a_refusal_in_raw_bson_keeps_its_code_name_and_labels():
    details = reported(112, "conflict", "WriteConflict", errorLabels=["TransientTransactionError", "Newer"])
    error = translate(driver.OperationFailure("conflict", 112, RawBSONDocument(bson.encode(details))), FIND_AND_UPDATE)
    assert error.code_name == "WriteConflict"
    assert error.labels == {"TransientTransactionError", "Newer"}
    assert error.is_transient


def test_a_not_primary_reply_in_raw_bson_keeps_its_labels():
    details = reported(10107, "not primary", "NotWritablePrimary", errorLabels=["TransientTransactionError"])
    error = translate(driver.NotPrimaryError("not primary", RawBSONDocument(bson.encode(details))), FIND_AND_UPDATE)
    assert error.is_transient
    assert (error.code, error.code_name) == (10107, "NotWritablePrimary")


def test_a_refusal_without_a_report_has_the_drivers_text():
    assert (
        str(translate(driver.OperationFailure("command not supported"))) == "Find on app.users: command not supported"
    )


@pytest.mark.parametrize(
    "label", ["RetryableWriteError", "NoWritesPerformed", "SystemOverloadedError", "RetryableError"]
)
def test_labels_of_the_driver_are_kept(label):
    assert translate(labelled(driver.AutoReconnect("cut"), label), INSERT_ONE).has_error_label(label)


@pytest.mark.parametrize(("code", "name"), [(43, "CursorNotFound"), (136, "CappedPositionLost"), (237, "CursorKilled")])
def test_a_lost_cursor_is_a_cursor_error(code, name):
    kind = driver.CursorNotFound if code == 43 else driver.OperationFailure
    error = translate(refusal(code, "cursor id 987654321 not found", name=name, kind=kind))
    assert type(error) is ours.CursorError
    assert error.code_name == name
    assert "987654321" not in str(error)


@pytest.mark.parametrize(
    "error",
    [
        refusal(50, "operation exceeded time limit", name="MaxTimeMSExpired", kind=driver.ExecutionTimeout),
        refusal(262, "operation exceeded time limit", name="ExceededTimeLimit"),
    ],
)
def test_the_servers_time_limit_is_a_timeout(error):
    found = translate(error)
    assert type(found) is ours.OperationTimeoutError
    assert found.is_timeout
    assert found.is_retryable
    assert found.timeout == timedelta(seconds=7)


def test_the_time_limit_of_an_operation_without_its_own_is_in_the_drivers_text():
    text = "operation exceeded time limit (configured timeouts: timeoutMS: 300.0ms, connectTimeoutMS: 20000.0ms)"
    error = driver.ExecutionTimeout(text, 50, reported(50, "operation exceeded time limit", "MaxTimeMSExpired"))
    assert translate(error, COUNT).timeout == timedelta(milliseconds=300)
    assert translate(refusal(50, kind=driver.ExecutionTimeout), COUNT).timeout is None


@pytest.mark.parametrize("code", [225, 251, 256, 257, 263, 267, 290])
def test_a_code_of_transactions_is_a_transaction_error(code):
    assert type(translate(refusal(code), UPDATE_ONE)) is ours.TransactionError


def test_an_illegal_operation_is_a_transaction_error_where_it_speaks_of_transactions():
    message = "Transaction numbers are only allowed on a replica set member or mongos"
    assert type(translate(refusal(20, message), UPDATE_ONE)) is ours.TransactionError
    assert type(translate(refusal(20, "cannot rename to another database"), UPDATE_ONE)) is ours.WriteError


def test_a_conflict_in_a_transaction_is_transient_by_its_label():
    error = translate(refusal(112, "Write conflict", labels=["TransientTransactionError"]), UPDATE_ONE)
    assert error.is_transient
    assert error.is_retryable


@pytest.mark.parametrize(
    ("error", "operation"),
    [
        (refusal(18, "Authentication failed."), INSERT_ONE),
        (refusal(391, "Reauthentication required"), FIND),
        (refusal(11, "Could not find user"), FIND),
        (refusal(334, "Mechanism is not available"), FIND),
        (refusal(8000, "bad auth : Authentication failed."), FIND),
        (refusal(13, "command find requires authentication"), FIND),
        (refusal(18, "Authentication failed."), COMMAND),
        (refusal(18, "Authentication failed."), COMMIT),
    ],
)
def test_a_refused_login_is_an_authentication_error(error, operation):
    found = translate(error, operation)
    assert type(found) is ours.AuthenticationError
    assert not found.is_retryable
    assert str(found).endswith("; check the credentials and authSource")
    assert ".;" not in str(found)


@pytest.mark.parametrize(
    ("error", "operation"),
    [
        (refusal(11, "User 'x@app' not found"), COMMAND),
        (refusal(334, "Received authentication for mechanism x which is not enabled"), COMMAND),
        (refusal(8000, "you are over your space quota"), COMMAND),
        (refusal(13, "not authorized on app to execute command { find: 1 }"), FIND),
    ],
)
def test_what_a_command_says_of_users_and_rights_is_not_a_refused_login(error, operation):
    assert type(translate(error, operation)) is ours.QueryError


# Writes that the server reports as failed


def test_a_duplicate_key_keeps_its_code_index_and_pattern_and_hides_the_key():
    message = f'E11000 duplicate key error collection: app.users index: email_1 dup key: {{ email: "{SECRET}" }}'
    error = translate(
        write_refusal(
            11000, message, kind=driver.DuplicateKeyError, keyPattern={"email": 1}, keyValue={"email": SECRET}
        ),
        INSERT_ONE,
    )
    assert type(error) is ours.DuplicateKeyError
    assert (error.code, error.code_name, error.index_name) == (11000, "DuplicateKey", "email_1")
    assert error.key_pattern == {"email": 1}
    assert error.outcome == "not_applied"
    assert SECRET not in str(error)
    assert str(error) == "InsertOne on app.users: a document with the same key is already there (index email_1)"


@pytest.mark.parametrize(
    ("rest", "name"),
    [
        ('index: my index name dup key: { k: "x" }', "my index name"),
        ('index: ci_1 collation: { locale: "en", strength: 2 } dup key: { ci: "0x29" }', "ci_1"),
        ('index: email_1 dup key: { email: "a" } index: zebra dup key: { "" }', "email_1"),
        ("Failed _id or unique key constraint", None),
    ],
)
def test_the_index_of_a_duplicate_key_is_named_where_the_server_names_it(rest, name):
    message = f"E11000 duplicate key error collection: app.users {rest}"
    error = translate(write_refusal(11000, message, kind=driver.DuplicateKeyError), INSERT_ONE)
    assert error.index_name == name
    assert error.key_pattern is None
    assert f"(index {name or 'unknown'})" in str(error)


def test_a_duplicate_key_of_find_and_modify_is_read_from_raw_bson():
    cause = "E11000 duplicate key error collection: app.users index: a_1 dup key: { a: 1 }"
    message = f"Plan executor error during findAndModify :: caused by :: {cause}"
    details = reported(11000, message, "DuplicateKey", keyPattern={"a": 1}, keyValue={"a": 1})
    error = translate(driver.DuplicateKeyError(message, 11000, RawBSONDocument(bson.encode(details))), FIND_AND_UPDATE)
    assert (error.index_name, error.key_pattern) == ("a_1", {"a": 1})


def test_a_duplicate_key_code_without_its_class_is_one_for_writes_only():
    message = "E11000 duplicate key error collection: app.users index: a_1 dup key: { a: 1 }"
    assert type(translate(refusal(11000, message), INSERT_ONE)) is ours.DuplicateKeyError
    assert type(translate(refusal(11000, message), COMMAND)) is ours.QueryError


def test_a_write_error_names_the_path_it_is_about():
    error = translate(write_refusal(40, "Updating the path 'a.b' would create a conflict at 'a'"), UPDATE_ONE)
    assert type(error) is ours.WriteError
    assert (error.code, error.code_name) == (40, "ConflictingUpdateOperators")
    assert str(error) == "UpdateOne on app.users: Updating the path 'a.b' would create a conflict at 'a'"


def test_a_write_error_of_an_unknown_code_has_no_name():
    assert translate(write_refusal(171, "cannot index parallel arrays [j] [k]"), INSERT_ONE).code_name is None


def test_a_failed_validation_tells_the_rules_and_not_the_values():
    rule = {"operatorName": "bsonType", "specifiedAs": {"bsonType": "int"}, "reason": "type did not match"}
    broken = {"propertyName": "age", "details": [rule | {"consideredValue": SECRET, "consideredType": "string"}]}
    info = {
        "failingDocumentId": SECRET,
        "details": {
            "operatorName": "$jsonSchema",
            "schemaRulesNotSatisfied": [{"operatorName": "properties", "propertiesNotSatisfied": [broken]}],
        },
    }
    entry = write_refusal(121, "Document failed validation", errInfo=info)
    error = translate(entry, INSERT_ONE)
    assert str(error) == "InsertOne on app.users: Document failed validation: age (bsonType)"
    assert error.code_name == "DocumentValidationFailure"
    whole = driver.OperationFailure("x", 121, RawBSONDocument(bson.encode(reported(121, "x", "y", errInfo=info))))
    assert str(translate(whole, FIND_AND_UPDATE)) == "FindOneAndUpdate on app.users: x: age (bsonType)"


def test_a_failed_validation_without_an_explanation_is_told_as_it_is():
    error = translate(write_refusal(121, "Document failed validation"), INSERT_ONE)
    assert str(error) == "InsertOne on app.users: Document failed validation"


def test_one_write_of_a_batch_is_translated_with_what_is_given():
    error = write_error({"code": 2, "errmsg": "bad"}, {"code": 2, "outcome": "not_applied"}, "write 3")
    assert (str(error), error.code_name, error.outcome) == ("write 3: bad", "BadValue", "not_applied")


def bulk(*, write_errors=(), concerns=(), inserted=0, modified=0, upserted=(), labels=()):
    return driver.BulkWriteError(
        {
            "writeErrors": list(write_errors),
            "writeConcernErrors": list(concerns),
            "nInserted": inserted,
            "nUpserted": len(upserted),
            "nMatched": modified,
            "nModified": modified,
            "nRemoved": 0,
            "upserted": list(upserted),
            **({"errorLabels": list(labels)} if labels else {}),
        }
    )


DUPLICATE = {
    "index": 3,
    "code": 11000,
    "errmsg": f'E11000 duplicate key error collection: app.users index: a_1 dup key: {{ a: "{SECRET}" }}',
    "keyPattern": {"a": 1},
    "keyValue": {"a": SECRET},
    "op": {"_id": 1, "a": SECRET},
}
REFUSED = {"index": 5, "code": 121, "errmsg": "Document failed validation", "op": {"a": SECRET}}
UNACKNOWLEDGED = {"code": 64, "errmsg": "waiting for replication timed out", "errInfo": {"wtimeout": True}}


def test_a_failed_batch_tells_what_was_written_and_why_the_rest_was_not():
    error = translate(
        bulk(write_errors=[DUPLICATE, REFUSED], inserted=4, modified=2, upserted=[{"index": 7, "_id": "x"}]),
        INSERT_MANY,
    )
    assert type(error) is ours.BulkWriteError
    assert error.code == 65
    assert error.result == BulkWriteResult(4, 2, 2, 0, 1, {7: "x"})
    assert {index: type(one) for index, one in error.write_errors.items()} == {
        3: ours.DuplicateKeyError,
        5: ours.WriteError,
    }
    assert {one.outcome for one in error.write_errors.values()} == {"not_applied"}
    assert error.write_errors[3].index_name == "a_1"
    assert error.write_concern_errors == ()
    assert str(error) == (
        "2 of the writes failed, 4 inserted, 2 modified, 1 upserted before or beside them; see write_errors and result"
    )


def test_a_failed_batch_of_which_nothing_was_written_says_so():
    assert "nothing was written" in str(translate(bulk(write_errors=[DUPLICATE]), INSERT_MANY))


def test_no_text_of_a_failed_batch_holds_a_document():
    error = translate(bulk(write_errors=[DUPLICATE, REFUSED]), INSERT_MANY)
    assert not any(SECRET in str(one) for one in (error, *error.write_errors.values()))


def test_a_batch_that_was_not_acknowledged_was_applied():
    error = translate(bulk(concerns=[UNACKNOWLEDGED], inserted=2), INSERT_MANY)
    assert error.outcome == "applied"
    assert error.is_timeout
    assert [(one.code, one.outcome) for one in error.write_concern_errors] == [(64, "applied")]
    assert str(error).endswith("; 1 not acknowledged as asked")


def test_a_batch_of_which_a_part_was_written_has_an_unknown_outcome_as_a_whole():
    assert translate(bulk(write_errors=[DUPLICATE], inserted=3), INSERT_MANY).outcome == "unknown"


def test_a_batch_of_which_nothing_was_written_was_not_applied():
    assert translate(bulk(write_errors=[DUPLICATE]), INSERT_MANY).outcome == "not_applied"


def test_a_batch_keeps_its_labels():
    error = translate(bulk(concerns=[UNACKNOWLEDGED], inserted=2, labels=["RetryableWriteError"]), INSERT_MANY)
    assert error.labels == {"RetryableWriteError"}


# What is known of a write that failed


@pytest.mark.parametrize("operation", SINGLE_WRITES)
def test_a_refused_write_of_one_document_was_not_applied(operation):
    assert translate(refusal(13, "not authorized"), operation).outcome == "not_applied"


@pytest.mark.parametrize("operation", MANY_WRITES)
def test_a_refused_write_of_many_documents_may_have_changed_some(operation):
    error = translate(refusal(11601, "operation was interrupted"), operation)
    assert error.outcome == "unknown"
    assert str(error).endswith("; the write may have been applied")


@pytest.mark.parametrize("operation", [*SINGLE_WRITES, UPDATE_MANY, MERGE])
@pytest.mark.parametrize("kind", [driver.WTimeoutError, driver.WriteConcernError])
def test_a_write_that_was_not_acknowledged_was_applied(operation, kind):
    error = translate(unacknowledged(kind=kind, code=64 if kind is driver.WTimeoutError else 100), operation)
    assert type(error) is ours.WriteError
    assert error.outcome == "applied"
    assert error.is_timeout is (kind is driver.WTimeoutError)
    assert str(error).endswith("; the write was applied, but not acknowledged as asked, and may still be lost")


@pytest.mark.parametrize("operation", [*SINGLE_WRITES, *MANY_WRITES, COMMAND])
@pytest.mark.parametrize("kind", [driver.AutoReconnect, driver.NetworkTimeout, driver.ConnectionFailure])
def test_a_write_cut_off_or_timed_out_may_have_been_applied(operation, kind):
    error = translate(kind("localhost:27017: connection closed"), operation)
    assert error.outcome == "unknown"
    assert not error.is_retryable
    assert str(error).endswith("; the write may have been applied")


@pytest.mark.parametrize("operation", READS)
def test_a_read_has_no_outcome(operation):
    for error in (
        driver.AutoReconnect("cut"),
        driver.WaitQueueTimeoutError("full"),
        driver.ServerSelectionTimeoutError("none"),
        refusal(13),
        driver.InvalidOperation("no"),
        driver.ProtocolError("no"),
    ):
        assert translate(error, operation).outcome is None


@pytest.mark.parametrize("operation", READS)
def test_a_read_cut_off_may_be_asked_again(operation):
    assert translate(driver.AutoReconnect("cut"), operation).is_retryable
    assert translate(driver.NetworkTimeout("late"), operation).is_retryable


def test_a_write_cut_off_may_be_sent_again_where_the_driver_says_so():
    error = translate(labelled(driver.AutoReconnect("cut"), "RetryableWriteError"), INSERT_ONE)
    assert error.is_retryable
    assert error.outcome == "unknown"


def test_a_write_of_which_the_server_says_that_nothing_was_written_was_not_applied():
    error = translate(labelled(driver.AutoReconnect("cut"), "NoWritesPerformed"), INSERT_ONE)
    assert error.outcome == "not_applied"
    assert error.is_retryable


@pytest.mark.parametrize("operation", [*SINGLE_WRITES, *MANY_WRITES, COMMAND])
@pytest.mark.parametrize("kind", [driver.ServerSelectionTimeoutError, driver.WaitQueueTimeoutError])
def test_a_write_for_which_there_was_no_connection_was_not_applied(operation, kind):
    assert translate(at_attempt(0, kind("none")), operation).outcome == "not_applied"
    assert translate(kind("none"), operation).is_retryable


@pytest.mark.parametrize("operation", [*SINGLE_WRITES, *MANY_WRITES, COMMAND])
@pytest.mark.parametrize("kind", [driver.ServerSelectionTimeoutError, driver.WaitQueueTimeoutError])
def test_a_second_attempt_without_a_connection_leaves_the_first_ones_outcome_unknown(operation, kind):
    error = translate(at_attempt(1, kind("none")), operation)
    assert error.outcome == "unknown"
    assert not error.is_retryable


@pytest.mark.parametrize("code", [13, 18, 112])
def test_a_second_attempt_that_is_refused_leaves_the_first_ones_outcome_unknown(code):
    assert translate(at_attempt(1, refusal(code)), INSERT_ONE).outcome == "unknown"


def test_a_second_attempt_that_fails_as_a_write_shows_that_the_first_was_not_applied():
    error = at_attempt(1, write_refusal(11000, kind=driver.DuplicateKeyError))
    assert translate(error, INSERT_ONE).outcome == "not_applied"


def no_primary(code=10107):
    return driver.NotPrimaryError("not primary", reported(code, "not primary", "x"))


def cut():
    return driver.AutoReconnect("connection closed")


@pytest.mark.parametrize("code", [10107, 13435, 10058])
def test_a_write_that_only_members_without_the_right_met_was_not_applied(code):
    assert translate(at_attempt(0, no_primary(code)), INSERT_ONE).outcome == "not_applied"
    assert translate(at_attempt(1, no_primary(code), no_primary(code)), INSERT_ONE).outcome == "not_applied"


@pytest.mark.parametrize(
    ("operation", "number", "error", "earlier"),
    [
        (INSERT_ONE, 1, no_primary(), cut()),
        (INSERT_ONE, 1, cut(), no_primary()),
        (INSERT_ONE, 2, no_primary(), no_primary()),
        (INSERT_ONE, 0, no_primary(11602), None),
        (INSERT_MANY, 0, no_primary(), None),
        (UPDATE_MANY, 0, no_primary(), None),
        (COMMIT, 0, no_primary(), None),
    ],
)
def test_a_write_that_another_attempt_or_a_part_may_have_done_is_of_unknown_outcome(operation, number, error, earlier):
    assert translate(at_attempt(number, error, earlier), operation).outcome == "unknown"


def test_the_driver_still_counts_its_attempts_where_they_are_looked_for():
    source = inspect.getsource(mongo_client)
    assert "self._attempt_number += 1" in source
    assert "self._last_error = exc" in source


def test_a_refused_command_has_an_outcome_only_where_a_limit_ended_it():
    assert translate(refusal(59, "no such command: 'x'"), COMMAND).outcome is None
    assert translate(refusal(50, kind=driver.ExecutionTimeout), COMMAND).outcome == "unknown"


# Commits


@pytest.mark.parametrize(
    "error",
    [
        labelled(driver.AutoReconnect("cut"), UNKNOWN_COMMIT),
        labelled(driver.NetworkTimeout("late"), UNKNOWN_COMMIT),
        labelled(driver.ServerSelectionTimeoutError("none, Timeout: 30s, Topology Description: x"), UNKNOWN_COMMIT),
        labelled(driver.WaitQueueTimeoutError("full"), UNKNOWN_COMMIT),
        labelled(driver.NotPrimaryError("not primary", reported(91, "shutting down", "x")), UNKNOWN_COMMIT),
        refusal(50, kind=driver.ExecutionTimeout, labels=[UNKNOWN_COMMIT]),
        unacknowledged(labels=[UNKNOWN_COMMIT]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_commit_of_unknown_outcome_is_never_called_failed(error):
    found = translate(error, COMMIT)
    assert type(found) is ours.CommitError
    assert found.outcome == "unknown"
    assert found.is_retryable
    assert str(found).endswith("; whether the transaction was committed is unknown")


def test_a_commit_cut_off_without_a_label_has_an_unknown_outcome():
    assert translate(driver.AutoReconnect("cut"), COMMIT).outcome == "unknown"


def test_a_refused_commit_was_not_applied():
    error = translate(refusal(251, "no such transaction", labels=["TransientTransactionError"]), COMMIT)
    assert type(error) is ours.CommitError
    assert error.outcome == "not_applied"
    assert error.is_transient
    assert "unknown" not in str(error)


def test_a_commit_that_was_not_acknowledged_was_applied():
    error = translate(unacknowledged(100, kind=driver.WriteConcernError), COMMIT)
    assert error.outcome == "applied"
    assert str(error).endswith("; the transaction was committed, but not acknowledged as asked")


def test_a_commit_without_a_transaction_was_not_applied():
    error = translate(driver.InvalidOperation("No transaction started"), COMMIT)
    assert type(error) is ours.TransactionError
    assert error.outcome == "not_applied"


# Connections


def test_no_server_tells_the_causes_without_the_topology():
    text = (
        "a:1: [Errno 111] Connection refused (configured timeouts: socketTimeoutMS: 20000.0ms, connectTimeoutMS: "
        "20000.0ms),b:2: timed out (configured timeouts: connectTimeoutMS: 20000.0ms), Timeout: 2.5s, Topology "
        "Description: <TopologyDescription id: 6b, servers: [...]>"
    )
    error = translate(driver.ServerSelectionTimeoutError(text), INSERT_ONE)
    assert type(error) is ours.ServerSelectionError
    assert str(error) == "no suitable server within 2.5 s: a:1: [Errno 111] Connection refused,b:2: timed out"
    assert error.timeout == timedelta(seconds=2.5)
    assert error.is_timeout


def test_no_server_without_a_limit_in_the_text_takes_the_clients():
    error = translate(driver.ServerSelectionTimeoutError("No servers match selector"))
    assert error.timeout == timedelta(seconds=30)
    assert str(error) == "no suitable server within 30 s: No servers match selector"


def test_no_server_because_of_the_credentials_is_an_authentication_error():
    error = translate(driver.ServerSelectionTimeoutError("Authentication failed., full error: {'ok': 0}, Timeout: 30s"))
    assert type(error) is ours.AuthenticationError
    assert (error.code, error.code_name) == (18, "AuthenticationFailed")


def test_the_servers_whole_reply_stays_out_of_the_text():
    error = translate(driver.ServerSelectionTimeoutError(f"no, full error: {{'hash': '{SECRET}'}}, Timeout: 30s"))
    assert SECRET not in str(error)
    error = translate(
        driver.NotPrimaryError("not primary", reported(10107, "not primary", "x", hash=SECRET)), INSERT_ONE
    )
    assert str(error) == "InsertOne on app.users: not primary"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "h:1: SSL handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired",
            "certificate has expired",
        ),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate", "of an unknown authority"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", "is self-signed"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] Hostname mismatch", "for another host name"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] something else", "could not be verified"),
        ("SSL handshake failed: [SSL: WRONG_VERSION_NUMBER] wrong version number", "does not speak TLS"),
        ("SSL handshake failed: [Errno 104] Connection reset by peer", "is the server's port a TLS port"),
    ],
)
@pytest.mark.parametrize("kind", [driver.ServerSelectionTimeoutError, driver.AutoReconnect])
def test_a_failed_handshake_says_what_to_mend(text, cause, kind):
    error = translate(kind(text))
    assert type(error) is ours.TlsError
    assert cause in str(error)
    assert not error.is_retryable


def test_a_full_pool_tells_how_long_was_waited():
    text = "Timed out while checking out a connection from connection pool. maxPoolSize: 1, timeout: 0.2"
    error = translate(driver.WaitQueueTimeoutError(text), INSERT_ONE)
    assert type(error) is ours.PoolExhaustedError
    assert str(error).startswith("no connection became free within 0.2 s; raise max_pool_size")
    assert error.is_timeout
    assert error.is_retryable


def test_a_full_pool_without_a_limit_in_the_text_takes_the_clients():
    assert "within 10 s" in str(translate(driver.WaitQueueTimeoutError("full")))


def test_a_connection_that_broke_may_be_tried_again_by_a_read():
    error = translate(
        driver.AutoReconnect("localhost:27017: connection closed (configured timeouts: timeoutMS: 5.0ms)")
    )
    assert type(error) is ours.MongoConnectionError
    assert str(error) == "Find on app.users: localhost:27017: connection closed"
    assert error.is_retryable
    assert not error.is_timeout


def test_a_silent_server_is_a_timeout_with_the_limit_that_ended_it():
    text = "localhost:27017: timed out (configured timeouts: timeoutMS: 300.0ms, connectTimeoutMS: 20000.0ms)"
    error = translate(driver.NetworkTimeout(text), INSERT_ONE)
    assert type(error) is ours.OperationTimeoutError
    assert error.timeout == timedelta(milliseconds=300)
    assert str(error) == "InsertOne on app.users: localhost:27017: timed out; the write may have been applied"
    assert translate(driver.NetworkTimeout("timed out")).timeout is None


# Misuse, configuration and what is not the server's


def test_a_closed_client_is_a_client_state_error():
    error = translate(driver.InvalidOperation("Cannot use AsyncMongoClient after close"), INSERT_ONE)
    assert type(error) is ours.ClientStateError
    assert error.outcome == "not_applied"


def test_misuse_of_a_session_is_a_transaction_error():
    refused = driver.InvalidOperation("Cannot use ended session")
    assert type(translate(refused, op.InsertOne(*IN_SESSION, EMPTY, InsertOptions()))) is ours.TransactionError
    assert type(translate(driver.InvalidOperation("Transaction already in progress"), START)) is ours.TransactionError
    assert type(translate(refused, INSERT_ONE)) is ours.QueryError


@pytest.mark.parametrize(
    "text",
    [
        "The DNS query name does not exist: _mongodb._tcp.nowhere.example.",
        "The resolution lifetime expired after 21.0 seconds: Server Do53:127.0.0.1@53 answered nothing.",
        "All nameservers failed to answer the query _mongodb._tcp.nowhere.example. IN SRV",
    ],
)
def test_a_missing_srv_record_is_a_connection_error(text):
    error = translate(driver.ConfigurationError(text))
    assert type(error) is ours.MongoConnectionError
    assert str(error) == f"the host's SRV record was not found: {text}"


def test_an_old_server_is_a_connection_error_that_tells_the_versions():
    text = "Server at localhost:27017 reports wire version 5, but this version of PyMongo requires at least 7."
    error = translate(driver.ConfigurationError(text), INSERT_ONE)
    assert type(error) is ours.MongoConnectionError
    assert (str(error), error.outcome) == (text, "not_applied")


def test_any_other_option_refused_is_a_configuration_error():
    error = translate(driver.ConfigurationError("Collation is unsupported for unacknowledged writes."))
    assert type(error) is ours.ConfigError
    assert error.field == "options"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TypeError("sort must be an instance of dict"), "sort must be an instance of dict"),
        (ValueError(f"not a valid value: '{SECRET}'"), "not a valid value: ?"),
        (OverflowError("BSON can only handle up to 8-byte ints"), "BSON can only handle up to"),
        (RecursionError("maximum recursion depth exceeded"), "maximum recursion depth exceeded"),
        (driver.InvalidName(f"collection names must not contain '$': '{SECRET}'"), "must not contain '$': ?"),
        (InvalidDocument(f"cannot encode object: {SECRET}"), "value hidden"),
        (UnicodeEncodeError("utf-8", SECRET, 0, 1, "surrogates not allowed"), "value hidden"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_encoded_is_a_serialization_error_without_the_value(error, text):
    found = translate(error, INSERT_ONE)
    assert type(found) is ours.SerializationError
    assert type(error).__name__ in str(found)
    assert text in str(found)
    assert SECRET not in str(found)
    assert found.outcome == "not_applied"


@pytest.mark.parametrize(
    ("operation", "size", "outcome"),
    [
        (INSERT_ONE, len(INSERT_ONE.document), "not_applied"),
        (UPDATE_ONE, len(UPDATE_ONE.update), "not_applied"),
        # An earlier batch may have been sent.
        (INSERT_MANY, len(INSERT_MANY.documents[1]), "unknown"),
        (op.UpdateOne(*TARGET, EMPTY, (EMPTY,), UpdateOptions()), len(EMPTY), "not_applied"),
        (START, 0, "not_applied"),
    ],
)
def test_a_document_too_large_tells_its_size(operation, size, outcome):
    error = translate(driver.DocumentTooLarge("BSON document too large"), operation)
    assert type(error) is ours.DocumentTooLargeError
    assert (error.size, error.outcome) == (size, outcome)


def test_an_answer_that_cannot_be_read_leaves_a_writes_outcome_unknown():
    error = translate(InvalidBSON("year 60000 is out of range"), INSERT_ONE)
    assert type(error) is ours.UnknownError
    assert error.outcome == "unknown"
    assert str(error) == "InvalidBSON in the driver"
    assert translate(InvalidBSON("x"), FIND).outcome is None


def test_a_driver_error_that_no_rule_knows_is_unknown():
    error = translate(driver.ProtocolError(f"Got response id '{SECRET}' but expected 2"), INSERT_ONE)
    assert type(error) is ours.UnknownError
    assert str(error) == "Got response id ?"
    assert error.outcome == "unknown"


def test_an_error_of_ours_is_not_touched():
    error = ours.TransactionError("two operations at once")
    assert translate(error) is error


def test_neither_our_errors_nor_a_cancellation_count_as_the_drivers():
    assert not issubclass(ours.MongoError, DRIVER_ERRORS)
    assert not any(issubclass(kind, DRIVER_ERRORS) for kind in (TimeoutError, OSError, RuntimeError, BaseException))


def every_class(kind):
    return {kind}.union(*(every_class(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize(
    "operation", [INSERT_ONE, INSERT_MANY, FIND, COMMIT, COMMAND, HEALTH], ids=lambda o: type(o).__name__
)
@pytest.mark.parametrize(
    "kind", sorted(every_class(driver.PyMongoError), key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__
)
def test_every_error_of_the_driver_becomes_one_of_ours_that_pickles(kind, operation):
    if issubclass(kind, driver.BulkWriteError):
        error = bulk(write_errors=[DUPLICATE])
    elif kind is driver.ClientBulkWriteException:
        error = kind({"writeErrors": []}, verbose=False)
    elif issubclass(kind, driver.OperationFailure):
        error = kind("no", 8, reported(8, "no", "UnknownError"))
    elif kind is driver.EncryptedCollectionError:
        error = kind(ValueError("no"), {})
    elif issubclass(kind, driver.EncryptionError):
        error = kind(ValueError("no"))
    else:
        error = kind("no")
    found = translate(error, operation)
    assert isinstance(found, ours.MongoError)
    copy = pickle.loads(pickle.dumps(found))
    assert (type(copy), str(copy), copy.outcome, copy.labels) == (type(found), str(found), found.outcome, found.labels)


def test_a_built_in_error_is_the_drivers_only_where_the_driver_raised_it():
    with pytest.raises(TypeError) as ours_own:
        len(5)  # type: ignore[arg-type]  # the mistake is the point
    with pytest.raises(OverflowError) as drivers:
        bson.encode({"a": 2**64})

    assert not is_of_driver(ours_own.value)
    assert is_of_driver(drivers.value)
    assert is_of_driver(driver.PyMongoError())

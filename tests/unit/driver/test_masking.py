"""Real messages of a mongod 6.0.5, and values that try to get through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.transports.driver.masking import masked

SECRET = "S3CRET"

KEPT_WHOLE = [
    "unknown operator: $foo",
    (
        "unknown top level operator: $foo. If you have a field name that starts with a '$' symbol, consider using "
        "$getField or $setField."
    ),
    "$in needs an array",
    "$and/$or/$nor must be a nonempty array",
    "Regular expression is invalid: missing )",
    "Can't have regex as arg to $ne.",
    "Can't have RegEx as arg to predicate over field 'a'.",
    "Unrecognized expression '$foo'",
    "FieldPath must not end with a '.'.",
    "text index required for $text query",
    "Cannot do exclusion on field b in inclusion projection",
    "Path collision at a.b remaining portion b",
    "elemMatch: Invalid argument, object required, but got string",
    "BSON field 'collation.zebra' is an unknown field.",
    "BSON field 'FindCommandRequest.limit' is the wrong type 'string', expected types '[long, int, decimal, double']",
    "BSON field 'createUser.pwd' is the wrong type 'int', expected type 'string'",
    "BSON field 'killCursors.cursors' is missing but a required field",
    "Updating the path 'doc.x.y' would create a conflict at 'doc.x'",
    "The argument to $each in $push must be an array but it was of type: string",
    "Unrecognized clause in $push: $zebra",
    "Cannot apply $addToSet to non-array field. Field named 'a' has non-array type string",
    "The positional operator did not find the match needed from the query.",
    "No array filter found for identifier 'e' in path 'arr.$[e]'",
    "Performing an update on the path '_id' would modify the immutable field '_id'",
    "The update path 'a..b' contains an empty field name, which is not allowed.",
    "Unknown modifier: b. Expected a valid update modifier or pipeline-style update specified as an array",
    "$match is not allowed to be used within an update",
    "The '_id' value cannot be of type array",
    "cannot infer query fields to set, path 'q' is matched twice",
    "cannot index parallel arrays [j] [k]",
    "Document failed validation",
    (
        "WriteConflict error: this operation conflicted with another operation. Please retry your operation or "
        "multi-document transaction."
    ),
    "Unrecognized pipeline stage name: '$zebra'",
    "unknown group operator '$zebra'",
    "Invalid $project :: caused by :: Cannot do exclusion on field b in inclusion projection",
    "Executor error during getMore :: caused by :: can't $divide by zero",
    "Executor error during getMore :: caused by :: $arrayElemAt's first argument must be an array, but is string",
    "$in requires an array as a second argument, found: string",
    "Invalid Regex in $regexMatch: missing )",
    "$lookup 'from' field must be a string, but found int",
    "$geoNear requires a 'distanceField' option as a String",
    "$setField requires 'field' to evaluate to type String, but got int",
    "namespace 'app.log' is capped so it can't be used for $out",
    "no such command: 'zebra'",
    "Namespace app.view is a view, not a collection",
    "Collection 'app.nosuch' does not exist to validate.",
    "ns not found",
    "Passing a 'hint' is required when using the min/max query option to ensure the query utilizes the correct index",
    "AsyncCollection.update_many() got an unexpected keyword argument 'sort'",
    "unable to find index for $geoNear query in a 2dsphere index",
]

SHORTENED = {
    'Failed to parse $size. Expected a number in: $size: "S3CRET"': (
        "Failed to parse $size. Expected a number in: $size: ?"
    ),
    "Unknown type name alias: S3CRET": "Unknown type name alias: ?",
    "language override unsupported: S3CRET": "language override unsupported: ?",
    "Use of undefined variable: S3CRET": "Use of undefined variable: ?",
    "path option to $unwind stage should be prefixed with a '$': S3CRET": (
        "path option to $unwind stage should be prefixed with a '$': ?"
    ),
    "Received authentication for mechanism S3CRET which is not enabled": "Received authentication for mechanism ?",
    "Executor error during find command :: caused by :: Error: S3CRET :\n@:1:21\n": (
        "Executor error during find command :: caused by :: Error: ?"
    ),
    'Illegal key in $sort specification: a: "S3CRET"': "Illegal key in $sort specification: a: ?",
    "The 'to' field for $rename must be a string: a: 987654321": "The 'to' field for $rename must be a string: a: ?",
    "Field 'locale' is invalid in: { locale: \"S3CRET\" }": "Field 'locale' is invalid in: ?",
    "BSON field 'strength' value must be <= 5, actual value '987654321'": (
        "BSON field 'strength' value must be <= ?, actual value ?"
    ),
    "Enumeration value 'S3CRET' for field 'collation.caseFirst' is not a valid value.": (
        "Enumeration value ? for field 'collation.caseFirst' is not a valid value."
    ),
    "Cannot apply $inc to a value of non-numeric type. {_id: 'S3CRET'} has the field 'a' of non-numeric type string": (
        "Cannot apply $inc to a value of non-numeric type. ? has the field 'a' of non-numeric type string"
    ),
    "The field 'a' must be an array but is of type string in document {_id: ObjectId('6b035cd7c6866375b841054e')}": (
        "The field 'a' must be an array but is of type string in document ?"
    ),
    "Cannot create field 'b' in element {a: \"S3CRET\"}": "Cannot create field 'b' in element ?",
    "After applying the update, the (immutable) field '_id' was found to have been altered to _id: \"S3CRET\"": (
        "After applying the update, the (immutable) field '_id' was found to have been altered to _id: ?"
    ),
    "Failed to parse number 'S3CRET it's {a: \"x\" } } y' in $convert with no onError value: Did not consume": (
        "Failed to parse number ?"
    ),
    "Can't extract geo keys: { _id: ObjectId('6b035cd7a2de8c7ecd1269d6'), loc: \"S3CRET\" }  Point must only contain "
    "numeric elements": "Can't extract geo keys: ? Point must only contain numeric elements",
    "Invalid 'let' parameter :: caused by :: 'S3CRET' starts with an invalid character for a user variable name": (
        "Invalid 'let' parameter :: caused by :: ? starts with an invalid character for a user variable name"
    ),
    "Expression $divide takes exactly 2 arguments. 1 were passed in.": (
        "Expression $divide takes exactly ? arguments. ? were passed in."
    ),
    "cursor id 987654321 not found": "cursor id ? not found",
    "$log's argument must be a positive number, but is -9.87654e+08": (
        "$log's argument must be a positive number, but is ?"
    ),
    "cannot apply $acos to .5, value must be in [-1,1]": "cannot apply $acos to ?, value must be in ?",
    "BSONObj size: 18874532 (0x12000A4) is invalid. Size must be between 0 and 16793600(16MB) First element: _id: 1": (
        "BSONObj size: ? (?) is invalid. Size must be between ? and ?(?) First element: ?"
    ),
    'Expression not supported in partial index: $not\n    a $eq "S3CRET"\n': (
        "Expression not supported in partial index: $not?"
    ),
    'error processing query: ns=app.cTree: a $eq "S3CRET"\nSort: {}\nProj: {}\nCollation: { locale: "simple" }\n'
    " planner returned error :: caused by :: hint provided does not correspond to an existing index": (
        "hint provided does not correspond to an existing index"
    ),
    "error processing query: ns=a.bTree: $and\nSort: {}\nProj: {}\n tailable cursor requested on non capped": (
        "tailable cursor requested on non capped"
    ),
    'not authorized on app to execute command { find: "users", filter: { ssn: "S3CRET" } }': (
        "not authorized on app to execute command ?"
    ),
    "collection names must not contain '$': 'a$b'": "collection names must not contain '$': ?",
    'index: email_1 dup key: { email: "cut off by the serv': "index: email_1 dup key: ?",
    " invalid flag in regex options: z": "invalid flag in regex options: ?",
    "": "",
}


@pytest.mark.parametrize("message", KEPT_WHOLE)
def test_names_operators_and_the_servers_own_words_are_kept(message):
    assert masked(message) == message


@pytest.mark.parametrize(("message", "expected"), SHORTENED.items())
def test_what_may_be_a_value_is_replaced(message, expected):
    assert masked(message) == expected


def test_a_long_text_is_cut():
    assert len(masked("word " * 200)) == 300


# Every way in which the server was seen to echo a value, with the words it puts around it.
ECHOES = [
    'E11000 duplicate key error collection: app.users index: email_1 dup key: {{ email: "{value}" }}',
    'E11000 duplicate key error collection: a.users index: a b dup key: {{ a: {{ x: "{value}", y: [ "{value}" ] }} }}',
    "E11000 duplicate key error collection: app.users index: code_1 dup key: {{ code: {value} }}",
    "E11000 duplicate key error collection: app.users index: code_1 dup key: {{ code: /{value}/i }}",
    "Failed to parse number '{value}' in $convert with no onError value: Did not consume whole string.",
    "Plan executor error during update :: caused by :: Failed to parse objectId '{value}' in $convert",
    "Error parsing date string '{value}'; 0: Unexpected data found. '{value}'; 2: Trailing data '{value}'",
    (
        "'newRoot' expression  must evaluate to an object, but resulting value was: \"{value}\". Type of resulting "
        "value: 'string'. Input document: {{a: \"{value}\"}}"
    ),
    "Enumeration value '{value}' for field 'create.validationLevel' is not a valid value.",
    "Cannot create field 'b' in element {{a: \"{value}\"}}",
    "Cannot apply $inc to a value of non-numeric type. {{_id: '{value}'}} has the field 'a' of non-numeric type string",
    "The field 'a' must be an array but is of type string in document {{_id: \"{value}\"}}",
    (
        "Can't extract geo keys: {{ _id: ObjectId('6b035cd7a2de8c7ecd1269d6'), loc: \"{value}\" }}  Point must only "
        "contain numeric elements"
    ),
    "The source field cannot be an array element, 'arr.0' in doc with _id: \"{value}\" has an array field called 'arr'",
    '$mergeObjects requires object inputs, but input "{value}" is of type string',
    "User '{value}@app' not found",
    "index not found with name [{value}]",
    'unrecognized time zone identifier: "{value}"',
    "Unknown type name alias: {value}",
    "unknown time unit value: {value}",
    "uncaught exception: {value}",
    "Use of undefined variable: {value}",
    "Could not find role: {value}@app",
    "no `{value}` here",
    "{{ a: {value} }} is not valid for '$match'; a collection is required.",
    "bad value /{value}/ given",
    "wrong id ObjectId({value}) given",
    "wrong data BinData(0, {value}) given",
    "wrong words\n{value}",
    (
        'error processing query: ns=app.cTree: a $eq "{value}"\nSort: {{}}\nProj: {{}}\n planner returned error '
        ":: caused by :: hint provided does not correspond to an existing index"
    ),
]
PIECES = [
    '"',
    "'",
    "`",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":",
    ": ",
    "::",
    "/",
    "\\",
    "\n",
    " ",
    ",",
    ".",
    "$",
    "$x",
    "a",
    "'s ",
]
PIECES += [
    "field 'x'",
    "path 'a'",
    "ObjectId('",
    "§",
    "7",
    "it's",
    "caused by :: ",
    " type 'string'",
    "unknown operator: $x",
]

hidden_values = st.lists(st.sampled_from(PIECES), max_size=8).map(
    lambda pieces: SECRET + "".join(piece + SECRET for piece in pieces)
)


@pytest.mark.parametrize("before", ["", "Plan executor error during update :: caused by :: "])
def test_what_the_storage_engine_says_is_kept_without_its_number(before: str) -> None:
    reason = "transaction is too large and will not fit in the storage engine cache"

    assert masked(f"{before}-31800: {reason}") == f"{before}{reason}"
    assert masked(f"{before}-31802: WT_ERROR: {SECRET}") == f"{before}WT_ERROR: ?"
    assert SECRET not in masked(f"{before}-5: {SECRET}")


@pytest.mark.parametrize("echo", ECHOES)
@given(value=hidden_values)
def test_no_echoed_value_survives(echo, value):
    assert SECRET not in masked(echo.format(value=value))


@pytest.mark.parametrize("echo", ECHOES)
@given(value=hidden_values, end=st.integers(min_value=0, max_value=300))
def test_no_echoed_value_survives_where_the_text_is_cut_off(echo, value, end):
    assert SECRET not in masked(echo.format(value=value)[:end])


@pytest.mark.parametrize("echo", ECHOES)
@given(
    number=st.integers(min_value=100_000, max_value=2**70) | st.floats(min_value=1e5, max_value=1e15),
    sign=st.sampled_from(["", "-"]),
)
def test_no_number_survives(echo, number, sign):
    assert str(number) not in masked(echo.format(value=f"{sign}{number}"))


@given(
    words=st.lists(
        st.sampled_from(["must", "be", "less", "than", "but", "was", "(", ")", "or", ",", "$limit"]), max_size=6
    ),
    number=st.integers(min_value=10, max_value=2**70) | st.floats(min_value=10, max_value=1e300),
    sign=st.sampled_from(["", "-"]),
)
def test_no_number_among_words_survives(words, number, sign):
    assert str(number) not in masked(" ".join([*words, f"{sign}{number}", *words]))

"""Strict JSON: sound values are returned equal, faults are given with their place, in time."""

import gc
import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.json.places import JsonError
from models.json.reader import JsonLimits, decode, parse, parse_loosely, parse_values

LIMITS = JsonLimits(depth=20)


@pytest.mark.parametrize(
    ("text", "reason", "path"),
    [
        pytest.param('{"a":{"b":[1,{"x":1,"x":2}]}}', "duplicate_key", "a.b[1].x", id="duplicate"),
        pytest.param('{"a":1,"\\u0061":2}', "duplicate_key", "a", id="escaped duplicate"),
        pytest.param('{"a" :1,"a":2}', "duplicate_key", "a", id="duplicate, with a blank"),
        pytest.param('{"a":1,"a"\n:"\\":"}', "duplicate_key", "a", id="duplicate, end in text"),
        pytest.param('{"a":[1,NaN]}', "bad_number", "a[1]", id="NaN"),
        pytest.param('{"a":{"b":Infinity}}', "bad_number", "a.b", id="Infinity"),
        pytest.param('{"a":-Infinity}', "bad_number", "a", id="minus Infinity"),
        pytest.param('{"a":1e999}', "bad_number", "a", id="float out of range"),
        pytest.param('{"a":9223372036854775808}', "bad_number", "a", id="more than 64 bits"),
        pytest.param('{"a":' + "9" * 10_000 + "}", "bad_number", "a", id="many digits"),
        pytest.param('{"a":"\\ud800"}', "bad_text", "a", id="half a pair"),
        pytest.param('{"\\udc00":1}', "bad_text", '"?"', id="half a pair in a key"),
        pytest.param('{"a.b":{"a\\u0000":1}}', "bad_text", '"a.b"."a\\u0000"', id="NUL in a key"),
        pytest.param("[" * 21 + "]" * 21, "too_deep", "[0]" * 21, id="deep"),
        pytest.param('{"a":[1,]}', "not_json", "a[1]", id="trailing comma"),
        pytest.param('{"a":[1,2', "not_json", "a[1]", id="cut"),
        pytest.param('{"a":01}', "not_json", "a", id="leading zero"),
        pytest.param('{"a":tru}', "not_json", "a", id="bad word"),
        pytest.param("{'a':1}", "not_json", "", id="wrong quotes"),
        pytest.param('{"a":"\n"}', "not_json", "a", id="control character"),
        pytest.param('{"a":1} x', "not_json", "", id="something follows"),
        pytest.param('{"a":1 /* no */}', "not_json", "a", id="comment"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, reason: str, path: str) -> None:
    with pytest.raises(JsonError) as caught:
        parse(text, LIMITS)
    assert (caught.value.reason, caught.value.path) == (reason, path.removesuffix("[0]"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"a":2}', "duplicate_key"), ('{"a":1e999}', "bad_number"), ("[NaN]", "bad_number"),
        ('["\\ud800"]', "bad_text"), ('{"\\u0000":1}', "bad_text"),
        ("[" * 21 + "]" * 21, "too_deep"), ("[" * 200_000, "too_deep"), ("[1,]", "not_json"),
    ],
)  # fmt: skip
def test_in_a_long_text_the_place_is_not_looked_for(text: str, reason: str) -> None:
    with pytest.raises(JsonError) as caught:
        parse(text, JsonLimits(depth=20, located=len(text) - 1), "x")
    assert (caught.value.reason, caught.value.path) == (reason, "x")
    with pytest.raises(JsonError, match=caught.value.text):
        parse(text, JsonLimits(depth=20, located=len(text)))


def test_pairs_of_surrogates_and_nul_in_values_are_read() -> None:
    assert parse('{"\\ud83d\\ude00":"\\u0000"}', LIMITS) == {"\U0001f600": "\0"}


@pytest.mark.parametrize(
    ("text", "value"), [('{"a":1,"a":2}', {"a": 2}), ("[18446744073709551616]", [2.0**64])]
)
def test_a_loose_reading_accepts_duplicates_and_large_integers(text: str, value: Any) -> None:
    assert parse_loosely(text) == value


@pytest.mark.parametrize("text", ["", "[1,]", "[NaN]", "[1e999]", '["\\ud800"]', "[" * 5000])
def test_a_loose_reading_refuses_what_is_not_json(text: str) -> None:
    with pytest.raises(JsonError):
        parse_loosely(text)


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse("[" * 20 + "]" * 20, LIMITS) is not None


@pytest.mark.slow
@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_a_deep_bomb_is_refused_in_time(opening: str) -> None:
    start = time.process_time()
    with pytest.raises(JsonError, match="too_deep") as caught:
        parse(opening * 200_000, LIMITS)
    assert len(str(caught.value)) < 500
    assert time.process_time() - start < 10


def test_an_item_that_is_too_deep_costs_itself() -> None:
    text = f"[{'[' * 99}1{']' * 99}, 2, {{'a': 1}}]".replace("'", '"')
    assert listed(text) == ["too_deep", 2, {"a": 1}]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" + "[]," * 2**20 + "[]]", id="lists"),
        pytest.param("[" + '"",' * 2**21 + "1]", id="texts"),
        pytest.param('{"a":1}\n' + "{}\n" * 2**20, id="lines of objects"),
        pytest.param('{"a":1}\n' + "1\n" * 2**21, id="lines of numbers"),
        pytest.param('{"a":1}\n' + "\n" * 2**21 + "{}", id="empty lines"),
    ],
)
def test_more_than_a_million_values_must_have_some_length(text: str) -> None:
    tracemalloc.start()
    try:
        (value,) = parse_values(text, JsonLimits())
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    assert value.error is not None
    assert value.error.reason == "too_many_values"
    assert "of less than 8 characters on average" in value.error.detail


def test_so_they_must_in_what_is_read_loosely() -> None:
    with pytest.raises(JsonError, match="of less than 8 characters"):
        parse_loosely("[" + "[]," * 2**20 + "[]]")
    assert len(parse_loosely('["' + '12345678","' * 2**20 + '"]')) == 2**20 + 1


@pytest.mark.parametrize("text", ["[1,2,3,4]", "1 2 3 4", '{"a":1}\n{}\n{}\n{}'])
def test_values_that_follow_each_other_are_limited(text: str) -> None:
    assert len(list(parse_values(text, JsonLimits(items=4)))) == 4
    *whole, last = parse_values(text, JsonLimits(items=3))
    assert [value.error for value in whole] == [None] * 3
    assert last.error is not None
    assert last.error.text == "more than 3 values follow each other"


def test_many_values_are_refused_before_they_take_memory() -> None:
    with pytest.raises(JsonError, match="more than 100 values"):
        parse("[" + "[]," * 100 + "[]]", JsonLimits(values=100))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b" \n", "empty", id="blanks"),
        pytest.param(b"\xff\xfe{", "not_utf8", id="UTF-16"),
        pytest.param(b'"' + b"x" * 200 + b'"', "too_large", id="large"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(JsonError) as caught:
        decode(data, JsonLimits(size=100))
    assert caught.value.reason == reason


def test_a_byte_order_mark_is_passed_over() -> None:
    assert decode(b"\xef\xbb\xbf{}", LIMITS) == "{}"


def listed(text: str) -> list[Any]:
    """Return each value, or the reason why it is none."""
    return [
        each.content if each.error is None else each.error.reason
        for each in parse_values(text, LIMITS)
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('{"a":1}', [{"a": 1}], id="one"),
        pytest.param("[]", [], id="no item"),
        pytest.param(' [ {"a":1} , 2 ] ', [{"a": 1}, 2], id="array"),
        pytest.param('[{"a":NaN},{"b":1}]', ["bad_number", {"b": 1}], id="bad item"),
        pytest.param('[{"a":1},{"b":]', [{"a": 1}, "not_json"], id="broken item"),
        pytest.param('[{"a":1} {"b":1}]', [{"a": 1}, "not_json"], id="no comma"),
        pytest.param('[{"a":1}', [{"a": 1}, "not_json"], id="no end"),
        pytest.param("[1] 2", [1, "not_json"], id="something after the array"),
        pytest.param('{"a":1}\n\n{"b":1}\n', [{"a": 1}, {"b": 1}], id="lines"),
        pytest.param('{"a":1}\r\n{"b":\n{"c":1}', [{"a": 1}, "not_json", {"c": 1}], id="bad line"),
        pytest.param('{\n"a":1\n}\n{\n"b":1}', [{"a": 1}, {"b": 1}], id="sequence"),
        pytest.param('{"a":1}{"b":x}{"c":1}', [{"a": 1}, "not_json"], id="broken sequence"),
        pytest.param('{"a":NaN}{"c":1}', ["bad_number", {"c": 1}], id="bad value in a sequence"),
    ],
)
def test_one_bad_value_costs_itself(text: str, found: list[Any]) -> None:
    assert listed(text) == found


def test_places_name_the_item() -> None:
    assert [each.place for each in parse_values("[1,2]", LIMITS)] == ["[0]", "[1]"]
    assert [each.place for each in parse_values('{"a":1}\n\n{"b":1}', LIMITS)] == [
        "line 1",
        "line 3",
    ]
    (error,) = (each.error for each in parse_values('[{"a":[NaN]}]', LIMITS))
    assert error is not None
    assert error.path == "[0].a[0]"


@pytest.mark.slow
@pytest.mark.parametrize("item", ['{"a":NaN}', '{"a":"\\ud800"}', "{", '{"a":1,"a":1}', "[]"])
@pytest.mark.parametrize("form", ["array", "lines"])
def test_work_grows_with_the_number_of_bad_items_and_no_faster(item: str, form: str) -> None:
    def seconds(count: int) -> float:
        text = f"[{','.join([item] * count)}]"
        if form == "lines":
            text = '{"a":1}\n' + f"{item}\n" * count
        gc.disable()
        start = time.process_time()
        assert list(parse_values(text, LIMITS))
        gc.enable()
        return time.process_time() - start

    assert seconds(32_000) < 40 * max(seconds(4_000), 0.02)


_SOUND = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(_SOUND, st.booleans(), st.sampled_from([None, 2]))
def test_what_is_sound_comes_back_equal(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert json.dumps(parse(text, JsonLimits())) == json.dumps(value)


_TEXTS = st.sampled_from(["a", "b", "", '":', ' "\\":', " :"])
_BLANKS = st.sampled_from(["", " ", "\n", "\t "])


@given(st.lists(st.tuples(_TEXTS, _BLANKS, _BLANKS, _TEXTS), max_size=4))
def test_a_key_never_stands_twice(pairs: list[tuple[str, str, str, str]]) -> None:
    members = (
        f"{json.dumps(key)}{before}:{after}{json.dumps(value)}"
        for key, before, after, value in pairs
    )
    text = f'{{"x":[{{{",".join(members)}}}]}}'
    values = {key: value for key, _, _, value in pairs}
    if len(values) == len(pairs):
        assert parse(text, JsonLimits()) == {"x": [values]}
    else:
        with pytest.raises(JsonError, match="twice"):
            parse(text, JsonLimits())


@given(st.text(max_size=60) | st.text(alphabet='{}[],:"\\au01eN-. \n', max_size=60))
def test_any_text_is_read_or_refused_as_json_does(text: str) -> None:
    try:
        sound = json.loads(text)
    except (ValueError, RecursionError):
        sound = None
    try:
        found = parse(text, LIMITS)
    except JsonError:
        return
    assert json.dumps(found) == json.dumps(sound)

"""spec.yaml of old installations."""

import json
import time
from datetime import date
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingest.archives.yaml_file import parse_values
from ingest.specs.limits import SpecLimits
from tests.support.spec_documents import FORMATS, diamond, document, documents, reasons, same

LIMITS = SpecLimits(depth=20, values=1000)


def read(text: str) -> list[Any]:
    """Return each value, or the reason why it is none."""
    return [
        each.content if each.error is None else each.error.reason
        for each in parse_values(text, LIMITS)
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_a_document_is_that_of_its_json(form: int) -> None:
    given = document(diamond(form), form)
    text = yaml.safe_dump(json.loads(json.dumps(given)), sort_keys=False)
    (found,) = documents(text.encode(), "app-1.0-abc/.spack/spec.yaml")
    assert same(found.native, given)
    assert found.provenance.origin == "install_tree"


def test_it_is_known_by_its_content_too() -> None:
    text = yaml.safe_dump(json.loads(json.dumps(document(diamond(1), 1))), sort_keys=False)
    assert len(documents(text.encode(), "upload")) == 1
    assert len(documents(f"---\n{text}---\n{text}".encode(), "upload")) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("9.3.0", "9.3.0", id="version"),
        pytest.param("'1.10'", "1.10", id="quoted"),
        pytest.param("1.5", 1.5, id="float"),
        pytest.param("12", 12, id="integer"),
        pytest.param("true", True, id="true"),
        pytest.param("null", None, id="null"),
        pytest.param("2020-01-02", "2020-01-02", id="date"),
        pytest.param("[]", [], id="list"),
        pytest.param("{}", {}, id="map"),
        pytest.param('"\\u00e9"', "é", id="escape"),
    ],
)
def test_values_are_those_of_json(text: str, value: Any) -> None:
    assert read(f"a: {text}") == [{"a": value}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("*x", "not_yaml", id="alias to nothing"),
        pytest.param("a: &x [*x]", "not_yaml", id="alias to itself"),
        pytest.param("a: &x 1\n---\na: *x", "not_yaml", id="alias to another document"),
        pytest.param("<<: 1", "not_yaml", id="merging a number"),
        pytest.param("&a a: 1\n*a : 2", "duplicate_key", id="alias as the same key"),
        pytest.param("a: 1\na: 2", "duplicate_key", id="duplicate"),
        pytest.param("a: .nan", "bad_number", id="NaN"),
        pytest.param("a: -.inf", "bad_number", id="infinity"),
        pytest.param("a: 99999999999999999999", "bad_number", id="64 bits"),
        pytest.param("a: " + "9" * 500, "bad_number", id="digits"),
        pytest.param("[1]: 2", "not_yaml", id="a list as key"),
        pytest.param("a: !!python/object:os.system x", "not_yaml", id="object"),
        pytest.param("a: !!set {x}", "not_yaml", id="set"),
        pytest.param("a: !!binary aaaa", "not_yaml", id="binary"),
        pytest.param("a: !!int x", "not_yaml", id="no integer"),
        pytest.param("a: [", "not_yaml", id="cut"),
        pytest.param("a: 'x", "not_yaml", id="no end of text"),
        pytest.param("%YAML 3.0\n---\na", "not_yaml", id="directive"),
        pytest.param("[" * 30, "too_deep", id="deep"),
        pytest.param("- " * 30, "too_deep", id="deep by indentation"),
        pytest.param("[" + "1," * 1001 + "]", "too_many_values", id="many"),
    ],
)
def test_what_spack_never_writes_is_refused(text: str, reason: str) -> None:
    assert read(text)[-1] == reason


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1, {b: 2}]\nc: *x\nd: [*x, *x]",
        "a: &x {b: &y [1], c: *y}\nd: *x\ne: *y",
        "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\ne: {b: 4, <<: *x}",
        "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y], f: 4}",
        "a: {'<<': {b: 1}}",
        "a: &x\nb: *x",
        "&k a: 1\nb: {*k : 2}",
    ],
)
def test_aliases_and_merge_keys_mean_what_they_mean_to_pyyaml(text: str) -> None:
    assert read(text) == [yaml.safe_load(text)]


def test_an_anchor_that_is_defined_again_has_its_new_value() -> None:
    text = "a: &x 1\nb: &y [*x]\nc: &x 2\nd: *x\ne: *y"
    assert read(text) == [{"a": 1, "b": [1], "c": 2, "d": 2, "e": [1]}]


def test_a_bomb_of_aliases_is_refused_in_time() -> None:
    lines = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    start = time.process_time()
    assert read("\n".join(["a0: &a0 1", *lines])) == ["too_many_values"]
    assert time.process_time() - start < 5


def test_a_fault_is_told_with_its_place() -> None:
    (found,) = parse_values("spec:\n- tar:\n    b: [1, .nan]\n", LIMITS)
    assert found.error is not None
    assert found.error.path == "spec[0].tar.b[1]"


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "? " * 50_000, "- " * 50_000])
def test_a_deep_bomb_is_refused_in_time(text: str) -> None:
    start = time.process_time()
    assert reasons(text.encode(), "spec.yaml")[0][0] in {"too_deep", "not_yaml", "not_json"}
    assert time.process_time() - start < 10


@given(st.text(max_size=80) | st.text(alphabet="-:?[]{}&*!|>'\" \nax1.", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    for each in parse_values(text, LIMITS):
        assert each.error is not None or not isinstance(each.content, date)

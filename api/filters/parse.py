"""Filters from query parameters: `field=value`, `field__op=value`, `q`, `delta.` and `config.`."""

from collections.abc import Iterator, Sequence

from api.filters.conditions import (
    ANY_OF,
    OPERATORS,
    All,
    Condition,
    ConfigCondition,
    DeltaCondition,
    Filter,
    Not,
    Operator,
    Scalar,
    Words,
)
from api.filters.values import (
    check_choices,
    check_key,
    check_text,
    meanings,
    operators_of,
    read_value,
)
from api.http.errors import ProblemError, bad_parameter, bad_value, did_you_mean
from models.configuration.keys import escape_name
from models.fields import Field, FieldTable, words_of
from models.spack.graph import FLAGS

DELTA, CONFIG, SEARCH = "delta.", "config.", "q"
_OF_SPECS = {"variant.": "variants", "flag.": "flags"}
MAX_CONDITIONS = 50
MAX_VALUES = 1000


def parse_filter(table: FieldTable, parameters: Sequence[tuple[str, str]]) -> Filter:
    """Return the filter that parameters ask for, all of which have to hold.

    Those that are no filters are left alone. A wrong value is a 422; a field or an operator that
    does not exist, or a parameter given twice that can be given only once, a 400.
    """
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if is_filter(table, name):
            given.setdefault(name, []).append(value)
    if len(given) > MAX_CONDITIONS:
        raise bad_parameter("", f"There are more than {MAX_CONDITIONS} conditions.")
    return All(tuple(_parameter(table, name, values) for name, values in given.items()))


def is_filter(table: FieldTable, name: str) -> bool:
    """Tell whether a parameter is a condition, be it a sensible one or not."""
    base, _ = _split(name)
    field = table.by_name.get(base)
    is_search = name == SEARCH and bool(table.words)
    return is_search or has_key(table, base) or (field is not None and field.filterable)


def is_repeatable(name: str) -> bool:
    """Tell whether a condition can be given several times: any of the values, for `ne` none."""
    _, operator = _split(name)
    return name != SEARCH and operator in ANY_OF


def filter_names(table: FieldTable) -> Iterator[str]:
    """Give the names of the conditions, without operators."""
    if table.words:
        yield SEARCH
    for field in table.filterable:
        yield field.name


def _split(name: str) -> tuple[str, str]:
    base, separator, operator = name.rpartition("__")
    return (base, operator) if separator and "." not in operator else (name, "eq")


def has_key(table: FieldTable, base: str) -> bool:
    """Tell a condition on a configuration, which cases and executions have; deltas are of these.

    Specs have variants and flags.
    """
    if table.resource == "specs":
        return base.startswith(tuple(_OF_SPECS))
    is_execution = table.resource == "executions"
    has_config = is_execution or table.resource == "cases"
    return (has_config and base.startswith(CONFIG)) or (is_execution and base.startswith(DELTA))


def _parameter(table: FieldTable, name: str, values: Sequence[str]) -> Filter:
    if name == SEARCH:
        _only_one(name, values)
        return search(values[0])
    base, given = _split(name)
    if len(values) > MAX_VALUES:
        raise bad_value(name, f"more than {MAX_VALUES} values")
    operator = operator_named(given, base)
    if operator not in ANY_OF:
        _only_one(name, values)
    parts = [part for text in values for part in (text.split(",") if operator == "in" else [text])]
    try:
        if has_key(table, base):
            return keyed(base, operator, parts)
        field = table.by_name[base]
        check_operator(field, operator)
        read = tuple(read_value(part, field.type, operator) for part in parts)
        check_choices(read, field.choices, operator)
        return Condition(field, operator, read)
    except ValueError as error:
        raise bad_value(name, str(error)) from None


def search(text: str, parameter: str = SEARCH) -> Words:
    """Return the condition that each word of a text begins a word of the names."""
    try:
        check_text(text)
    except ValueError as error:
        raise bad_value(parameter, str(error)) from None
    words = words_of(text)
    if not words or len(words) > 16:
        raise bad_value(parameter, "a search has one to 16 words of letters and digits")
    return Words(tuple(words))


def keyed(base: str, operator: Operator, values: Sequence[object]) -> Filter:
    """Return the condition on `delta.<key>`, `config.<key>` or the like; ValueError if it is none.

    What is asked of a variant of a spec is asked of a field that the table cannot list.
    """
    kind, _, key = base.partition(".")
    if f"{kind}." in _OF_SPECS:
        check_text(key)
        if kind == "flag" and key not in FLAGS:
            raise bad_parameter(
                base[:200], f"There is no flag {key[:100]!r}{did_you_mean(key, sorted(FLAGS))}"
            )
        path = f"{_OF_SPECS[f'{kind}.']}.{escape_name(key)}"
        field = Field(base, "text", "", path=path, sortable=False)
        found = tuple(one for value in values for one in meanings(value, operator))
        return Condition(field, operator, found)
    make = DeltaCondition if kind == "delta" else ConfigCondition
    check_key(key)
    read: tuple[Scalar, ...] = tuple(one for value in values for one in meanings(value, operator))
    if operator == "exists" and not read[0]:
        return Not(make(key, "exists", (True,)))
    return make(key, operator, read)


def operator_named(given: str, field: str) -> Operator:
    """Return the operator of this name; a 400 when there is none."""
    for operator in OPERATORS:
        if operator == given:
            return operator
    raise bad_parameter(
        f"{field}__{given}"[:200],
        f"There is no operator {given[:100]!r}; there are {', '.join(OPERATORS)}.",
    )


def check_operator(field: Field, operator: Operator) -> None:
    """Refuse an operator that makes no sense for the type of a field with a 400."""
    known = operators_of(field.type)
    if operator not in known:
        raise bad_parameter(
            f"{field.name}__{operator}",
            f"{field.name} is of type {field.type!r}, which knows {', '.join(known)}.",
        )


def no_field(table: FieldTable, name: str) -> ProblemError:
    """Return the error that a resource has no such field to filter by."""
    known = [*filter_names(table)]
    return bad_parameter(
        name[:200],
        f"There is no field {name[:100]!r} of {table.resource}{did_you_mean(name, known)}",
    )


def _only_one(name: str, values: Sequence[str]) -> None:
    if len(values) > 1:
        raise bad_parameter(name, f"{name!r} can be given only once.")

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
    operators_of,
    read_value,
    stored_values,
)
from api.http.errors import ProblemError, bad_parameter, bad_value, did_you_mean
from models.configuration.keys import escape_name
from models.fields import Field, FieldTable, words_of
from models.spack.graph import FLAGS

DELTA, CONFIG, SEARCH = "delta.", "config.", "q"
_SPEC_MAPS = {"variant.": "variants", "flag.": "flags"}
MAX_CONDITIONS = 50
MAX_VALUES = 1000


def parse_filter(table: FieldTable, parameters: Sequence[tuple[str, str]]) -> Filter:
    """Return the filter of the parameters: the conditions of all of them have to match.

    Parameters that are not filters are ignored. Raise a 422 for an invalid value; a 400 for an
    unknown operator or flag, and for a parameter that is repeated but must not be.
    """
    values_by_name: dict[str, list[str]] = {}
    for name, value in parameters:
        if is_filter(table, name):
            values_by_name.setdefault(name, []).append(value)
    if len(values_by_name) > MAX_CONDITIONS:
        raise bad_parameter("", f"There are more than {MAX_CONDITIONS} conditions.")
    return All(tuple(_parameter(table, name, values) for name, values in values_by_name.items()))


def is_filter(table: FieldTable, name: str) -> bool:
    """Return whether a parameter is a condition; its operator and its value may be invalid."""
    base, _ = _split(name)
    field = table.by_name.get(base)
    is_search = name == SEARCH and bool(table.words)
    return is_search or is_keyed(table, base) or (field is not None and field.filterable)


def is_repeatable(name: str) -> bool:
    """Return whether a condition can be repeated: any of the values matches, for `ne` none."""
    _, operator = _split(name)
    return name != SEARCH and operator in ANY_OF


def filter_names(table: FieldTable) -> Iterator[str]:
    """Yield the names of the conditions, without operators."""
    if table.words:
        yield SEARCH
    for field in table.filterable:
        yield field.name


def _split(name: str) -> tuple[str, str]:
    """Return the field and the operator of `field__operator`; a delta key may contain `__`."""
    base, separator, operator = name.rpartition("__")
    return (base, operator) if separator and "." not in operator else (name, "eq")


def is_keyed(table: FieldTable, base: str) -> bool:
    """Return whether the field is one with a key in its name, which the table does not list.

    Executions have `config.` and `delta.`, cases `config.`, and specs `variant.` and `flag.`.
    """
    if table.resource == "specs":
        return base.startswith(tuple(_SPEC_MAPS))
    is_execution = table.resource == "executions"
    has_config = is_execution or table.resource == "cases"
    return (has_config and base.startswith(CONFIG)) or (is_execution and base.startswith(DELTA))


def _parameter(table: FieldTable, name: str, values: Sequence[str]) -> Filter:
    if name == SEARCH:
        _only_one(name, values)
        return search_words(values[0])
    base, operator_name = _split(name)
    if len(values) > MAX_VALUES:
        raise bad_value(name, f"more than {MAX_VALUES} values")
    operator = parse_operator(operator_name, base)
    if operator not in ANY_OF:
        _only_one(name, values)
    parts = [part for text in values for part in (text.split(",") if operator == "in" else [text])]
    try:
        if is_keyed(table, base):
            return keyed_condition(base, operator, parts)
        field = table.by_name[base]
        check_operator(field, operator)
        read = tuple(read_value(part, field.type, operator) for part in parts)
        check_choices(read, field.choices, operator)
        return Condition(field, operator, meant(field, operator, read))
    except ValueError as error:
        raise bad_value(name, str(error)) from None


def meant(field: Field, operator: Operator, values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    """Return the stored values that the values of a condition stand for."""
    if operator not in ANY_OF:
        return values
    return tuple(stored for value in values for stored in field.values_of(value))


def search_words(text: str, parameter: str = SEARCH) -> Words:
    """Return the condition that each word of a text is the beginning of a word of the names."""
    try:
        check_text(text)
    except ValueError as error:
        raise bad_value(parameter, str(error)) from None
    words = words_of(text)
    if not words or len(words) > 16:
        raise bad_value(parameter, "a search has 1 to 16 words of letters and digits")
    return Words(tuple(words))


def keyed_condition(base: str, operator: Operator, values: Sequence[object]) -> Filter:
    """Return the condition on `delta.<key>`, `config.<key>`, `variant.<name>` or `flag.<name>`.

    Raise ValueError when the key or a value is invalid; a 400 for an unknown flag.
    """
    kind, _, key = base.partition(".")
    if f"{kind}." in _SPEC_MAPS:
        check_text(key)
        if kind == "flag" and key not in FLAGS:
            raise bad_parameter(
                base[:200], f"There is no flag {key[:100]!r}{did_you_mean(key, sorted(FLAGS))}"
            )
        path = f"{_SPEC_MAPS[f'{kind}.']}.{escape_name(key)}"
        field = Field(base, "text", "", path=path, sortable=False)
        return Condition(field, operator, _stored_values(values, operator))
    make = DeltaCondition if kind == "delta" else ConfigCondition
    check_key(key)
    read = _stored_values(values, operator)
    if operator == "exists" and not read[0]:
        return Not(make(key, "exists", (True,)))
    return make(key, operator, read)


def _stored_values(values: Sequence[object], operator: Operator) -> tuple[Scalar, ...]:
    return tuple(stored for value in values for stored in stored_values(value, operator))


def parse_operator(name: str, field: str) -> Operator:
    """Return the operator of this name; a 400 when there is none."""
    for operator in OPERATORS:
        if operator == name:
            return operator
    raise bad_parameter(
        f"{field}__{name}"[:200],
        f"There is no operator {name[:100]!r}; there are {', '.join(OPERATORS)}.",
    )


def check_operator(field: Field, operator: Operator) -> None:
    """Raise a 400 when the type of a field does not have the operator."""
    known = operators_of(field.type)
    if operator not in known:
        raise bad_parameter(
            f"{field.name}__{operator}",
            f"{field.name} is of type {field.type!r}, which has {', '.join(known)}.",
        )


def unknown_field(table: FieldTable, name: str) -> ProblemError:
    """Return the error that a resource has no such field for filters, with a suggestion."""
    known = [*filter_names(table)]
    return bad_parameter(
        name[:200],
        f"There is no field {name[:100]!r} of {table.resource}{did_you_mean(name, known)}",
    )


def _only_one(name: str, values: Sequence[str]) -> None:
    if len(values) > 1:
        raise bad_parameter(name, f"{name!r} can be given only once.")

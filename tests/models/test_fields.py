from typing import Any, get_args

import pytest
from pydantic import BaseModel

from models.builds.build import BuildRecord
from models.cases.case import CaseRecord
from models.cases.listed_execution import ListedExecutionRecord
from models.documents import Build, Case, ListedExecution, Spec
from models.fields import Field, FieldTable, words_of
from models.resources import RESOURCES
from models.specs.spec import SpecRecord

RECORDS: dict[str, tuple[type[BaseModel], Any]] = {
    "cases": (CaseRecord, Case),
    "executions": (ListedExecutionRecord, ListedExecution),
    "builds": (BuildRecord, Build),
    "specs": (SpecRecord, Spec),
}
EVERY = [
    pytest.param(table, field, id=f"{name}-{field.name}")
    for name, table in RESOURCES.items()
    for field in table.fields
]
RULES = [pytest.param(table, id=name) for name, table in RESOURCES.items()]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


@pytest.mark.parametrize(("table", "field"), EVERY)
def test_a_field_is_where_the_table_says(table: FieldTable, field: Field) -> None:
    models = [RECORDS[table.resource][0]]
    if field.stored == "_id":
        return
    for part in field.stored.split("."):
        found = {info.alias: info for model in models for info in model.model_fields.values()}
        assert part in found
        models = models_in(found[part].annotation)


@pytest.mark.parametrize(("table", "field"), EVERY)
def test_a_field_is_described(table: FieldTable, field: Field) -> None:
    assert field.description.endswith(".")
    assert field.example or not field.filterable
    assert field.type != "map" or not (field.filterable or field.sortable)
    assert field.type != "list of text" or not field.sortable


@pytest.mark.parametrize("table", RULES)
def test_every_field_that_is_asked_for_has_its_index(table: FieldTable) -> None:
    indexes = RECORDS[table.resource][1].Settings.indexes
    keys = {index.document["name"]: list(index.document["key"]) for index in indexes}
    assert len(keys) == len(indexes) < 64
    for field in table.fields:
        if field.index not in (None, "_id_"):
            assert keys[field.index][0] == field.stored
            assert keys[field.index][-1] == "_id" or not field.sortable


@pytest.mark.parametrize("table", RULES)
def test_names_are_not_repeated_and_the_default_sort_is_one(table: FieldTable) -> None:
    assert len(table.by_name) == len(table.fields)
    for name in table.default_sort.split(","):
        assert table.by_name[name.removeprefix("-")].sortable


def test_words_are_runs_of_letters_and_digits() -> None:
    assert words_of("v3.LR.hist_0101", None, "Zoë", "v3") == ["0101", "hist", "lr", "v3", "zoë"]

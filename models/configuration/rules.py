"""DeltaRules: the tables that decide what a difference means, with those of a site first."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from models.base import first_fault
from models.configuration.derivation import DerivationTable
from models.configuration.variation import VariationTable
from models.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeltaRules:
    """The tables that classify differences, and find those that only repeat others."""

    variation: VariationTable = field(default_factory=VariationTable)
    derivation: DerivationTable = field(default_factory=DerivationTable)


def load_rules(variation_file: Path | None, derivation_file: Path | None) -> DeltaRules:
    """Return the built-in tables, preceded by those of the files.

    Raise SettingsError, which names the file, when one cannot be read or is invalid.
    """
    return DeltaRules(
        _load(VariationTable, variation_file), _load(DerivationTable, derivation_file)
    )


def _load(kind: Callable[[str], T], file: Path | None) -> T:
    if file is None:
        return kind("")
    try:
        return kind(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error
    except ValidationError as error:
        message = f"{file}: not a table like the built-in one: {first_fault(error)}"
        raise SettingsError(message) from error

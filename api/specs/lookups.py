"""The lookup parameters of specs, which are looked up together: some limit what others reach."""

from api.lists.lookups import Lookup, Lookups
from api.specs.query_parameters import QUESTIONS, REPEATABLE, spec_query

SPEC_LOOKUPS = Lookups(
    tuple(
        Lookup(name, description, example, is_repeatable=name in REPEATABLE)
        for name, (description, example) in QUESTIONS.items()
    ),
    spec_query,
)

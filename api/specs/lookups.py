"""The lookup parameters of specs.

They are resolved together, because some of them limit how far others reach.
"""

from api.lists.lookups import Lookup, Lookups
from api.specs.query_parameters import PARAMETERS, REPEATABLE, build_spec_query

SPEC_LOOKUPS = Lookups(
    tuple(
        Lookup(name, description, example, is_repeatable=name in REPEATABLE)
        for name, (description, example) in PARAMETERS.items()
    ),
    build_spec_query,
)

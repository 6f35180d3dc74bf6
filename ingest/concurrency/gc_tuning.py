"""How often Python looks for garbage in reference cycles."""

import gc

_NEW_OBJECTS = 100_000
_ROUNDS = 20


def tune_garbage_collector() -> None:
    """Look for cycles less often, in this process and for its whole life.

    Cases are large trees of values without a cycle: going through them again and again while they
    are being read takes several times as long as reading them. What is loaded now stays.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _ROUNDS, _ROUNDS)

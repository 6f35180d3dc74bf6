"""Thresholds of the garbage collector for processes that parse and import."""

import gc

# Arguments of gc.set_threshold: objects before the youngest generation is collected, and
# collections of one generation before the next older one is collected too.
_NEW_OBJECTS = 100_000
_COLLECTIONS = 20


def tune_garbage_collector() -> None:
    """Collect reference cycles less often, in this process and until it ends.

    Cases are large trees of values without cycles. With the default thresholds, scanning them
    again and again takes several times as long as reading them. The objects that exist now are
    frozen: no later collection scans them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _COLLECTIONS, _COLLECTIONS)

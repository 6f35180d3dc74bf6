"""Authorization: bearer tokens, their scopes, and the throttle on failed attempts."""

from api.security.access import Caller, CurrentCaller, authorize, require

__all__ = ["Caller", "CurrentCaller", "authorize", "require"]

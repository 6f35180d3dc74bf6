"""Who may do what: bearer tokens, their scopes, and what becomes of those who guess."""

from api.security.access import Caller, CurrentCaller, authorize, require

__all__ = ["Caller", "CurrentCaller", "authorize", "require"]

"""The answers of `/livez` and `/readyz`."""

from typing import Literal

from api.http.schemas import Answer


class Health(Answer):
    """The state of the service; any other state is an error."""

    status: Literal["ok"]

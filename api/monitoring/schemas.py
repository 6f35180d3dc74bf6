"""What `/livez` and `/readyz` answer."""

from typing import Literal

from api.http.schemas import Answer


class Health(Answer):
    """Whether the service is there."""

    status: Literal["ok"]

"""`/tokens`: the bearer tokens, for callers with the scope `admin`."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import AwareDatetime, Field, field_validator

from api.dependencies import DatabaseDep
from api.http.bodies import Strict, body_of, read_body
from api.http.errors import not_found
from api.http.responses import json_response, problem_responses
from api.http.schemas import Answer
from api.security import CurrentCaller, require
from models.tokens.store import create_token, find_tokens, revoke_token, token_item
from models.tokens.token import MAX_NAME, NAME_PATTERN, Scope

router = APIRouter(prefix="/tokens", tags=["tokens"], dependencies=[require("admin")])

_NO_STORE = {"Cache-Control": "no-store"}
_EXAMPLE = {"name": "nightly import", "scopes": ["ingest"], "expiresAt": "2030-01-01T00:00:00Z"}

_LIST_EXAMPLE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {
                "example": {
                    "items": [
                        {
                            **_EXAMPLE,
                            "id": "0f1e2d3c4b5a6978",
                            "createdAt": "2026-01-02T03:04:05.678000Z",
                            "createdBy": "command line",
                            "lastUsedAt": "2026-01-03T02:00:01.234000Z",
                            "revokedAt": "2026-02-01T00:00:00Z",
                        }
                    ]
                }
            }
        }
    }
}

TokenId = Annotated[
    str, Path(max_length=100, description="Public id of a token.", examples=["0f1e2d3c4b5a6978"])
]


class TokenItem(Answer):
    """A token, without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewToken(TokenItem):
    """A token that was just created. `token`, with the secret, is never shown again."""

    token: str


class TokenList(Answer):
    """All tokens, the latest first."""

    items: list[TokenItem]


class TokenRequest(Strict):
    """A token to create; without `expiresAt` it is valid until it is revoked."""

    name: Annotated[
        str,
        Field(max_length=MAX_NAME, pattern=NAME_PATTERN, description="The purpose of the token."),
    ]
    scopes: Annotated[
        list[Scope], Field(min_length=1, max_length=10, description="What the token may do.")
    ]
    expires_at: Annotated[
        AwareDatetime | None, Field(description="The time when the token expires; never if null.")
    ] = None

    @field_validator("expires_at")
    @classmethod
    def _check_future(cls, value: datetime | None) -> datetime | None:
        if value is not None and value <= datetime.now(UTC):
            raise ValueError("is in the past")
        return value


@router.get("", response_model=TokenList, responses={**problem_responses(400), **_LIST_EXAMPLE})
async def list_tokens(database: DatabaseDep) -> Response:
    """List all tokens, including those that are no longer valid, the latest first."""
    return json_response({"items": await find_tokens(database)}, _NO_STORE)


@router.post(
    "",
    response_model=NewToken,
    status_code=HTTPStatus.CREATED,
    responses=problem_responses(400, 413, 415, 422),
    openapi_extra=body_of(TokenRequest, _EXAMPLE),
)
async def create_token_of_body(
    database: DatabaseDep, request: Request, caller: CurrentCaller
) -> Response:
    """Create a token. The answer contains it; it cannot be retrieved again."""
    body = await read_body(request, TokenRequest)
    record, text = await create_token(
        database, body.name, body.scopes, caller.token_id or caller.name, body.expires_at
    )
    document = {**token_item(record.stored()), "token": text}
    response = json_response(document, {**_NO_STORE, "Location": f"{request.url.path}/{record.id}"})
    response.status_code = HTTPStatus.CREATED
    return response


@router.delete(
    "/{tokenId}", status_code=HTTPStatus.NO_CONTENT, responses=problem_responses(400, 404, 422)
)
async def delete_token(database: DatabaseDep, tokenId: TokenId) -> Response:  # noqa: N803
    """Revoke a token immediately and permanently; its record is kept."""
    if not await revoke_token(database, tokenId):
        raise not_found("token", tokenId)
    return Response(status_code=HTTPStatus.NO_CONTENT)

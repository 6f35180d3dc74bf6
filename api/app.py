"""The application that a server runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.gzip import GZipMiddleware

from api.http.bodies import body_schemas
from api.http.docs_page import add_docs_page
from api.http.errors import add_error_handlers
from api.http.schemas import ProblemDocument
from api.http.urls import API_PREFIX
from api.ingestions.queue import ImportQueue
from api.lists.parameters import operation_id
from api.middleware.head_requests import HeadMiddleware
from api.middleware.stack import add_middleware_stack
from api.monitoring.metrics import Metrics
from api.openapi import complete_document
from api.router import api_router, health_router, metrics_router
from api.security.throttle import Throttle
from api.specs.resolve import AmbiguousError, on_ambiguous
from models.configuration.rules import load_rules
from models.connection import open_database
from models.settings import Settings, load_settings
from models.version import VERSION

_MIN_GZIP_BYTES = 1000
_GZIP_LEVEL = 4  # half the time of the default level, for a tenth more bytes

_DESCRIPTION = """
Provenance of simulations: how E3SM cases ran, and how the configuration of each execution differs
from the canonical one. Field names are those of the documents in MongoDB.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; without `settings`, they are read from the environment."""
    settings = settings or load_settings()
    app = FastAPI(
        title="Caseledger",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        openapi_url=f"{API_PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        swagger_ui_oauth2_redirect_url=None,
        generate_unique_id_function=operation_id,
    )
    _set_state(app, settings)
    add_error_handlers(app)
    app.add_exception_handler(AmbiguousError, on_ambiguous)
    app.add_middleware(GZipMiddleware, minimum_size=_MIN_GZIP_BYTES, compresslevel=_GZIP_LEVEL)
    app.add_middleware(HeadMiddleware)
    add_middleware_stack(app, settings)
    app.include_router(api_router)
    app.include_router(health_router)
    app.include_router(metrics_router)
    app.include_router(health_router, prefix=API_PREFIX, include_in_schema=False)
    add_docs_page(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep the database open, and the queue of imports running, while the server runs."""
    async with open_database(app.state.settings, observer=app.state.metrics) as database:
        app.state.database = database
        async with app.state.imports.running(database):
            yield


def _set_state(app: FastAPI, settings: Settings) -> None:
    """Set what the routes find in the state of the application."""
    app.state.settings = settings
    app.state.throttle = Throttle()
    app.state.metrics = Metrics()
    app.state.is_stopping = False
    app.state.imports = ImportQueue()
    app.state.aggregations = asyncio.Semaphore(settings.aggregate_jobs)
    app.state.rules = load_rules(settings.variation_file, settings.derivation_file)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, in which every error is a problem document; it is made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas.update(body_schemas())
        schemas[ProblemDocument.__name__] = ProblemDocument.model_json_schema(by_alias=True)
        complete_document(app, document, app.state.settings)
        app.openapi_schema = document
    return app.openapi_schema

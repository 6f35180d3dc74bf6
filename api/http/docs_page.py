"""The page that documents the API. Its scripts are served from a package, not from a network."""

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from api.http.content_policy import page_policy
from api.http.urls import API_PREFIX

_ASSETS = "/docs/assets"

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def read_docs() -> HTMLResponse:
    """Show the OpenAPI document with Swagger UI; URLs are relative, to work behind any proxy."""
    page = get_swagger_ui_html(
        openapi_url=f".{API_PREFIX}/openapi.json",
        title="Caseledger API",
        swagger_js_url=f".{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f".{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f".{_ASSETS}/favicon-32x32.png",
    )
    page.headers["Content-Security-Policy"] = page_policy(bytes(page.body).decode())
    return page


@router.get("/")
async def read_root() -> RedirectResponse:
    """Redirect from the root to the documentation."""
    return RedirectResponse("docs")


def add_docs_page(app: FastAPI) -> None:
    """Add the documentation page and the files that it loads."""
    app.include_router(router)
    app.mount(_ASSETS, StaticFiles(packages=[("fastapi_swagger", "resources")]))

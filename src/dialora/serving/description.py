"""OpenAPI of the served systems: bodies that are read by hand, errors in their form, the token."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from dialora.serving.forms import TRUTHS
from dialora.serving.refusals import CODES
from dialora.serving.schema import EXAMPLE, REQUESTS, Error
from dialora.serving.served import ServedSystem
from dialora.systems.options import JOINS, ON_LONG

PATH_SUMMARIES = "/v1/summaries"
_REF = "#/components/schemas/{model}"
_MEANINGS = {
    400: "What was sent cannot be used",
    401: "The token is missing or wrong",
    403: "Sent by another site's page, or to a name that is none of this machine's",
    408: "The body arrived too slowly",
    413: "Too large: the body, or what it holds",
    415: "Neither JSON nor a form, or a file of no known format",
    429: "The queue is full; Retry-After says in how many seconds to try again",
    500: "Something went wrong here, which is not the request's fault",
    503: "Not ready: loading, or ending",
}


def describe_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers besides 200 for FastAPI's `responses`."""
    return {status: {"model": Error, "description": _MEANINGS[status]} for status in statuses}


def describe_api(app: FastAPI, served: Sequence[ServedSystem], *, needs_token: bool) -> dict[str, Any]:
    """Return the OpenAPI document of an application, with the names of its systems."""
    app.version = version("dialora")
    app.description = "Summaries of conversations. Errors have a code for programs and a line for people."
    document = app.openapi()
    schemas = document["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    _, own = models_json_schema([(model, "validation") for model in REQUESTS], ref_template=_REF)
    names = [one.name for one in served]
    for name, schema in own["$defs"].items():
        schemas[name] = schema
        if "systems" in schema.get("properties", {}):
            _name_systems(schema["properties"]["systems"], names)
    post = document["paths"][PATH_SUMMARIES]["post"]
    post["requestBody"] = _describe_body(names)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            for status, answer in operation["responses"].items():
                if int(status) in (429, 503) and path == PATH_SUMMARIES:
                    answer["headers"] = {
                        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}, "required": True}
                    }
            if needs_token and (path.startswith("/v1/") or path == "/metrics"):
                operation["security"] = [{"token": []}]
                operation["responses"]["401"] = {
                    "description": _MEANINGS[401],
                    "content": {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}},
                }
    if needs_token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    assert set(_MEANINGS) <= set(CODES)
    return document


def _name_systems(schema: dict[str, Any], names: Sequence[str]) -> None:
    """Allow the served systems' names alone."""
    for kind in (schema, *schema.get("anyOf", ())):
        if kind.get("type") == "array":
            kind["items"] = {"type": "string", "enum": list(names)}


def _describe_body(names: Sequence[str]) -> dict[str, Any]:
    models = [{"$ref": _REF.format(model=model.__name__)} for model in REQUESTS]
    pair = {"type": "string", "pattern": r"\S[\s\S]*=[^=]*[^\s=][^=]*$", "example": "SPEAKER_00=Anna"}
    form = {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "A file of any known format."},
            "systems": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(names)}},
            "on_long": {"type": "string", "enum": list(ON_LONG)},
            "join": {"type": "string", "enum": list(JOINS)},
            "explain": {"type": "string", "enum": list(TRUTHS)},
            "rename": {"type": "array", "items": pair},
        },
    }
    examples = {
        "text": {"value": {"text": EXAMPLE}},
        "turns": {"value": {"turns": [{"speaker": "Anna", "text": "Are you coming?"}], "systems": names[:1]}},
        "many": {"value": {"inputs": [{"id": "a", "text": EXAMPLE}, {"id": "b", "text": "Tom: Hi."}]}},
    }
    return {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": models}, "examples": examples},
            "multipart/form-data": {"schema": form},
        },
    }


__all__ = ["PATH_SUMMARIES", "describe_api", "describe_errors"]

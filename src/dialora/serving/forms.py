"""A request's body → what is asked for: JSON or a form with a file, checked; what is wrong is a Refusal in one line."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from dialora.config.problems import show
from dialora.data.transcripts import parse_names
from dialora.errors import DataError
from dialora.serving.refusals import Refusal
from dialora.serving.schema import ManyRequest, Options, TextInput, TextRequest, TurnsInput, TurnsRequest
from dialora.systems.options import SummaryOptions

JSON, FORM = "application/json", "multipart/form-data"
FIELDS = ("file", "systems", "on_long", "join", "explain", "rename")
TRUTHS = {"true": True, "false": False}
MOST_FIELDS = 1000
_PLAIN = re.compile(r"\w{1,40}", re.ASCII)
_ANY: TypeAdapter[Any] = TypeAdapter(Any)
Model = TypeVar("Model", bound=BaseModel)
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what is wrong with a form, its client is told


@dataclass(frozen=True, slots=True)
class GivenFile:
    """An uploaded file."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What is to be summarized, with which systems, and how."""

    contents: Sequence[TextInput | TurnsInput | GivenFile]
    systems: Sequence[str]
    """Names; none for all."""
    options: SummaryOptions
    names: dict[str, str] = field(default_factory=dict)
    """New names of speakers."""
    explains: bool = False
    """Whether it is told where summaries come from."""


async def parse_request(body: bytes, headers: Headers) -> SummaryRequest:
    """Return what a body asks for. Raises Refusal."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == JSON:
        return _build(_parse_json(body))
    if kind == FORM:
        return await _parse_form(body, headers)
    raise Refusal(415, f"The content type is {show(kind)}; send {JSON}, or {FORM} with a file.")


def _parse_json(body: bytes) -> TextRequest | TurnsRequest | ManyRequest:
    try:
        values = _ANY.validate_json(body)
    except ValidationError as error:
        raise Refusal(400, f"The body is no JSON: {error.errors()[0]['ctx']['error']}.") from None
    if not isinstance(values, dict):
        raise Refusal(400, f"The body is {_describe(values)}; give an object with text, turns or inputs.")
    kinds: dict[str, type[TextRequest | TurnsRequest | ManyRequest]] = {
        "text": TextRequest, "turns": TurnsRequest, "inputs": ManyRequest,
    }  # fmt: skip
    given = [kind for kind in kinds if kind in values]
    if len(given) != 1:
        raise Refusal(400, f"The body has {' and '.join(given) or 'nothing to summarize'}; give one of text, turns or "
                           f"inputs.")  # fmt: skip
    model = kinds[given[0]]
    if model is ManyRequest:
        _require_inputs(values["inputs"])
    return _validate(model, values)


def _require_inputs(inputs: Any) -> None:
    """Refuse an input that is neither text nor turns by what it lacks: of two models, both would complain."""
    for at, one in enumerate(inputs if isinstance(inputs, list) else []):
        if not isinstance(one, dict) or ("text" in one) == ("turns" in one):
            raise Refusal(400, f"inputs.{at}: give an object with either text or turns.")
        _validate(TextInput if "text" in one else TurnsInput, one, f"inputs.{at}.")


def _validate(model: type[Model], values: dict[str, Any], where: str = "") -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Refusal(400, _explain(error, model, where)) from None


def _explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """Return the first problem as a line."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = where + ".".join(part if _PLAIN.fullmatch(part) else show(part) for part in map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields) if len(first["loc"]) == 1 else "speaker, text"
        return f"{place}: is not known here; allowed: {known}."
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"{place}: {message}, got {_describe(first['input'])}."


def _describe(value: Any) -> str:
    """Return what a value is, without what a person wrote in it."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


async def _parse_form(body: bytes, headers: Headers) -> SummaryRequest:
    async def stream() -> AsyncIterator[bytes]:
        yield body
        yield b""

    parser = MultiPartParser(headers, stream(), max_files=1, max_fields=MOST_FIELDS, max_part_size=max(1, len(body)))  # type: ignore[arg-type]
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refusal(400, f"The form cannot be read: {error.message}") from None
    except (LookupError, ValueError, UnicodeError):
        raise Refusal(400, "The form cannot be read: it names no character set that there is, or is damaged.") from None
    try:
        return await _read_form(form)
    finally:
        await form.close()


async def _read_form(form: FormData) -> SummaryRequest:
    strange = next((key for key in form if key not in FIELDS), None)
    if strange is not None:
        raise Refusal(400, f"{show(strange)}: is no field of this form; there are {', '.join(FIELDS)}.")
    files = form.getlist("file")
    if len(files) != 1 or not isinstance(files[0], UploadFile):
        raise Refusal(400, "file: give one file, with a file name.")
    texts = {key: [str(one) for one in form.getlist(key)] for key in FIELDS[1:]}
    for key in ("on_long", "join", "explain"):
        if len(texts[key]) > 1:
            raise Refusal(400, f"{key}: is given {len(texts[key])} times; give one.")
    try:
        # As of a key that an object has twice, the last counts.
        names = {old: new for option in texts["rename"] for old, new in parse_names([option]).items()}
    except DataError as error:
        raise Refusal(400, str(error).removeprefix("--")) from None
    values: dict[str, Any] = {key: texts[key][0] for key in ("on_long", "join") if texts[key]}
    if texts["explain"]:
        if texts["explain"][0] not in TRUTHS:
            raise Refusal(400, f"explain: {show(texts['explain'][0])} is none of {', '.join(TRUTHS)}.")
        values["explain"] = TRUTHS[texts["explain"][0]]
    options = _validate(Options, values | ({"systems": texts["systems"]} if texts["systems"] else {}))
    given = GivenFile(files[0].filename or "", await files[0].read())
    return _build(options, [given], names)


def _build(
    request: Options, contents: Sequence[GivenFile] | None = None, names: dict[str, str] | None = None
) -> SummaryRequest:
    found: Sequence[TextInput | TurnsInput | GivenFile]
    if contents is not None:
        found = contents
    elif isinstance(request, ManyRequest):
        found = request.inputs
    else:
        assert isinstance(request, TextRequest | TurnsRequest)
        found = [request]
    options = SummaryOptions(on_long=request.on_long, join=request.join)
    systems = tuple(dict.fromkeys(request.systems or ()))
    return SummaryRequest(found, systems, options, names or dict(request.rename), request.explain)


__all__ = ["FORM", "JSON", "GivenFile", "SummaryRequest", "parse_request"]

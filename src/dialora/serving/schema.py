"""What requests and answers look like: checked when they come, and shown in OpenAPI."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dialora.systems.options import Join, OnLong
from dialora.systems.summary import FinishReason

MOST_INPUTS = 1000
NewName = Annotated[str, StringConstraints(pattern=r"\S")]
EXAMPLE = "Anna: Are you coming tonight?\nBob: Yes, at nine.\nAnna: Great, see you there."


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Turn(_Given):
    """What one speaker says at a time."""

    speaker: Annotated[str, Field(examples=["Anna"])]
    text: Annotated[str, Field(examples=["Are you coming tonight?"])]


class Options(_Given):
    """How to summarize."""

    systems: Annotated[
        list[str] | None, Field(min_length=1, description="Names of systems; all that are served unless named.")
    ] = None
    on_long: Annotated[
        OnLong, Field(description="A conversation longer than a system reads: split into parts, truncate, or error.")
    ] = "split"
    join: Annotated[Join, Field(description="Summaries of parts: one after the other, or summarized once more.")] = (
        "concatenate"
    )
    rename: Annotated[dict[str, NewName], Field(description="New names of speakers, by what they are called.")] = {}
    explain: Annotated[
        bool,
        Field(description="Also tell which turns each sentence was taken from, and what it names that nobody said."),
    ] = False


class _Named(_Given):
    id: Annotated[str | None, Field(max_length=200, description="Comes back in the answer.")] = None


class TextInput(_Named):
    """A conversation as text: of any format that is known, or as it stands."""

    text: Annotated[str, Field(examples=[EXAMPLE])]


class TurnsInput(_Named):
    """A conversation as turns."""

    turns: list[Turn]


class TextRequest(TextInput, Options):
    """One conversation as text."""


class TurnsRequest(TurnsInput, Options):
    """One conversation as turns."""


class ManyRequest(Options):
    """Several conversations."""

    inputs: Annotated[list[TextInput | TurnsInput], Field(min_length=1, max_length=MOST_INPUTS)]


class ReadTurn(BaseModel):
    """A turn as it was read."""

    speaker: Annotated[str | None, Field(description="null for a line of a text that is no conversation.")]
    text: str


class Unsupported(BaseModel):
    """Something that the summary names and the conversation does not."""

    kind: Literal["name", "number", "time", "price", "speaker"]
    text: str
    start: Annotated[int, Field(description="Where it begins in the summary, in characters (code points).")]
    end: int


class SummarySentence(BaseModel):
    """A sentence of the summary, and the turns it was taken from."""

    start: int
    end: int
    turns: Annotated[list[int], Field(description="Indices from 0, strongest first, at most three.")]


class SystemSummary(BaseModel):
    """What one system wrote."""

    system: str
    text: str
    finish_reason: Annotated[
        FinishReason, Field(description="stop; length: cut at decoding.max_new_tokens; empty: nothing was said.")
    ]
    num_parts: Annotated[int, Field(description="In how many parts the conversation was read.")]
    truncated: Annotated[bool, Field(description="The end of the conversation was not read.")]
    unsupported: Annotated[list[Unsupported] | None, Field(description="null unless `explain` was asked for.")]
    sentences: Annotated[list[SummarySentence] | None, Field(description="null unless `explain` was asked for.")]
    seconds: Annotated[float, Field(description="From the request's being read to this summary, waiting included.")]


class SummarizedConversation(BaseModel):
    """A conversation with its summaries."""

    id: str
    format: Annotated[str, Field(examples=["SAMSum-like text"])]
    turns: list[ReadTurn]
    notes: Annotated[list[str], Field(description="What became of what was read.", examples=[["left out: media: 1."]])]
    summaries: list[SystemSummary]


class Summaries(BaseModel):
    """The answer to a request."""

    conversations: list[SummarizedConversation]


class DescribedSystem(BaseModel):
    """A system that is served."""

    name: str
    label: str
    base: str
    max_source_length: Annotated[int, Field(description="Tokens that it reads at a time, prompt included.")]
    is_default: bool


class Systems(BaseModel):
    """All systems that are served."""

    systems: list[DescribedSystem]


class Status(BaseModel):
    """How the server is."""

    status: str


class ErrorDetail(BaseModel):
    """What is wrong."""

    code: Annotated[str, Field(examples=["bad_request"])]
    message: Annotated[str, Field(description="One line: what is wrong, what is allowed, what to do.")]


class Error(BaseModel):
    """A request that is not answered."""

    error: ErrorDetail


REQUESTS: tuple[type[BaseModel], ...] = (TextRequest, TurnsRequest, ManyRequest)

__all__ = [
    "EXAMPLE",
    "REQUESTS",
    "DescribedSystem",
    "Error",
    "ErrorDetail",
    "ManyRequest",
    "Options",
    "ReadTurn",
    "Status",
    "Summaries",
    "SummarizedConversation",
    "SummarySentence",
    "SystemSummary",
    "Systems",
    "TextInput",
    "TextRequest",
    "Turn",
    "TurnsInput",
    "TurnsRequest",
    "Unsupported",
]

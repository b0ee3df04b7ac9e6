"""The upload: one commit of one folder to one repository of the hub, whatever HF_ENDPOINT names.

The token is huggingface_hub's (HF_TOKEN, or `hf auth login`), read by it and never shown. A repository that does not
exist is made, private unless it is to be public; one that exists keeps what the folder does not have. Raises HubError
in one line for whatever the hub or the network answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dialora.errors import ConfigError, HubError
from dialora.models.adapters import CARD
from dialora.printable import clean
from dialora.records import Observer

OF_HUB = ".gitattributes"
"""The hub's own file in every repository."""
NUM_NAMED = 8
MAX_SAID = 200
"""Characters of what the hub says."""
HINTS = {
    401: "it does not take the token; log in (`hf auth login`), or set HF_TOKEN",
    403: "the token may not write there; give one with write access to it, or another --to",
    404: "it has no such repository, or hides it from this token; check --to and the token's rights",
    409: "it has changed meanwhile, or its name is taken; run the same command again, or give another --to",
    413: "a file is larger than it takes",
    429: "it has been asked too often; wait some minutes, and run the same command again",
}
"""By the status of an answer."""


def upload(folder: Path, repo: str, *, is_public: bool, observer: Observer) -> str:
    """Put every file of `folder` into the repository, in one commit, and return its address.

    Tells the observer what it will overwrite. Raises ConfigError where something private would get into a public
    repository that was not asked for, HubError.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_token
    from huggingface_hub.errors import RepositoryNotFoundError

    with _explaining(repo):
        if get_token() is None:
            raise HubError(f"{repo}: not logged in to the hub; log in (`hf auth login`), or set HF_TOKEN.")
        _require_valid(folder / CARD, repo)
        api, parent = HfApi(library_name="dialora"), None
        files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        try:
            there = api.model_info(repo)
        except RepositoryNotFoundError:
            api.create_repo(repo, private=not is_public, exist_ok=True)
        else:
            _require_visibility(repo, is_private=bool(there.private), is_public=is_public, observer=observer)
            _tell_overwritten(repo, {one.rfilename for one in there.siblings or ()}, set(files), observer)
            parent = there.sha
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            commit = api.create_commit(
                repo,
                [CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in files.items()],
                commit_message="Publish with dialora",
                parent_commit=parent,
            )
        for warning in said:
            observer({"event": "warning", "message": f"{repo}: {_shorten(str(warning.message))}"})
    try:
        with _explaining(repo):
            missing = files.keys() - set(api.list_repo_files(repo, revision=commit.oid))
    except HubError as error:
        missing = set()
        observer({"event": "warning", "message": f"It is sent, but whether all of it is there is not known. {error}"})
    if missing:  # what a .gitignore of the repository names is left out without a word
        raise HubError(f"{repo}: the hub left out {_list_names(missing)}; look whether a .gitignore there names them.")
    return f"{api.endpoint}/{repo}"


def _require_valid(card: Path, repo: str) -> None:
    """Raise HubError unless the hub takes the card, before anything is made there."""
    from huggingface_hub import ModelCard

    try:
        ModelCard(card.read_text(encoding="utf-8")).validate()
    except ValueError as error:
        raise HubError(f"{repo}: the hub does not take the card ({_shorten(str(error))}); nothing was sent.") from None


def _require_visibility(repo: str, *, is_private: bool, is_public: bool, observer: Observer) -> None:
    if not is_private and not is_public:
        raise ConfigError(
            f"--to {repo}: is there already and public; give --public too if everybody may have this, or another --to."
        )
    if is_private and is_public:
        observer(
            {"event": "warning", "message": f"{repo} is there already and stays private; its settings change that."}
        )


def _tell_overwritten(repo: str, there: set[str], files: set[str], observer: Observer) -> None:
    there = there - {OF_HUB}
    if same := there & files:
        observer({"event": "warning", "message": f"{repo}: overwrites {_list_names(same)}; its history keeps the old."})
    if others := there - files:
        observer({"event": "warning", "message": f"{repo}: leaves {_list_names(others)} as they are."})


def _list_names(names: set[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - NUM_NAMED} more" if len(found) > NUM_NAMED else ""
    return f"{', '.join(clean(name[:MAX_SAID]) for name in found[:NUM_NAMED])}{more}"


@contextmanager
def _explaining(repo: str) -> Iterator[None]:
    """Turn whatever the hub and the network raise into a HubError of one line that holds no token."""
    try:
        yield
    except (ConfigError, HubError):
        raise
    except Exception as error:  # a connection that breaks raises what its library has for it
        reason = _explain(error)
    else:
        return
    # Not from what was caught: a traceback of --debug would show requests, whose headers hold the token.
    raise HubError(f"{repo}: {reason}.") from None


def _explain(error: BaseException) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set; unset it, or write the folder alone with --dry-run"
    if isinstance(error, HfHubHTTPError):
        status: Any = getattr(error.response, "status_code", None)
        said = _shorten(error.server_message or "")
        hint = HINTS.get(status, "try again later" if (status or 500) >= 500 else "it refuses what was sent")
        return f"{constants.ENDPOINT} answers {status}: {hint}" + (f" (it says: {said})" if said else "")
    if isinstance(error, OSError | ValueError):  # a card that it refuses, an answer that is none, a file that is gone
        return f"{_shorten(str(error))}; nothing of this was committed"
    if isinstance(error, LookupError):
        return f"{constants.ENDPOINT} does not answer as a hub does (no {_shorten(str(error))}); look at HF_ENDPOINT"
    # An upload that fails is told of by its file; why, stands behind.
    if isinstance(error, RuntimeError) and error.__cause__ is not None:
        return _explain(error.__cause__)
    return f"{constants.ENDPOINT} cannot be reached ({_shorten(str(error))}); check the network, and run it again"


def _shorten(text: str) -> str:
    """Return one line without the token, whatever echoes it."""
    from huggingface_hub import get_token

    token = get_token()
    text = text.replace(token, "[token]") if token else text
    text = clean(" ".join(text.split()))
    return text if len(text) <= MAX_SAID else f"{text[: MAX_SAID - 1]}…"


__all__ = ["upload"]

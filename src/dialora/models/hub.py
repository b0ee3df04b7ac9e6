"""Files of the Hugging Face hub, from its cache or downloaded, and why one cannot be had, with what to do about it.

A hub that could not be reached is not asked again for a while, since every question takes half a minute to fail.
Never imports torch.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

PATIENCE = 60.0
"""Seconds for which a hub that could not be reached is taken to be away."""
_failed: dict[str, float] = {}


def find_cached(source: str, name: str, revision: str | None) -> Path | None:
    """Return a file of a hub id where it is in the cache."""
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(source, name, revision=revision)
    return Path(cached) if isinstance(cached, str) else None


def download(source: str, name: str, revision: str | None) -> Path | None:
    """Return a file of a hub id, downloaded where it is not in the cache; None where the model has no such file.

    Where HF_HUB_OFFLINE is set, what the cache has of a model is all that there is of it. Raises ValueError.
    """
    from huggingface_hub import _CACHED_NO_EXIST, errors, hf_hub_download, is_offline_mode, try_to_load_from_cache

    if not is_offline_mode() and monotonic() - _failed.get("hub", -PATIENCE) < PATIENCE:
        if (cached := find_cached(source, name, revision)) is not None:
            return cached
        raise ValueError(_explain_unreachable(name))
    try:
        known = try_to_load_from_cache(source, name, revision=revision)
        if known is not None:
            return None if known is _CACHED_NO_EXIST else Path(str(known))
        return Path(hf_hub_download(source, name, revision=revision))
    except errors.GatedRepoError as error:
        raise ValueError(
            f"it is gated: accept its terms at https://huggingface.co/{source}, then log in (`hf auth login`, or "
            f"HF_TOKEN)"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ValueError(
            "the hub has no such model, or it is private: check the id, or log in (`hf auth login`, or HF_TOKEN)"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ValueError(
            f"it has no revision {revision}; model_revision is a branch, tag or commit of it, or left out"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        if not is_offline_mode():
            _failed["hub"] = monotonic()
            raise ValueError(_explain_unreachable(name)) from error
        if not any(find_cached(source, file, revision) for file in ("config.json", "adapter_config.json")):
            raise ValueError(
                f"it is not in the cache, and HF_HUB_OFFLINE is set: download it where there is a network (`hf "
                f"download {source}`), or give a folder"
            ) from error
        return None
    except errors.EntryNotFoundError:
        return None
    except errors.HFValidationError as error:
        raise ValueError("it is neither a folder nor a hub id, which is owner/name") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise ValueError(f"the hub answers {status} for {name}; try again later") from error
    except Exception as error:  # a connection that breaks raises what its library has for it
        raise ValueError(f"{name} cannot be downloaded ({' '.join(str(error).split())[:200]}); try again") from error


def _explain_unreachable(name: str) -> str:
    return (
        f"the hub cannot be reached, and {name} is not in the cache; check the network, or give a folder "
        f"(HF_HUB_OFFLINE=1 goes on with what the cache has of a model)"
    )


__all__ = ["download", "find_cached"]

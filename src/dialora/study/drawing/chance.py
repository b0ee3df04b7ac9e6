"""Chance behind a secret: whoever sees some of what it drew, and knows the seed, can work out nothing of the rest.

All that raters are shown is drawn with it: ids, sides, the order of items and of texts, and where checks stand.
Python's own generator would not do, since its state follows from enough of its output, and item ids are output.
"""

from __future__ import annotations

import hashlib
import random
import secrets

SECRET_BYTES = 32


def make_secret() -> str:
    """Return a new secret, in hexadecimal digits."""
    return secrets.token_hex(SECRET_BYTES)


class SecretRandom(random.Random):
    """Draws from BLAKE2b, keyed with what it is built from, in counter mode; the same text gives the same draws."""

    def seed(self, a: object = None, version: int = 2) -> None:
        """Begin anew from a text."""
        self._key = hashlib.blake2b(str(a).encode(), digest_size=32).digest()
        self._num_blocks = self._bits = self._num_bits = 0

    def getrandbits(self, k: int, /) -> int:
        """Return `k` bits."""
        while self._num_bits < k:
            block = hashlib.blake2b(self._num_blocks.to_bytes(8, "big"), key=self._key).digest()
            self._bits |= int.from_bytes(block, "big") << self._num_bits
            self._num_bits += 8 * len(block)
            self._num_blocks += 1
        drawn = self._bits & ((1 << k) - 1)
        self._bits >>= k
        self._num_bits -= k
        return drawn

    def random(self) -> float:
        """Return a number in [0, 1)."""
        return self.getrandbits(53) / (1 << 53)


__all__ = ["SecretRandom", "make_secret"]

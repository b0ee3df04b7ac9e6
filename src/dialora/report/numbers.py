"""How every number of the report is written, in one place.

Takes plain values and gives text; what was not measured (None) is an en dash, never a number. Counts use commas,
scores four digits, intervals three, as the notebook's tables and `results.json` readers expect.
"""

from __future__ import annotations

import math

from dialora.comparison import Interval

MISSING = "–"
MINUS = "−"


def format_count(value: int | None) -> str:
    """Return a count with thousands separators."""
    return MISSING if value is None else f"{value:,}"


def format_percent(value: float | None) -> str:
    """Return a percentage with two decimals, or two significant digits where that would read 0.00."""
    if value is None:
        return MISSING
    return f"{value:.2g} %" if 0 < value < 0.01 else f"{value:.2f} %"


def format_share(value: float | None) -> str:
    """Return a fraction in [0, 1] as a percentage with one decimal."""
    return MISSING if value is None else f"{100 * value:.1f} %"


def format_energy(kilowatt_hours: float | None) -> str:
    """Return an energy in Wh, or kWh from one kWh on."""
    if kilowatt_hours is None:
        return MISSING
    return f"{kilowatt_hours:.2f} kWh" if kilowatt_hours >= 1 else f"{1000 * kilowatt_hours:.3g} Wh"


def format_speed(per_second: float | None) -> str:
    """Return how many in a second, whole from ten on."""
    return MISSING if per_second is None else f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"


def format_duration(seconds: float | None) -> str:
    """Return m:ss, or h:mm:ss from an hour on; below ten seconds one decimal, as in 4.2 s."""
    if seconds is None:
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def format_bytes(value: int | None) -> str:
    """Return a size in MiB, or GiB from one GiB on; below one MiB in KiB or bytes."""
    if value is None:
        return MISSING
    mebibytes = value / 2**20
    if mebibytes < 1:
        return f"{value / 1024:.0f} KiB" if value >= 1024 else f"{value} B"
    return f"{mebibytes / 1024:.2f} GiB" if mebibytes >= 1024 else f"{mebibytes:.{0 if mebibytes >= 10 else 1}f} MiB"


def format_score(value: float | None) -> str:
    """Return a score in [0, 1] with four decimals."""
    return MISSING if value is None or math.isnan(value) else f"{value:.4f}"


def format_bounds(score: Interval | None, *, scale: float = 1, digits: int = 3) -> str:
    """Return the interval of a score, or of `scale` times it, in brackets."""
    if score is None:
        return MISSING
    return f"[{scale * score.ci_low:.{digits}f}, {scale * score.ci_high:.{digits}f}]"


def format_interval(score: Interval | None) -> str:
    """Return the mean and its interval, as in 0.4037 [0.391, 0.416]."""
    return MISSING if score is None else f"{format_score(score.mean)} {format_bounds(score)}"


def format_rate(value: float) -> str:
    """Return a learning rate with up to three digits, as in 0.0003 or 1e-05."""
    return f"{value:.3g}"


def format_points(value: float | None) -> str:
    """Return a difference of scores in signed ROUGE points (hundredths)."""
    return MISSING if value is None else _signed(f"{100 * value:+.2f}")


def format_points_bounds(low: float, high: float) -> str:
    """Return the interval of a difference in ROUGE points."""
    return f"[{format_points(low)}, {format_points(high)}]"


def format_detectable(value: float | None) -> str:
    """Return the size of a difference from which on it is found, in ROUGE points."""
    return MISSING if value is None else f"≥ {100 * value:.1f}"


def format_relative(value: float | None) -> str:
    """Return a ratio as a signed percentage."""
    return MISSING if value is None else _signed(f"{100 * value:+.1f} %")


def format_p_value(value: float | None) -> str:
    """Return a p-value: four decimals, and never 0."""
    if value is None:
        return MISSING
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def shorten_digest(value: str, length: int = 12) -> str:
    """Return the first digits of a fingerprint."""
    return value if len(value) <= length + 1 else value[:length] + "…"


def _signed(text: str) -> str:
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


__all__ = [
    "MINUS",
    "MISSING",
    "format_bounds",
    "format_bytes",
    "format_count",
    "format_duration",
    "format_energy",
    "format_interval",
    "format_p_value",
    "format_percent",
    "format_points",
    "format_points_bounds",
    "format_rate",
    "format_relative",
    "format_score",
    "format_share",
    "format_speed",
    "shorten_digest",
]

"""Make one measurement: `python -m benchmarks.measured.probes`.

A JSON line {"probe": name, "spec": {…}} comes on standard input, the result goes as a JSON line to standard output;
whatever a library prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys

from benchmarks.measured.probes import load_probe


def main() -> int:
    """Read the job, make the measurement, print it."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.environ["HF_HUB_OFFLINE"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the bars are the processor's
    job = json.loads(sys.stdin.readline())
    result = load_probe(job["probe"])(job["spec"])
    stream.write(json.dumps(result) + "\n")
    stream.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What two folders of one experiment must agree in, to the byte, wherever and however often their jobs were begun."""

import json
from pathlib import Path
from typing import Any


def read_results(output: Path) -> dict[str, Any]:
    """All that must not depend on where and in what order work was done; times and memory do."""
    found: dict[str, Any] = {}
    for path in sorted(output.glob("*-s*-*/*/*")):
        name = str(path.relative_to(output))
        if path.name in ("predictions.jsonl", "scores.jsonl", "adapter_config.json") or path.suffix == ".safetensors":
            found[name] = path.read_bytes()
        elif path.name == "training.json":
            result = json.loads(path.read_text())["result"]
            found[name] = [result["losses"], result["validation"], result["num_steps"]]
    for path in sorted(output.glob("tuning/*/*/result/trial.json")):
        trial = json.loads(path.read_text())
        found[str(path.relative_to(output))] = {k: v for k, v in trial.items() if not k.endswith("_seconds")}
    results = json.loads((output / "results.json").read_text())
    found["results"] = [[s["key"], s["scores"]] for s in results["systems"]], results["comparisons"]
    return found

"""The command that exports a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialora.cli.app import app
from dialora.cli.options import Json, Method, SetInUse
from dialora.cli.printing import observing, print_json, print_rows
from dialora.errors import Cancelled

if TYPE_CHECKING:
    from dialora.export import Verdict


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or an experiment's with --method.")],
    to: Annotated[str, typer.Option("--to", metavar="FORM", help="adapter, merged, ctranslate2 or onnx.")],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where to: a folder that is not there yet.")],
    method: Method = None,
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            help="fp32; merged also bf16; ctranslate2 also bf16 and int8. Others than fp32 are judged by ROUGE.",
        ),
    ] = "fp32",
    force: Annotated[bool, typer.Option("--force", help="Export it although it is not what the run writes.")] = False,
    set: SetInUse = None,
    json: Json = False,
) -> None:
    """Export a run for others to use: its PEFT adapter, the merged model, a CTranslate2 model, or ONNX graphs.

    What was written is loaded again and compared with the run on the test dialogues: in fp32 every token of greedy
    summaries and the scores of beams have to be the run's; a lower precision may cost a point of ROUGE. What differs is
    refused, and nothing is left of it. The folder has all that is needed: `dialora summarize --system DIR`.
    """
    from dialora import api
    from dialora.export.export import RefusedError, find_exportable
    from dialora.models.network import forbid_network, forbid_telemetry

    forbid_telemetry()
    system = find_exportable(run, method=method, precision=precision, set=set or ())
    forbid_network(system.config)
    try:
        with observing(quiet=json) as observer:
            made = api.export_run(system, to=to, output=output, force=force, observer=observer)
    except RefusedError as error:
        _print(error.verdict, f"{system.name} as {to}", json=json)
        raise
    except KeyboardInterrupt:
        raise Cancelled(f"stopped; nothing of {output} is left, and the same command begins anew.") from None
    _print(made.verdict, f"{system.name} as {to}", json=json)
    if not json:
        mark = "" if made.verdict.passed else f" It is not what the run writes: {'; '.join(made.verdict.reasons)}."
        typer.echo(f"Exported to {output}.{mark}")


def _print(verdict: Verdict, title: str, *, json: bool) -> None:
    if json:
        print_json(verdict.to_json())
        return
    rows: list[tuple[str, str, str, str]] = []
    if verdict.num_equal is not None:
        rows.append(("same tokens", "", f"{verdict.num_equal}/{verdict.num_dialogues}", ""))
        apart = verdict.largest_score_difference
        found = "not finite" if apart is None else f"{apart:.1e}"
        rows.append((f"largest difference of beam scores ({verdict.num_beamed})", "", found, ""))
    for metric, (mean, low, high) in verdict.differences.items():
        before, now = f"{100 * verdict.scores_run[metric]:.2f}", f"{100 * verdict.scores[metric]:.2f}"
        rows.append((metric, before, now, f"{100 * mean:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"))
    for name, ours, theirs, unit in (
        ("seconds", verdict.seconds, verdict.seconds_run, 1.0),
        ("MB", verdict.num_bytes, verdict.num_bytes_run, 1e6),
    ):
        before, now = ("" if one is None else f"{one / unit:.1f}" for one in (theirs, ours))
        rows.append((name, before, now, "" if not ours or not theirs else f"× {ours / theirs:.2f}"))
    print_rows(f"{title}, {verdict.precision}", ("", "run, torch", "export", "difference, 95 %"), rows, right=(1, 2, 3))


__all__ = ["export"]

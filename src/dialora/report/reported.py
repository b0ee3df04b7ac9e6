"""A comparison together with what it was reported from: its examples, figures and tables for papers.

`ReportedComparison` is a Comparison, with the same JSON; what pipelines return and what a finished folder is loaded
as. Of a loaded one the losses and searches are not there, so that their figures cannot be drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from dialora.comparison import Comparison
from dialora.config import ExperimentConfig, Overrides, load_experiment
from dialora.config.problems import show
from dialora.errors import ConfigError
from dialora.report.assembly import find_studies
from dialora.report.choice import DISAGREE
from dialora.report.comparison_stage import load_comparison
from dialora.report.document import ReportDocument
from dialora.report.selection import ExampleSelection
from dialora.store import RUNS, ExperimentFolder

if TYPE_CHECKING:
    from dialora.report.drawn import DrawnFigures
    from dialora.report.figures import ReportFigure


@dataclass(frozen=True, slots=True)
class ReportedComparison(Comparison):
    """A comparison that shows its examples and figures, and writes its tables for papers."""

    document: ReportDocument | None = field(default=None, repr=False, compare=False, kw_only=True)
    """What it was reported from; None where only the numbers are known."""

    @classmethod
    def of(cls, document: ReportDocument) -> Self:
        """Return a document's comparison together with it."""
        plain = document.comparison
        return cls(**{one.name: getattr(plain, one.name) for one in fields(Comparison)}, document=document)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load the comparison of a finished experiment or scored table. Raises StageError where there is none."""
        kept = load_comparison(folder)
        studies = find_studies(ExperimentFolder(folder), kept.examples)
        return cls.of(_build_bare(kept.comparison, examples=kept.examples, studies=studies.results))

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values, without what it was reported from."""
        return self._plain().to_json()

    def examples(
        self,
        n: int = 3,
        sort: str = DISAGREE,
        *,
        ids: str | Sequence[str] = (),
        systems: str | Sequence[str] = (),
        seed: int = 0,
    ) -> ExampleSelection:
        """Return test dialogues side by side: `n` of them, or those with `ids`.

        `sort` is `disagree` (where the systems' ROUGE-1 differs most), `worst` or `best` (by the ROUGE-1 of the first
        of `systems`, or the mean of the trained ones), or `random` with a `seed`. `systems` are keys, as in `lora`; all
        are shown when none is named. Raises ConfigError.
        """
        found = () if self.document is None else self.document.examples
        return ExampleSelection(
            self._plain(), found, n=n, sort=sort, ids=_as_list(ids), systems=_as_list(systems), seed=seed
        )

    @overload
    def plot(self, name: str) -> ReportFigure: ...
    @overload
    def plot(self, name: None = None) -> DrawnFigures: ...
    def plot(self, name: str | None = None) -> ReportFigure | DrawnFigures:
        """Return the report's figure of that name, or all that there are facts for; a notebook shows them.

        Names are `scores`, `bases`, `people`, `loss`, `tradeoff` and `learning_rates`; `.save(path)` writes SVG. Raises
        ConfigError where a figure's facts are not here.
        """
        from dialora.report.drawn import draw, draw_all

        document = self.document or _build_bare(self._plain())
        return draw_all(document) if name is None else draw(document, name)

    def to_latex(self, *, caption: str = "", label: str = "") -> str:
        """Return the table of scores as LaTeX for `booktabs`, with intervals, and costs where they are known.

        Bold is what is clearly better than every other system: interval and corrected test agree. With a `caption` or
        `label` the table floats.
        """
        from dialora.report.paper import render_latex

        return render_latex(self._plain(), caption=caption, label=label)

    def to_markdown(self) -> str:
        """Return the table of scores as Markdown, with intervals; bold is as in `to_latex`."""
        from dialora.report.markdown import render_table
        from dialora.report.paper import build_paper_table

        return render_table(build_paper_table(self._plain()), has_title=False)

    def to_csv(self, path: str | Path | None = None) -> str | None:
        """Write `frame()` to a CSV file, or return it as text; no cell is a formula to a spreadsheet."""
        from dialora.report.paper import render_csv

        text = render_csv(self._plain())
        if path is None:
            return text
        from dialora.store import save_text

        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_text(text, path)
        return None

    def _plain(self) -> Comparison:
        return Comparison(**{one.name: getattr(self, one.name) for one in fields(Comparison)})


def find_comparison(run: str | Path | Mapping[str, Any] | ExperimentConfig, overrides: Overrides = ()) -> Path:
    """Return the folder of a comparison: `run` itself, or the default folder of an experiment.

    Raises ConfigError where it is neither.
    """
    if isinstance(run, str | Path) and Path(run).is_dir():
        return Path(run)
    try:
        return RUNS / load_experiment(run, overrides).name
    except ConfigError as error:
        if not isinstance(run, str | Path) or Path(run).exists() or overrides:
            raise
        raise ConfigError(
            f"{show(str(run))[1:-1]}: no such folder, experiment file or shipped experiment; give the folder of a "
            "finished experiment or of a scored table."
        ) from error


def _build_bare(comparison: Comparison, **facts: Any) -> ReportDocument:
    """Build a document that knows a comparison, and `facts`, alone."""
    values: dict[str, Any] = {"curves": (), "examples": (), "data": {}, "truncation": (), "seconds": {}}
    return ReportDocument(comparison, **values | {"environment": {}, "config_yaml": ""} | facts)


def _as_list(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else [*names]


__all__ = ["ReportedComparison", "find_comparison"]

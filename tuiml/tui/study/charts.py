"""The charts of a study: an entry and a view each. A new one is a class and a line in :data:`CHARTS`."""

from __future__ import annotations

from dataclasses import dataclass

from tuiml.tui.model.study_model import StudyModel
from tuiml.tui.study.setting_charts import MapOfStudy, ParallelOfStudy
from tuiml.tui.study.views import CurvesOfStudy, HistogramsOfStudy, NormsOfStudy, StudyView


@dataclass(frozen=True)
class StudyChart:
    """A chart of a study."""

    id: str
    title: str
    help: str
    view: type[StudyView]
    varied: tuple[int, int] = (0, 99)
    """How many varied settings it is for, at least and at most."""


CHARTS = (
    StudyChart("curves", "curves", "The metric over the epochs, the steps or the time.", CurvesOfStudy),
    StudyChart("histograms", "histograms", "One layer's histogram of each, side by side.", HistogramsOfStudy),
    StudyChart("norms", "gradient norms", "The gradient norm of every layer of each.", NormsOfStudy),
    StudyChart("map", "map", "The metric of every combination of two settings.", MapOfStudy, (2, 2)),
    StudyChart(
        "parallel",
        "parallel coordinates",
        "A line a configuration through its settings.",
        ParallelOfStudy,
        (2, 99),
    ),
)


def available(model: StudyModel) -> list[StudyChart]:
    """The charts that suit the study."""
    count = len(model.varied)
    return [chart for chart in CHARTS if chart.varied[0] <= count <= chart.varied[1]]

"""The preview of a study: its note, what it varies, and its table as far as it was run."""

from __future__ import annotations

from typing import Any

from tuiml.registry import value_text
from tuiml.studies.results import Results
from tuiml.tui.charts.palette import QUIET, TROUBLE, VARIED, Look
from tuiml.tui.charts.text import Line, clean, fit
from tuiml.tui.library.preview import NOTE_LINES, Page
from tuiml.tui.model.study_cells import TITLES, with_spread
from tuiml.tui.model.study_items import StudySummary

MOST_ROWS = 40


def study_strips(
    study: StudySummary, results: Results | str | None, width: int, _height: int, look: Look
) -> list[Line]:
    """Name, note, what is varied, and the ranked configurations."""
    page = Page(width, look)
    page.ends(study.path.name, "running" if study.running else "" if study.begun else "not begun")
    if study.problem:
        page.text(study.problem, look.style(TROUBLE), indent=look.glyphs.up + " ")
        return page.strips
    tables = study.document or {}
    note = tables.get("note")
    if isinstance(note, str) and note.strip():
        page.text(note, most=NOTE_LINES)
    page.gap()
    for label, value in facts(tables):
        page.fact(label, value)
    page.gap()
    if isinstance(results, str):
        page.text(results, look.style(TROUBLE), indent=look.glyphs.up + " ")
    elif results is None:
        page.text("reading the table", look.style(QUIET))
    else:
        _table(page, results)
    return page.strips


def facts(tables: dict[str, Any]) -> list[tuple[str, str]]:
    """What a study's file says, by its label; the values need not be safe to show."""
    preset = tables.get("preset")
    name = preset.get("name", "a preset of its own") if isinstance(preset, dict) else preset
    found = [("preset", str(name))] if name else []
    for vary in _tables(tables.get("vary")):
        values = vary.get("values")
        told = f"{vary.get('low')} to {vary.get('high')}"
        if isinstance(values, list):
            told = ", ".join(map(value_text, values))
        found.append(("varies", f"{vary.get('path')}: {told}"))
    variants = [str(one.get("name")) for one in _tables(tables.get("variant"))]
    if variants:
        found.append(("variants", ", ".join(variants)))
    if "folds" in tables:
        found.append(("folds", str(tables["folds"])))
    elif isinstance(tables.get("seeds"), list):
        found.append(("seeds", ", ".join(map(str, tables["seeds"]))))
    search = tables.get("search")
    if isinstance(search, dict) and search.get("method"):
        found.append(("search", str(search["method"])))
    return found


def _tables(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _table(page: Page, results: Results) -> None:
    look, metric = page.look, results.metric
    done = f"{results.done:,} of {results.total:,} runs done, by {TITLES.get(metric, metric)}"
    page.text(done, look.style(QUIET))
    room = max(8, min(40, page.width - 30))
    for row in results.rows[:MOST_ROWS]:
        rank = str(row.rank) if row.rank else look.glyphs.missing
        name = fit(clean(row.configuration.name, look), room, look.glyphs.more)
        style = look.style(bold=row.rank == 1)
        page.line((f"{rank:>3}  {name}  ", style), (with_spread(metric, row.mean, row.std, look), style))
    if len(results.rows) > MOST_ROWS:
        page.text(f"and {len(results.rows) - MOST_ROWS:,} more", look.style(QUIET), indent="     ")
    if results.conclusion:
        page.gap()
        page.text(results.conclusion, look.style(VARIED))

"""HTML: a report of a run in one file that loads nothing and runs nothing, for a screen or for paper."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from tuiml.export import report, report_network
from tuiml.export.charts import CHARTS
from tuiml.export.drawing import STYLE, Curve, lines, text_of
from tuiml.export.exported_run import Source
from tuiml.export.formats import Files, Order
from tuiml.runs.errors import RunError

CURVES = ("loss", "accuracy", "r2", "gradients", "updates", "dead", "saturated")
LAYERS = ("activation-histograms", "weight-histograms", "gradient-histograms")
ANSWERS = ("confusion", "boundary", "predictions", "fit")
MOST_SCALARS = 60
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
PAGE = """\
body{margin:0 auto;max-width:1040px;padding:24px;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}h1{font-size:24px;margin:0}h2{font-size:17px;margin:32px 0 8px;
border-bottom:1px solid var(--grid);padding-bottom:4px}p{margin:4px 0}
figure{margin:0}.quiet,th{color:var(--quiet)}
.figures{display:flex;flex-wrap:wrap;gap:10px 28px;margin:14px 0}.figures b{display:block;font-size:20px;
font-weight:600}.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(400px,1fr));gap:16px}
.wide{overflow-x:auto}svg{width:100%;height:auto;break-inside:avoid}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}
th{text-align:left;font-weight:500}th,td{padding:3px 9px 3px 0;border-bottom:1px solid var(--grid);
white-space:nowrap}th:last-child,td:last-child{padding-right:0}
td.number,th.number{text-align:right}
.verdict{border-left:3px solid #c2571a;padding:2px 12px;margin:10px 0;break-inside:avoid}
pre{font:12px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0;font-size:11pt}h2{break-after:avoid}@page{margin:16mm}
.charts{grid-template-columns:1fr 1fr}}
"""


def _charts(source: Source, names: Sequence[str], kind: str = "charts") -> str:
    """The charts that the run has something to draw in."""
    found = []
    for name in names:
        with contextlib.suppress(RunError):
            drawing = CHARTS[name](source)
            if name not in CURVES or "<polyline" in drawing:  # a single point is no curve
                found.append(f"<figure>{drawing}</figure>")
    return f'<div class="{kind}">{"".join(found)}</div>' if found else ""


def _scalars(source: Source) -> str:
    """What a loop of the user's own reports, a chart for each name."""
    some = list(source.scalars.items())[:MOST_SCALARS]
    drawn = [f"<figure>{lines(name, [Curve(name, points)])}</figure>" for name, points in some]
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def _answers(source: Source) -> str:
    """What the network answers on the part that it was not trained on; why not, where it cannot be asked."""
    try:
        source.predictor  # noqa: B018 - it is opened here, or refused
        charts = _charts(source, ANSWERS, "charts")
    except Exception as error:  # a report of the figures is worth having without data or weights
        why = text_of(report.why(error))
        source.notes.append(f"the report has no confusion matrix or predictions: {report.why(error)}")
        return f'<p class="quiet">It is not drawn here: {why}</p>'
    return f'{charts}{_evaluation(source)}<p class="quiet">{text_of(source.predictor.said)}</p>'


def _evaluation(source: Source) -> str:
    """How good the network is, with intervals; nothing where there are no examples apart from training."""
    try:
        title, rows, by_class = report_network.evaluated(source)
    except RunError:
        return ""
    tables = _table(
        [list(map(text_of, row)) for row in rows], (text_of(title), "value", report_network.INTERVAL), 1
    )
    if by_class:
        cells = [list(map(text_of, row)) for row in by_class]
        tables += f"<br>{_table(cells, report_network.CLASS_COLUMNS, 1)}"
    return tables


def _table(rows: Sequence[Sequence[str]], head: Sequence[str], numbers: int) -> str:
    """A table; cells from column ``numbers`` on are aligned to the right. Cells are HTML already."""

    def row(cells: Sequence[str], tag: str) -> str:
        kinds = ("" if at < numbers else ' class="number"' for at in range(len(cells)))
        return "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f'<div class="wide"><table><tr>{row(head, "th")}</tr>{body}</table></div>'


def make(source: Source, order: Order) -> Files:
    """The report."""
    layers = report_network.layer_cells(source)
    figures = "".join(f"<div><b>{text_of(v)}</b>{text_of(k)}</div>" for k, v in report.figures(source))
    settings = [[text_of(k), text_of(v)] for k, v in report.settings(source)]
    verdicts = "".join(
        f'<div class="verdict"><p><b>{text_of(one.name)}</b></p><p>{text_of(one.evidence)}</p>'
        f'<p class="quiet">{text_of(one.meaning)} ({text_of(one.source)})</p>'
        f"<p>{text_of(one.remedy.words)}</p></div>"
        for one in report.verdicts_of(source)
    )
    well = '<p class="quiet">Nothing is found to be wrong.</p>'
    preset = "\n".join(map(text_of, report.preset_text(source).splitlines()))
    sections = [
        ("Curves", _charts(source, (*CURVES, *(["learning-rate"] if report.rate_changes(source) else [])))),
        ("Scalars", _scalars(source)),
        ("Layers", _table(layers, report_network.LAYER_COLUMNS, report_network.WORDS) if layers else ""),
        ("Values of the layers", _charts(source, LAYERS)),
        ("Answers", _answers(source)),
        ("Diagnosis", verdicts or (well if source.preset else "")),
        ("Settings", _table(settings, ("setting", "value"), 2)),
        ("Events", "".join(f"<p>{text_of(text)}</p>" for text in report.happened(source))),
        ("Preset", f"<pre>{preset}</pre>" if preset else ""),
    ]
    body = "".join(f"<section><h2>{title}</h2>{content}</section>" for title, content in sections if content)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{text_of(source.name)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<style>{STYLE}{PAGE}</style></head><body><h1>{text_of(source.name)}</h1>"
        f'<p class="quiet">{text_of(report.subtitle(source))}</p>'
        f'<div class="figures">{figures}</div>{body}</body></html>\n'
    )
    return {".html": page.encode()}

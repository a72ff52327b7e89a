"""A compositor that renders, of a partial update, only what is in front of the lines that changed."""

from __future__ import annotations

from collections.abc import Iterable

from textual import _compositor as textual
from textual.geometry import Region
from textual.strip import Strip


class Compositor(textual.Compositor):
    """Textual's, which renders for each update all widgets, containers too, in the smallest rectangle around
    all that changed: on Train a dozen whole widgets for one line, several times the work of drawing it.
    """

    _changed: tuple[Region, ...] = ()

    def render_partial_update(self) -> textual.ChopsUpdate | None:
        self._changed = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = ()

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        return self._in_front(self._changed) if self._changed else super()._get_renders(crop)

    def _in_front(self, changed: Iterable[Region]) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """The region, the visible part of it and the lines there of each widget that is seen in ``changed``,
        from the front to the back."""
        behind = list(changed)
        for widget, (region, clip) in self.visible_widgets.items():
            area = region.intersection(clip)
            seen = [part for part in behind if area.overlaps(part)]
            if seen:
                first = max(area.y, min(part.y for part in seen))
                end = min(area.bottom, max(part.bottom for part in seen))
                lines = Region(area.x, first, area.width, end - first)
                yield region, lines, widget.render_lines(lines.translate(-region.offset))
                behind = [part for part in behind if not area.contains_region(part)]
                if not behind:
                    return

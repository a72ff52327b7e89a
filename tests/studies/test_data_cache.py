"""Data that stays loaded between trials."""

from tests.studies.running import PRESET
from tuiml.spec import check
from tuiml.studies.data_cache import DataCache
from tuiml.training.run_control import RunControl


def preset(size=140, **training):
    document = {**PRESET, "data": {"name": "moons", "size": size}}
    found, problems = check(document | {"training": PRESET["training"] | training})
    assert found, problems
    return found


def loaded(cache, chosen):
    events = cache.load(chosen, RunControl())
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


def test_equal_data_is_loaded_once_and_other_data_is_other():
    cache = DataCache()
    first = loaded(cache, preset())
    assert loaded(cache, preset(learning_rate=0.1)) is first
    assert loaded(cache, preset(seed=1)) is not first  # its parts are drawn with the seed
    assert loaded(cache, preset(size=150)) is not first
    assert loaded(cache, preset()) is first


def test_what_was_not_used_for_longest_goes_where_memory_is_bounded():
    cache = DataCache(most=1)
    first = loaded(cache, preset())
    assert loaded(cache, preset()) is first  # the last one always stays
    loaded(cache, preset(seed=1))
    assert loaded(cache, preset()) is not first

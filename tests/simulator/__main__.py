"""``python -m tests.simulator``: plays plans and prints what was found; exit code 1 if a rule was broken."""

from __future__ import annotations

from tests.simulator.clock import clock, real_time

clock.install()  # before tuiml is imported: clocks are default arguments there

import argparse  # noqa: E402
import itertools  # noqa: E402
import json  # noqa: E402
import random  # noqa: E402
import sys  # noqa: E402

from tests.simulator import player, sabotage  # noqa: E402
from tests.simulator.plan import kept  # noqa: E402


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--plans", type=int, default=200, help="how many")
    parser.add_argument("--hours", type=float, help="as many as can be played in this time")
    parser.add_argument("--seed", type=int, help="of the first plan; the others count up from it")
    parser.add_argument("--plan", help="play this one, as JSON, instead")
    parser.add_argument("--kept", action="store_true", help="play those that once failed instead")
    parser.add_argument("--only", choices=("run", "study"), default="", help="what the plans are about")
    parser.add_argument("--sabotage", choices=sorted(sabotage.KINDS), help="plant a fault in tuiml first")
    chosen = parser.parse_args(arguments)
    if chosen.sabotage:
        sabotage.KINDS[chosen.sabotage]()
    if chosen.plan:
        seen = player.played(json.loads(chosen.plan), player.Undisturbed())
        print(seen or "no rule is broken")
        return bool(seen)
    if chosen.kept:
        whole = player.Undisturbed()
        print(json.dumps({name: player.played(steps, whole) for name, steps in kept()}))
        return 0
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**9)
    end = real_time() + chosen.hours * 3600 if chosen.hours else float("inf")
    seeds = itertools.count(seed) if chosen.hours else range(seed, seed + chosen.plans)
    found = player.play(
        seeds, until=lambda: real_time() > end, most=1 if chosen.sabotage else 5, only=chosen.only
    )
    print(json.dumps({"seed": seed, **found.to_json()}))
    return bool(found.failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

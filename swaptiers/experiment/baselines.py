"""Variants that any experiment can be compared with, whether its config has them or not."""

from __future__ import annotations

import attrs

from swaptiers.demotion.terms import EdgeSpec, Triggers
from swaptiers.errors import ConfigError
from swaptiers.experiment.load import Experiment
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.graph import TierGraph, TierGraphError
from swaptiers.tiers.specs import ZswapSpec

OVERFLOW, KERNEL, ORACLE = "overflow", "kernel", "oracle"


def with_baselines(experiment: Experiment) -> Experiment:
    """With `overflow` and `kernel` before the config's own variants, unless it has variants of these names."""
    base = experiment.base
    made = {OVERFLOW: overflow(base), KERNEL: kernel(base)}
    new = {name: spec for name, spec in made.items() if spec is not None and name not in experiment.variants}
    return attrs.evolve(experiment, variants={**new, **experiment.variants})


def with_oracle(experiment: Experiment) -> Experiment:
    """With a variant `oracle` after the others, unless it has one. ConfigError where nobody can know the future."""
    if ORACLE in experiment.variants:
        return experiment
    base = experiment.base
    edges = TierGraph.build(base.tiers, base.edges, base.on_full, int(base.page_size)).edges
    if not edges:
        raise ConfigError("there is no edge for an oracle to decide on: the config without its variants has none")
    if base.run.interleave == "time":
        raise ConfigError("the future is open with interleave: time; use interleave: references for bounds")
    knowing = tuple(attrs.evolve(edge, policy="oracle", older_than=None) for edge in edges)
    return attrs.evolve(experiment, variants={**experiment.variants, ORACLE: attrs.evolve(base, edges=knowing)})


def overflow(base: ExperimentSpec) -> ExperimentSpec:
    """No demotion: a full tier spills to the next, as zram above a disk swap does."""
    tiers = tuple(attrs.evolve(tier, on_full=None) for tier in base.tiers)
    return attrs.evolve(base, tiers=tiers, edges=(), on_full="spill", actions=(), controllers=())


def kernel(base: ExperimentSpec) -> ExperimentSpec | None:
    """Zswap's own way: a refused store spills to the devices, a worker writes back to where there is room; nothing moves
    below zswap. None without a zswap tier above others, or where those tiers can't be reached so."""
    order = sorted(base.tiers, key=lambda tier: -(tier.priority or 0))
    first = next((tier for tier in order if isinstance(tier, ZswapSpec)), None)
    devices = [tier.name for tier in order if not isinstance(tier, ZswapSpec)]
    if first is None or not devices:
        return None
    when = Triggers(limit=True)
    edges = tuple(EdgeSpec(source=first.name, target=name, policy="second-chance", when=when) for name in devices)
    tiers = tuple(attrs.evolve(tier, on_full=None) for tier in base.tiers)
    try:
        TierGraph.build(tiers, edges, "spill")
    except TierGraphError:
        return None
    return attrs.evolve(base, tiers=tiers, edges=edges, on_full="spill", actions=(), controllers=())

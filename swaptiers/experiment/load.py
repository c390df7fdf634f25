"""From a config to the experiment that it describes: variants resolved, options applied, everything checked."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from swaptiers.config import Node, keys_of, load_document, structure, with_overlay, with_set
from swaptiers.errors import ConfigError
from swaptiers.experiment.advice import advice
from swaptiers.experiment.means import check_means
from swaptiers.experiment.requests import check_requests
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.graph import TierGraph
from swaptiers.system_yaml import check_system, located
from swaptiers.units import format_bytes
from swaptiers.workloads.contents import files_of, shares_of
from swaptiers.workloads.source import MAX_WORKLOADS
from swaptiers.workloads.specs import AnyWorkloadSpec
from swaptiers.workloads.trace import Survey

VARIANT_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
MAX_WORK = 200_000
"""Values of all variants together; checking them takes some seconds."""
ONLY = "base"
"""The name of the only variant of a config without variants."""


@attrs.frozen(kw_only=True)
class Experiment:
    """A loaded experiment.

    `variants`: each resolved. `base`: what they change (the first of them where that is no experiment by itself).
    `folder`: what relative paths are below.
    """

    path: Path
    folder: Path
    seed: int
    base: ExperimentSpec
    variants: Mapping[str, ExperimentSpec]

    def advice(self) -> list[str]:
        """What the config may say but seldom means, with the variants that say it."""
        said: dict[str, list[str]] = {}
        for name, spec in self.variants.items():
            for sentence in advice(spec):
                said.setdefault(sentence, []).append(name)
        every = len(self.variants)
        return [s if len(names) == every else f"variant {', '.join(names)}: {s}" for s, names in said.items()]


def load_experiment(
    path: str | os.PathLike[str],
    *,
    sets: Sequence[str] = (),
    seed: int | None = None,
    variants: Sequence[str] | None = None,
) -> Experiment:
    """The experiment in a config. `variants`: only these; `sets`: ``KEY=VALUE`` over each of them.

    Raises ConfigError for the first thing that is wrong, with file, line and column.
    """
    return experiment_in(load_document(path), path, sets=sets, seed=seed, variants=variants)


def experiment_in(
    document: Node,
    path: str | os.PathLike[str],
    *,
    sets: Sequence[str] = (),
    seed: int | None = None,
    variants: Sequence[str] | None = None,
    surveys: dict[Path, Survey] | None = None,
) -> Experiment:
    """As `load_experiment`, of a document that is loaded already. `surveys`: of traces, to be used again."""
    folder = Path(path).resolve().parent
    overlays = _overlays(document)
    base = _without(document, "variants")
    known = keys_of(ExperimentSpec)
    changes = list(sets) if seed is None else [*sets, f"seed={seed}"]
    surveyed = {} if surveys is None else surveys
    selected = _chosen(overlays, variants)
    _check_work(document, base, len(selected))

    def resolve(overlay: Node | None) -> ExperimentSpec:
        whole = base if overlay is None else with_overlay(base, overlay)
        for change in changes:
            whole = with_set(whole, change, known)
        spec = structure(whole, ExperimentSpec)
        graph = check_experiment(spec, whole, folder)
        check_means(spec, whole, folder, surveyed)
        return attrs.evolve(spec, edges=graph.edges)

    chosen = {name: resolve(overlay) for name, overlay in selected.items()}
    first = next(iter(chosen.values()))
    if None in selected.values():
        return Experiment(path=Path(path), folder=folder, seed=first.seed, base=first, variants=chosen)
    try:
        whole = resolve(None)
    except ConfigError:  # the variants complete it
        whole = first
    return Experiment(path=Path(path), folder=folder, seed=first.seed, base=whole, variants=chosen)


def _overlays(document: Node) -> dict[str, Node | None]:
    node = document.value.get("variants")
    if node is None or node.value is None:
        return {ONLY: None}
    if not isinstance(node.value, dict) or not node.value:
        raise node.place.error("variants are a mapping of names to the keys that they change")
    overlays: dict[str, Node | None] = {}
    for name, overlay in node.value.items():
        if not VARIANT_NAME.fullmatch(name):
            raise node.keys[name].error(
                f"a variant's name has up to 40 letters, digits, dots, - and _, not {name[:50]!r}"
            )
        changes = Node({}, overlay.place) if overlay.value is None else overlay
        if not isinstance(changes.value, dict):
            raise changes.place.error(f"variant {name!r} is a mapping of the keys that it changes; {{}} for none")
        if "variants" in changes.value:
            raise changes.keys["variants"].error("a variant can't have variants of its own")
        overlays[name] = changes
    return overlays


def _check_work(document: Node, base: Node, variants: int) -> None:
    """Each variant is checked whole: many of a large config would take minutes before anything ran."""
    values = base.count()
    if variants * values > MAX_WORK:
        raise document.place_of(("variants",), key=True).error(
            f"{variants} variants of a config with {values} values are more than can be checked at a time "
            f"({MAX_WORK} values); choose some with --variant, or make the config smaller"
        )


def _without(document: Node, key: str) -> Node:
    kept = {name: node for name, node in document.value.items() if name != key}
    return Node(kept, document.place, {name: document.keys[name] for name in kept})


def _chosen(overlays: dict[str, Node | None], wanted: Sequence[str] | None) -> dict[str, Node | None]:
    if not wanted:
        return overlays
    for name in wanted:
        if name not in overlays:
            near = difflib.get_close_matches(name, list(overlays), 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(overlays)}"
            raise ConfigError(f"--variant {name}: there is no such variant; {hint}")
    return {name: overlays[name] for name in overlays if name in wanted}


def check_experiment(spec: ExperimentSpec, document: Node, folder: Path) -> TierGraph:
    """What is wrong with the experiment as a whole. Raises ConfigError with the place in the document."""
    graph = check_system(spec, document, folder)
    if not spec.workloads:
        raise document.place_of(("workloads",), key=True).error(
            "there is no workload; write at least one under workloads"
        )
    if len(spec.workloads) > MAX_WORKLOADS:
        raise document.place_of(("workloads", MAX_WORKLOADS)).error(
            f"there are {len(spec.workloads)} workloads; at most {MAX_WORKLOADS} are possible"
        )
    _check_limits(spec, document)
    _check_oracle(spec, document)
    check_requests(spec, graph, document)
    for index, workload in enumerate(spec.workloads):
        _check_start(spec, workload, document, index)
        try:
            if files_of(workload.contents) is None:
                shares_of(workload.contents)
        except ConfigError as error:
            raise located(error, document, ("workloads", index, "contents")) from None
    return graph


def _check_start(spec: ExperimentSpec, workload: AnyWorkloadSpec, document: Node, index: int) -> None:
    """A start is a share where references order the run, and a time where time does."""
    by_time = spec.run.interleave == "time"
    if (workload.start.share and by_time) or (workload.start.time and not by_time):
        wanted = "a time like 2s" if by_time else "a share of the references like 20%, or run.interleave: time"
        raise document.place_of(("workloads", index, "start")).error(
            f"with interleave: {spec.run.interleave}, a start is {wanted}, not {workload.start.written()}"
        )


def _check_oracle(spec: ExperimentSpec, document: Node) -> None:
    """The future is known only where one order of references holds for everybody."""
    for index, edge in enumerate(spec.edges or ()):
        if edge.policy == "oracle" and spec.run.interleave == "time":
            raise document.place_of(("edges", index, "policy")).error(
                "policy oracle knows the order of references, which interleave: time leaves open; use interleave: references"
            )


def _check_limits(spec: ExperimentSpec, document: Node) -> None:
    """memory.max, of a cgroup or an ancestor of one with a workload, must hold a batch of reclaim."""
    batch = spec.run.reclaim_batch * spec.page_size
    for cgroup in spec.cgroups:
        prefix = cgroup.path.rstrip("/") + "/"
        used = any(w.cgroup == cgroup.path or w.cgroup.startswith(prefix) for w in spec.workloads)
        if used and cgroup.memory_max is not None and cgroup.memory_max < batch:
            raise document.place_of(("cgroups", cgroup.path, "memory.max")).error(
                f"memory.max of {cgroup.path} is {format_bytes(cgroup.memory_max)} and can't hold one batch of reclaim "
                f"({spec.run.reclaim_batch} pages, {format_bytes(batch)}); give more, or a smaller run.reclaim_batch"
            )

"""The system in a config, checked as a whole: what no single key shows."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from swaptiers.codecs import UnknownCompressorError, make_codec
from swaptiers.config import Node, load_document, structure
from swaptiers.demotion.custom import load_policy
from swaptiers.demotion.terms import POLICIES
from swaptiers.errors import ConfigError
from swaptiers.graph import TierGraph, TierGraphError, unknown_tier
from swaptiers.system_spec import SystemSpec
from swaptiers.tiers.room import RoomError, check_room, file_of
from swaptiers.tiers.specs import CLUSTER_SLOTS, FileSpec, SlottedSpec, ZswapSpec
from swaptiers.units import format_bytes

EXPERIMENT_KEYS = ("version", "seed", "workloads", "dialect", "actions", "controllers", "run", "variants")
TIER_NAME = re.compile(r"[A-Za-z0-9_]{1,15}")


def system_spec_from_yaml(path: str | os.PathLike[str]) -> SystemSpec:
    """The system that a config describes; keys that only an experiment has are passed over. Raises ConfigError."""
    document = load_document(path)
    kept = {key: node for key, node in document.value.items() if key not in EXPERIMENT_KEYS}
    document = Node(kept, document.place, {key: document.keys[key] for key in kept})
    spec = structure(document, SystemSpec)
    folder = Path(path).resolve().parent
    check_system(spec, document, folder)
    try:
        check_room(spec.tiers, folder)
    except RoomError as error:
        raise document.place_of(("tiers", error.tier, error.key)).error(error.what) from None
    return spec


def check_system(spec: SystemSpec, document: Node, folder: Path) -> TierGraph:
    """What is wrong with the system as a whole, with its place in the document. Raises ConfigError."""
    _check_tiers(spec, document, folder)
    try:
        graph = TierGraph.build(spec.tiers, spec.edges, spec.on_full, int(spec.page_size))
    except TierGraphError as error:
        where: Sequence[str | int] = ("edges",)
        if error.edge_index is not None:
            where = ("edges", error.edge_index)
        elif error.tier is not None:
            where = ("tiers", error.tier)
        raise document.place_of(where, key=True).error(error.what) from None
    _check_policies(graph, document, folder)
    for cgroup in spec.cgroups:
        for key, tiers in (("memory.swap.tiers.max", cgroup.tiers_max), ("memory.swap.tiers.low", cgroup.tiers_low)):
            for tier in tiers:
                if tier not in graph.nx:
                    place = document.place_of(("cgroups", cgroup.path, key, tier), key=True)
                    raise place.error(unknown_tier(tier, graph.nx.nodes).what)
    return graph


def _check_policies(graph: TierGraph, document: Node, folder: Path) -> None:
    """Policies of users' own can be imported and made."""
    for index, edge in enumerate(graph.edges):
        if edge.policy not in POLICIES:
            try:
                load_policy(edge.policy, edge.options, folder)
            except ConfigError as error:
                raise document.place_of(("edges", index, "policy")).error(error.what) from None


def _check_tiers(spec: SystemSpec, document: Node, folder: Path) -> None:
    files: dict[str, str] = {}
    for tier in spec.tiers:
        if not TIER_NAME.fullmatch(tier.name):
            raise document.place_of(("tiers", tier.name), key=True).error(
                f"a tier's name has 1 to 15 letters, digits and underscores, as the kernel's, not {tier.name[:40]!r}"
            )
        if isinstance(tier, ZswapSpec | FileSpec) and tier.compressor is not None:
            try:
                make_codec(tier.compressor, tier.level, int(spec.page_size))
            except UnknownCompressorError as error:
                raise document.place_of(("tiers", tier.name, "compressor")).error(str(error)) from None
            except ValueError as error:
                raise document.place_of(("tiers", tier.name, "level")).error(str(error)) from None
        if isinstance(tier, SlottedSpec) and tier.capacity < CLUSTER_SLOTS * spec.page_size:
            least = format_bytes(CLUSTER_SLOTS * spec.page_size)
            raise document.place_of(("tiers", tier.name, "capacity")).error(
                f"capacity is at least one cluster of {CLUSTER_SLOTS} pages, {least}, not {format_bytes(tier.capacity)}"
            )
        if isinstance(tier, FileSpec) and tier.path is not None:
            if not tier.path or "\0" in tier.path:
                raise document.place_of(("tiers", tier.name, "path")).error(
                    "path is the name of a file that can be made; leave it out for an unnamed temporary one"
                )
            try:
                real = os.path.realpath(file_of(tier, folder) or "")
            except RoomError as error:
                raise document.place_of(("tiers", tier.name, "path")).error(error.what) from None
            if real in files:
                raise document.place_of(("tiers", tier.name, "path")).error(
                    f"tiers {files[real]!r} and {tier.name!r} have one file, {tier.path}; give each its own"
                )
            files[real] = tier.name


def located(error: ConfigError, document: Node, path: Sequence[str | int]) -> ConfigError:
    """An error of a room that knows no places, with the place of the key that it is about."""
    return error if error.line is not None else document.place_of(path).error(error.what)


__all__ = ["check_system", "located", "system_spec_from_yaml"]

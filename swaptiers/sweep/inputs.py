"""What a config only names: traces, files of contents, policies beside it. Their bytes decide what a run finds, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import xxhash

from swaptiers.errors import ConfigError
from swaptiers.experiment.spec import ExperimentSpec
from swaptiers.workloads.contents import file_rows, files_of
from swaptiers.workloads.specs import SequencePattern, TracePattern

PIECE = 1 << 20


@attrs.define
class Inputs:
    """Hashes of the files that specs name, each file read once. `folder`: what relative paths are below."""

    folder: Path
    _known: dict[tuple[str, str], str] = attrs.field(factory=dict)

    def of(self, spec: ExperimentSpec) -> dict[str, str]:
        """Name in the config -> hash of what is there. Raises ConfigError for what can't be read."""
        return {f"{kind} {name}": self._hash(kind, name, int(spec.page_size)) for kind, name in _named(spec)}

    def _hash(self, kind: str, name: str, page_size: int) -> str:
        key = (kind, name)
        if key not in self._known:
            if kind == "contents":
                found = xxhash.xxh3_128_hexdigest(file_rows(name, self.folder, page_size).tobytes())
            else:
                found = _hash_of(self.folder / name)
            self._known[key] = found
        return self._known[key]


def _named(spec: ExperimentSpec) -> Iterator[tuple[str, str]]:
    for workload in spec.workloads:
        for pattern in workload.steps if isinstance(workload, SequencePattern) else (workload,):
            if isinstance(pattern, TracePattern):
                yield "trace", pattern.path
        if (files := files_of(workload.contents)) is not None:
            yield "contents", files
    for edge in spec.edges or ():
        module, colon, _ = edge.policy.partition(":")
        if colon:
            yield "policy", module.replace(".", "/") + ".py"


def _hash_of(path: Path) -> str:
    """A policy's module may be installed instead of beside the config: then its package's version is its owner's matter."""
    if path.suffix == ".py" and not path.is_file():
        return "elsewhere"
    found = xxhash.xxh3_128()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                found.update(piece)
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error
    return found.hexdigest()

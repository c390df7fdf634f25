"""The JSON schema of a config: of an experiment, and of what its variants change."""

from __future__ import annotations

from typing import Any

from swaptiers.config.schema import DRAFT, SchemaWriter
from swaptiers.experiment.spec import ExperimentSpec

VARIANTS = """Experiments beside each other: each a name and the keys that it changes. Mappings are merged key by key,
lists are replaced whole."""


def experiment_schema() -> dict[str, Any]:
    """Draft 7, with the kinds of tier that installed packages add.

    Tiers and workloads are required unless there are variants, which may bring them.
    """
    writer = SchemaWriter()
    name = ExperimentSpec.__name__
    changed = writer.of(ExperimentSpec, changes=True)
    writer.of(ExperimentSpec)
    whole = writer.definitions.pop(name)
    del whole["required"]
    variants = {
        "description": " ".join(VARIANTS.split()),
        "type": ["object", "null"],
        "propertyNames": {"pattern": "^[A-Za-z0-9_.-]{1,40}$"},
        "additionalProperties": changed,
    }
    return {
        "$schema": DRAFT,
        "title": "A swaptiers experiment",
        **whole,
        "properties": {**whole["properties"], "variants": variants},
        "if": {"required": ["variants"]},
        "else": {"required": ["tiers", "workloads"]},
        "definitions": writer.definitions,
    }

"""YAML to checked values, with errors that say where: it loads, locates and structures; what the keys mean stands with
the rooms that own them."""

from __future__ import annotations

from swaptiers.config.document import Node, Place, load_document, parse_document
from swaptiers.config.overlay import difference, with_overlay, with_set
from swaptiers.config.structure import keys_of, structure
from swaptiers.config.unstructure import unstructure

__all__ = [
    "Node",
    "Place",
    "difference",
    "keys_of",
    "load_document",
    "parse_document",
    "structure",
    "unstructure",
    "with_overlay",
    "with_set",
]

"""summary.json, back to the values that it was made of; what is no such summary is refused with the key that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import cattrs
from cattrs.gen import make_dict_structure_fn, override
from cattrs.v import format_exception

from swaptiers.errors import ResultError
from swaptiers.experiment.results import SCHEMA, ControllerReport, ExperimentResult, VariantResult
from swaptiers.experiment.series import Series
from swaptiers.inversion import InversionReport

NO_SERIES = Series(measures=(), rows=())


def result_of(summary: Any) -> ExperimentResult:
    """The result that `to_json` made this of, without what has a file of its own.

    Raises ResultError for another schema, a key that is missing or of another kind, and numbers that don't add up.
    """
    if not isinstance(summary, dict) or "schema" not in summary:
        raise ResultError("it is no summary of a run: there is no key schema")
    if summary["schema"] != SCHEMA:
        raise ResultError(
            f"it has schema {summary['schema']!r}, and this swaptiers reads {SCHEMA}; use the version that wrote it"
        )
    try:
        result = _CONVERTER.structure(_with_runs(summary), ExperimentResult)
    except (cattrs.BaseValidationError, TypeError, KeyError, AttributeError) as error:
        raise ResultError(f"it can't be read: {_first_of(error)}") from None
    for name, runs in result.runs.items():
        for run in runs:
            _check_sums(name, run)
    return result


def _with_runs(summary: Mapping[str, Any]) -> dict[str, Any]:
    """`variants` with their `repeats` inside, as `runs`."""
    variants = summary["variants"]
    runs = {name: [variant, *variant.get("repeats", ())] for name, variant in variants.items()}
    if not runs:
        raise KeyError("variants")
    return {**{key: value for key, value in summary.items() if key != "variants"}, "runs": runs}


def _check_sums(name: str, run: VariantResult) -> None:
    """What holds in every run. A file in which it does not was not written by one."""
    loads = sum(tier.loads for tier in run.tiers.values()) + run.zero.get("loads", 0)
    if run.hits + run.faults + run.first_touches != run.refs:
        raise ResultError(f"variants.{name}: hits, faults and first_touches don't add up to refs ({run.refs:,})")
    if loads != run.faults:
        raise ResultError(f"variants.{name}: {loads:,} pages were loaded from the tiers, for {run.faults:,} faults")


def _first_of(error: Exception) -> str:
    """Where the first thing that is wrong stands, and what it is."""
    if isinstance(error, cattrs.BaseValidationError):
        what, _, where = cattrs.transform_error(error, format_exception=_in_words)[0].partition(" @ $.")
        return f"{_RUN.sub(_place, where)}: {what}" if where else what
    if isinstance(error, KeyError):
        return f"the key {error.args[0]} is missing or empty"
    return str(error)


_RUN = re.compile(r"^runs\['(.*?)'\](?:\[(\d+)\])?")


def _place(match: re.Match[str]) -> str:
    """The place of a run in the file: repetitions stand inside the first one."""
    repetition = int(match[2] or 0)
    return f"variants.{match[1]}" + (f".repeats[{repetition - 1}]" if repetition else "")


def _in_words(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError):
        return "this version of swaptiers counts that, the one that wrote the file did not; run the experiment again"
    return str(error) if type(error) is ValueError else format_exception(error, kind)


def _whole_number(value: Any, _: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _number(value: Any, _: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _text(value: Any, _: Any) -> str:
    if type(value) is not str:
        raise ValueError(f"{value!r} is not text")
    return value


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_structure_hook(int, _whole_number)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(Series, lambda _, __: NO_SERIES)
    report = make_dict_structure_fn(InversionReport, converter, all_entries=override(rename="global"))
    converter.register_structure_hook(InversionReport, report)
    for kind in (VariantResult, ControllerReport):
        structure = make_dict_structure_fn(kind, converter)
        converter.register_structure_hook(kind, _without_series(structure))
    return converter


def _without_series(structure: Any) -> Any:
    return lambda value, kind: structure({**value, "series": None}, kind)


_CONVERTER = _make_converter()

__all__ = ["result_of"]

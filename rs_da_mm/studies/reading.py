"""Reading a study file into a :class:`~rs_da_mm.studies.description.Study`, with every mistake told by its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from rs_da_mm.studies.description import BUDGET_QUANTITIES, BudgetRule, Group, Overrides, Panels, Study, folder_name
from rs_da_mm.studies.fields import Fields, StudyError
from rs_da_mm.studies.reading_columns import read_groups, read_metrics, read_named, read_tests, reject_unknown
from rs_da_mm.studies.reading_methods import MethodReader, reject_unknown_stages
from rs_da_mm.studies.reading_papers import read_papers


def load_study(path: str | Path) -> Study:
    """Read a study file.

    Args:
        path: A config file in mmengine's Python style. Names that begin with ``_`` are the file's own and are passed over.

    Returns:
        What it says.

    Raises:
        StudyError: When it is missing or cannot be read, or naming the key that cannot be meant so, what was found there and
            what is expected.
    """
    file = Path(path)
    if not file.is_file() or file.suffix != ".py":
        raise StudyError(f"{file}: there is no such study file; expected a .py file. The project's own are in configs/studies.")
    try:
        content = Config.fromfile(str(file)).to_dict()
    except Exception as error:
        raise StudyError(f"{file}: cannot be read as a study: {type(error).__name__}: {error}") from error
    return read_study({key: value for key, value in content.items() if not key.startswith("_")}, file)


def read_study(content: Mapping[str, Any], file: Path) -> Study:
    """Read the content of a study file.

    Args:
        content: Its keys.
        file: Where it was read from: configs are looked for from its folder, and errors name it.

    Returns:
        What it says.

    Raises:
        StudyError: See :func:`load_study`.
    """
    fields = Fields(content, str(file))
    name = fields.text("name", file.stem)
    if not folder_name(name):
        raise fields.fail("name", name, "a name with letters or digits of ASCII, after which a folder is named")
    groups = read_groups(fields)
    methods = read_named(fields, "methods", MethodReader(file.parent, [group.name for group in groups]), required=True)
    if not methods:
        raise fields.fail("methods", [], "at least one: methods = [dict(name=…, config=…)]")
    reject_unknown_stages(methods, str(file))
    stages = list(dict.fromkeys(stage.name for method in methods for stage in method.stages))
    tests = read_tests(fields, stages)
    metrics = read_metrics(fields, [method.name for method in methods], [test.name for test in tests])
    seeds = fields.integers("seeds", (0,))
    study = Study(
        file=file,
        name=folder_name(name),
        title=fields.text("title", name),
        methods=tuple(methods),
        metrics=tuple(metrics),
        seeds=seeds,
        tests=tuple(tests),
        groups=tuple(groups),
        overrides=fields.mapping("overrides"),
        stage_overrides=fields.mappings("stage_overrides"),
        select=fields.text("select", "best"),
        budget=_budget(fields),
        papers=read_papers(fields, methods, groups, tests, metrics),
        panels=_panels(fields, [test.name for test in tests if not test.mean_of], seeds),
        data=fields.optional_text("data"),
        notes=fields.texts("notes"),
        methods_as=fields.choice("methods_as", ("rows", "columns"), "rows"),
        tables=fields.choice("tables", ("one", "per_group"), "one"),
    )
    fields.finish()
    _check_stages(study, stages)
    return study


def _check_stages(study: Study, stages: Sequence[str]) -> None:
    """Refuse overrides for stages that are not there, and groups that would share a folder with a stage."""
    _check_overrides(study.stage_overrides, stages, f"{study.file}: stage_overrides")
    folders = {folder_name(stage).lower() for stage in stages}
    for group in study.groups:
        _check_overrides(group.stage_overrides, stages, f"{study.file}: groups '{group.name}': stage_overrides")
        _check_group(group, folders, study.file)


def _check_overrides(overrides: Mapping[str, Overrides], stages: Iterable[str], where: str) -> None:
    for stage in overrides:
        reject_unknown(stage, stages, where, "stage")


def _check_group(group: Group, taken: Iterable[str], file: Path) -> None:
    if folder_name(group.name).lower() in taken:
        raise StudyError(
            f"{file}: the group '{group.name}' is called like a stage, and would share its folder. Rename one of them."
        )


def _budget(fields: Fields) -> BudgetRule:
    content = fields.anything("budget", "reported")
    parts = Fields({"rule": content} if isinstance(content, str) else content, f"{fields.where}: budget")
    rule = BudgetRule(parts.choice("rule", ("equal", "reported")), parts.texts("compare", BUDGET_QUANTITIES))
    parts.finish()
    for quantity in rule.compare:
        reject_unknown(quantity, BUDGET_QUANTITIES, f"{fields.where}: budget: compare", "quantity")
    return rule


def _panels(fields: Fields, tests: Sequence[str], seeds: Sequence[int]) -> Panels | None:
    content = fields.anything("panels")
    if content is None:
        return None
    parts = Fields({"count": content} if isinstance(content, int) else content, f"{fields.where}: panels")
    panels = Panels(
        count=parts.integer("count", 4, least=1),
        scenes=parts.texts("scenes"),
        test=parts.optional_text("test"),
        seed=parts.optional_integer("seed"),
    )
    parts.finish()
    if panels.test is not None:
        reject_unknown(panels.test, tests, f"{parts.where}: test", "test")
    if panels.seed is not None and panels.seed not in seeds:
        raise parts.fail("seed", panels.seed, f"one of the study's seeds: {', '.join(map(str, seeds))}")
    return panels

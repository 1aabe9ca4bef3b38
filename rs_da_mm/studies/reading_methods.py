"""Reading the methods of a study file: their chains of stages, and what is different about them in a group."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rs_da_mm.studies.description import TRAIN, Method, MethodInGroup, Need, Stage, StageInGroup
from rs_da_mm.studies.fields import Fields, StudyError
from rs_da_mm.studies.reading_columns import reject_unknown

_STAGE_NAME = re.compile(r"[A-Za-z]\w*")
_RESERVED = ("tests", "seed", "group", "work_dir")


class MethodReader:
    """Reads the entries of ``methods``.

    Args:
        folder: Configs are looked for from here, and then from the current folder.
        groups: Names of the study's groups.
    """

    def __init__(self, folder: Path, groups: Sequence[str]) -> None:
        self.folder = folder
        self.groups = groups

    def __call__(self, content: Any, where: str) -> Method:
        """Read one entry.

        Args:
            content: The entry.
            where: What it is, for errors.

        Raises:
            StudyError: When something cannot be meant so.
        """
        fields = Fields(content, where)
        name = fields.text("name")
        fields.where = where = f"{where} ('{name}')"
        stages = _stages(fields, self.folder)
        method = Method(
            name=name,
            stages=stages,
            section=fields.optional_text("section"),
            checkpoint=fields.optional_text("checkpoint"),
            needs=_needs(fields),
            seeds=fields.integers("seeds", ()) or None,
            in_groups=self._in_groups(fields, [stage.name for stage in stages]),
            compare_budget=fields.flag("compare_budget", True),
            note=fields.optional_text("note"),
        )
        fields.finish()
        parts = [part for part in method.in_groups.values() if part is not None]
        if len(stages) > 1 and (method.checkpoint or any(part.checkpoint for part in parts)):
            raise StudyError(f"{where}: has a checkpoint, to be evaluated without training, and stages to train. Leave one out.")
        return method

    def _in_groups(self, fields: Fields, stages: Sequence[str]) -> dict[str, MethodInGroup | None]:
        where = f"{fields.where}: groups"
        found: dict[str, MethodInGroup | None] = {}
        for group, content in fields.mapping("groups").items():
            reject_unknown(group, self.groups, where, "group")
            found[group] = None if content is False else _in_group(content, f"{where}['{group}']", self.folder, stages)
        return found


def reject_unknown_stages(methods: Sequence[Method], where: str) -> None:
    """Refuse a stage ``of`` a method that is not there, or that has no such stage of its own.

    Raises:
        StudyError: Naming the stage.
    """
    own = {method.name: [stage.name for stage in method.stages if stage.of is None] for method in methods}
    for method in methods:
        for stage in method.stages:
            if stage.of is not None:
                place = f"{where}: methods '{method.name}': stage '{stage.name}': of"
                reject_unknown(stage.of, [name for name in own if name != method.name], place, "method")
                reject_unknown(stage.name, own[stage.of], f"{place}='{stage.of}'", "stage")


def _stages(fields: Fields, folder: Path) -> tuple[Stage, ...]:
    listed = fields.items("stages")
    if not listed:
        config = find_config(fields.text("config"), folder, fields.where)
        return (Stage(TRAIN, config, fields.mapping("overrides"), fields.optional_text("select")),)
    for name in ("config", "overrides", "select"):
        if fields.anything(name) is not None:
            raise StudyError(f"{fields.where}: has stages, so '{name}' belongs into each of them. Move it there.")
    stages = tuple(_stage(one, f"{fields.where}: stages[{index}]", folder) for index, one in enumerate(listed))
    names = [stage.name for stage in stages]
    if len(set(names)) < len(names):
        raise StudyError(f"{fields.where}: two stages have the same name: {', '.join(names)}. Rename one.")
    for before, after in itertools.pairwise(stages):
        if before.of is None and after.of is None and ((before.per_group and not after.per_group) or _more_seeds(before, after)):
            raise StudyError(
                f"{fields.where}: the stage '{after.name}' is trained once, and '{before.name}' before it is not. Give "
                f"'{before.name}' the same per_group=False or seed."
            )
    if stages[-1].command:
        raise StudyError(f"{fields.where}: the last stage is a command; expected a training, whose checkpoint is tested.")
    return stages


def _more_seeds(before: Stage, after: Stage) -> bool:
    return after.seed is not None and before.seed != after.seed


def _stage(content: Any, where: str, folder: Path) -> Stage:
    fields = Fields(content, where)
    name = fields.text("name")
    if not _STAGE_NAME.fullmatch(name) or name.lower() in _RESERVED:
        reserved = ", ".join(_RESERVED)
        raise fields.fail("name", name, f"a name like 'pretrain', of letters, digits and underscores, and none of {reserved}")
    fields.where = f"{where} ('{name}')"
    kinds = [kind for kind in ("config", "command", "of") if fields.has(kind)]
    if len(kinds) != 1:
        raise StudyError(
            f"{fields.where}: has {' and '.join(kinds) or 'no config'}; expected one of config='….py' (a training), "
            "command=['tool.py', …] and of='another method'."
        )
    config = fields.optional_text("config")
    stage = Stage(
        name=name,
        config=None if config is None else find_config(config, folder, fields.where),
        overrides=fields.mapping("overrides"),
        select=fields.optional_text("select"),
        command=fields.texts("command"),
        seed=fields.optional_integer("seed"),
        per_group=fields.flag("per_group", True),
        of=fields.optional_text("of"),
    )
    fields.finish()
    if config is None and (stage.overrides or stage.select):
        raise StudyError(f"{fields.where}: overrides and select are for a stage with a config. Leave them out.")
    if stage.of is not None and (stage.seed is not None or not stage.per_group):
        raise StudyError(
            f"{fields.where}: seed and per_group are said where the stage is trained, in '{stage.of}'. Leave them out."
        )
    return stage


def _in_group(content: Any, where: str, folder: Path, stages: Sequence[str]) -> MethodInGroup:
    fields = Fields(content, where)
    parts = {}
    for name, one in fields.mappings("stages").items():
        reject_unknown(name, stages, f"{where}: stages", "stage")
        inner = Fields(one, f"{where}: stages['{name}']")
        parts[name] = _stage_in_group(inner, folder)
        inner.finish()
    own = _stage_in_group(fields, folder)
    if own != StageInGroup():
        if len(stages) > 1:
            raise StudyError(f"{where}: the method has stages; expected stages=dict({stages[-1]}=dict(config=…, overrides=…)).")
        parts[stages[0]] = own
    found = MethodInGroup(parts, fields.optional_text("checkpoint"), _needs(fields))
    fields.finish()
    return found


def _stage_in_group(fields: Fields, folder: Path) -> StageInGroup:
    config = fields.optional_text("config")
    return StageInGroup(None if config is None else find_config(config, folder, fields.where), fields.mapping("overrides"))


def _needs(fields: Fields) -> tuple[Need, ...]:
    needs = []
    for index, one in enumerate(fields.items("needs")):
        parts = Fields({"path": one} if isinstance(one, str) else one, f"{fields.where}: needs[{index}]")
        path = parts.text("path")
        needs.append(Need(path, parts.text("what", path)))
        parts.finish()
    return tuple(needs)


def find_config(name: str, folder: Path, where: str) -> Path:
    """Find a config: from the study file's folder, or else from the current one.

    Raises:
        StudyError: When it is in neither.
    """
    for candidate in (folder / name, Path(name)):
        if candidate.is_file():
            return candidate
    places = f"{folder.resolve()} nor in {Path.cwd()}"
    raise StudyError(f"{where}: config is '{name}', which is neither in {places}. Give its path from one of them.")

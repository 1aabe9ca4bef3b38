"""What a job is made from and how it is started, once the jobs before it are done."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mmengine.config import Config

from rs_da_mm.datasets.samples.marker import is_sample, read_note
from rs_da_mm.studies.effective_config import data_roots, plain, with_budget_hook, write_config
from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.placeholders import find_placeholders, substitute
from rs_da_mm.studies.plan import Job
from rs_da_mm.studies.records import DONE, Record, describe_differences, fingerprint, hash_file, read_record
from rs_da_mm.studies.stage_configs import StageConfigs

CONFIG, SCORES, PREDICTIONS, LOG = "config.py", "scores.json", "predictions", "log.txt"

Standing = Literal["done", "new", "resume", "again", "changed"]


@dataclass(frozen=True)
class Tools:
    """The commands that do the work; the tests put their own in.

    Attributes:
        train: Trains: gets ``CONFIG --work-dir DIR [--resume]``.
        test: Evaluates: gets ``CONFIG CHECKPOINT --work-dir DIR --json FILE`` and ``--tta``, or ``--out DIR``.
        folder: Where the tools lie that the commands of stages name.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Tools:
        """The project's own tools, run by the Python that runs this."""
        return cls((sys.executable, str(folder / "train.py")), (sys.executable, str(folder / "test.py")), folder)


@dataclass(frozen=True)
class Prepared:
    """A job that can be started.

    Attributes:
        job: Which.
        folder: Its folder.
        identity: What it is made from, see :class:`~rs_da_mm.studies.records.Record`.
        command: How it is started the first time.
        config: What ``config.py`` in its folder must hold; None for a command.
    """

    job: Job
    folder: Path
    identity: Mapping[str, Any]
    command: tuple[str, ...]
    config: Config | None

    @property
    def words(self) -> tuple[str, ...]:
        """The command line without the Python in front."""
        return self.command[1:] if self.command[0] == sys.executable else self.command

    def write_config(self) -> None:
        """Write the config that the command names."""
        if self.config is not None:
            write_config(self.config, self.folder / CONFIG)


class Preparation:
    """Prepares the jobs of a study.

    Args:
        configs: Of the study.
        root: The study's folder.
        tools: The commands.
    """

    def __init__(self, configs: StageConfigs, root: Path, tools: Tools) -> None:
        self.configs = configs
        self.root = root
        self.tools = tools

    def folder(self, job: Job | str) -> Path:
        """The folder of a job."""
        return self.root / (job if isinstance(job, str) else job.name)

    def prepare(self, job: Job, indices: Sequence[int] | None = None) -> Prepared:
        """Put together what a job is made from.

        Args:
            job: A job, before which everything is done.
            indices: Which samples of the test data set to predict; for the windows of the panels.

        Returns:
            How to start it.

        Raises:
            StudyError: When its config cannot be made, or a file that it takes from another job is gone.
        """
        if job.kind == "command":
            return self._command(job)
        run = self.configs.config(job, self.values)
        identity: dict[str, Any] = {"config": plain(self._without_values(job)), "data": self._data(job)}
        folder = self.folder(job)
        config = [(folder / CONFIG).as_posix()]
        place = ["--work-dir", folder.as_posix()]
        if job.kind == "train":
            identity["inputs"] = self._inputs(job, identity["config"])
            return Prepared(job, folder, identity, (*self.tools.train, *config, *place), with_budget_hook(run))
        checkpoint, digest = self.checkpoint(job)
        test = self.configs.study.test(job.test or "")
        identity |= {"checkpoint": digest, "tta": test.tta, "inputs": self._inputs(job, plain(dict(test.overrides)))}
        words = [*self.tools.test, *config, checkpoint.as_posix(), *place, *(["--tta"] if test.tta else [])]
        if job.kind == "test":
            return Prepared(job, folder, identity, (*words, "--json", (folder / SCORES).as_posix()), run)
        run.merge_from_dict({"test_dataloader.dataset.indices": list(indices or ())})
        identity["indices"] = list(indices or ())
        return Prepared(job, folder, identity, (*words, "--out", (folder / PREDICTIONS).as_posix()), run)

    def standing(self, prepared: Prepared, record: Record | None) -> tuple[Standing, str]:
        """Say what is to be done about a job.

        Args:
            prepared: The job.
            record: What is known of it.

        Returns:
            ``'done'``; ``'new'``; ``'resume'`` from a checkpoint; ``'again'``, a test whose checkpoint is another one now;
            ``'changed'``, with what differs in words: it was made from something else.
        """
        if record is None:
            return "new", ""
        if record.fingerprint == fingerprint(prepared.identity):
            if record.state == DONE:
                return "done", ""
            resumable = prepared.job.kind == "train" and any(prepared.folder.glob("*.pth"))
            return ("resume" if resumable else "new"), ""
        if prepared.job.kind == "panel":
            return "again", ""
        was, now = dict(record.identity), dict(prepared.identity)
        if prepared.job.kind == "test" and {**was, "checkpoint": None} == {**now, "checkpoint": None}:
            return "again", ""
        return "changed", describe_differences(was, now)

    def values(self, job: Job) -> dict[str, Any]:
        """What stands for the placeholders of a job when it is run."""
        values = self.configs.known(job)
        if job.kind == "command":
            values["work_dir"] = self.folder(job).as_posix()
        for stage, name in self.configs.stages(job).items():
            values[f"{stage}.work_dir"] = self.folder(name).as_posix()
            values[f"{stage}.config"] = (self.folder(name) / CONFIG).as_posix()
            record = read_record(self.folder(name))
            if record is not None and "checkpoint" in record.result:
                values[f"{stage}.checkpoint"] = (self.folder(name) / record.result["checkpoint"]["file"]).as_posix()
        return values

    def checkpoint(self, job: Job) -> tuple[Path, str]:
        """The weights that a test takes, and their SHA-256.

        Raises:
            StudyError: When they are gone.
        """
        training = self.configs.training(job)
        if training is None:
            method = self.configs.study.method(job.method)
            path = Path(str(substitute(method.checkpoint_in(job.group), self.configs.known(job))))
            if not path.is_file():
                raise StudyError(f"{self.configs.where(job)}: the checkpoint {path} is not there.")
            return path, hash_file(path)
        record = read_record(self.folder(training))
        if record is None or "checkpoint" not in record.result:
            raise StudyError(f"{self.folder(training)}: has no finished training to test.")
        path = self.folder(training) / record.result["checkpoint"]["file"]
        return path, record.result["checkpoint"]["sha256"]

    def _command(self, job: Job) -> Prepared:
        _, stage = self.configs.owner(job)
        values, known = self.values(job), self.configs.known(job)
        words = [str(substitute(word, values)) for word in stage.command]
        tool = self.tools.folder / words[0]
        is_ours = tool.is_file() and not Path(words[0]).is_absolute()
        command = (sys.executable, str(tool), *words[1:]) if is_ours else tuple(words)
        plain_words = [str(substitute(word, known)) for word in stage.command]
        identity = {"command": plain_words, "inputs": self._inputs(job, plain_words)}
        return Prepared(job, self.folder(job), identity, command, None)

    def _without_values(self, job: Job) -> Mapping[str, Any]:
        """The config as it is known before anything is run: without paths that change when the study is moved."""
        content: Mapping[str, Any] = self.configs.config(job).to_dict()
        return content

    def _inputs(self, job: Job, content: Any) -> dict[str, str]:
        """What a job takes from other jobs, by placeholder: the hash of a checkpoint, or what a folder was made from."""
        inputs = {}
        stages = self.configs.stages(job)
        for placeholder in sorted(find_placeholders(content)):
            stage, _, what = placeholder.partition(".")
            if stage not in stages or not what:
                continue
            record = read_record(self.folder(stages[stage]))
            if record is not None:
                own = record.result.get("checkpoint", {}).get("sha256") if what == "checkpoint" else None
                inputs[placeholder] = str(own or record.fingerprint)
        return inputs

    def _data(self, job: Job) -> dict[str, str]:
        """Whether the data is real or a miniature: the same config runs on both."""
        loaders = ("train_dataloader", "val_dataloader") if job.kind == "train" else ("test_dataloader",)
        roots = [root for root in data_roots(self.configs.config(job), loaders) if not find_placeholders(root)]
        return {
            root: f"miniature, made by {read_note(root).get('made by', 'somebody')}" if is_sample(root) else "no miniature"
            for root in roots
        }

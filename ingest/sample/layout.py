"""The files of an execution and their names."""

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from ingest.sample import eamxx, env_trees, env_xml, logs, namelists, texts, variables
from ingest.sample import state as keys
from ingest.sample.plan import Plan
from ingest.sample.story import Submission
from ingest.sample.truth import Payload, SampleFile

_LEVEL = 6
_QUEUE_FILES = ("sinfol", "squeueall_jobid", "squeuef", "squeues")


class CaseLayout:
    """Renders the executions of one case, one after the other.

    A file with the same content as in the previous execution is not compressed again.
    """

    def __init__(self, plan: Plan, payload: Payload) -> None:
        self.plan = plan
        self.payload = payload
        self.variables = variables.of_case(plan.identity)
        self.entries = namelists.of_case(plan.identity)
        self._compressed: dict[str, tuple[str, bytes]] = {}

    def files(self, submission: Submission) -> Iterator[SampleFile]:
        """Yield the files of a submission; without those from after the run unless it completed."""
        lid = submission.lid
        root = f"{self.plan.identity.root}/{lid}"
        start, end = _epoch(submission.starting), _epoch(submission.ended)
        compressed = submission.complete
        for name, text in self._case_docs(submission).items():
            yield self._file(f"{root}/CaseDocs.{lid}", name, lid, text, start, compressed)
        for name, text in self._before_run(submission).items():
            yield self._file(root, name, lid, text, start, compressed)
        yield SampleFile(f"{root}/SourceMods.{lid}.tar.gz", _source_mods(), start)
        if self.plan.identity.machine.archives_queue:
            for name in _QUEUE_FILES:
                text = texts.queue_listing(name, submission.starting)
                yield self._file(root, name, lid, text, start, compressed=True)
        if submission.complete:
            for name, text in self._after_run(submission).items():
                yield self._file(root, name, lid, text, end, compressed=True)
            for name, members in self._tarballs(submission).items():
                yield SampleFile(f"{root}/{name}.{lid}.tar.gz", _tar_gz(members), end)

    def _file(
        self, folder: str, name: str, lid: str, text: str, mtime: int, compressed: bool
    ) -> SampleFile:
        path = f"{folder}/{name}.{lid}"
        if not compressed:
            return SampleFile(path, text.encode(), mtime)
        known = self._compressed.get(name)
        if known is None or known[0] != text:
            known = text, gzip.compress(text.encode(), _LEVEL, mtime=0)
            self._compressed[name] = known
        return SampleFile(f"{path}.gz", known[1], mtime)

    def _case_docs(self, submission: Submission) -> dict[str, str]:
        identity, machine = self.plan.identity, self.plan.identity.machine
        modules = keys.texts(submission.state, keys.LOADED)
        dump = texts.software_environment(machine, modules, self.payload)
        docs = self._env_xml(submission) | self._namelists(submission)
        exports = env_trees.environment(machine).items()
        return docs | {
            "env_archive.xml": env_trees.env_archive(identity),
            "env_mach_specific.xml": env_trees.env_mach_specific(machine, modules),
            "env_mach_specific.sh": "".join(f"export {name}={value}\n" for name, value in exports),
            "README.case": texts.readme_case(identity),
            "Macros.cmake": f'set(MPILIB "{machine.mpilib}")\nset(SUPPORTS_CXX "TRUE")\n',
            "case.run": "#!/usr/bin/env python3\n# Batch script of case.run\n",
            "seq_maps.rc": texts.seq_maps(machine.inputdata),
            "software_environment.txt": dump,
            f"run_e3sm.sh.{identity.created:%Y%m%d-%H%M%S}": texts.run_script(identity),
        }

    def _env_xml(self, submission: Submission) -> dict[str, str]:
        identity = self.plan.identity
        values = self.variables | variables.of_submission(submission.state)
        attribute = "compclass" if identity.vintage > 2021 else "component"
        trees = {"env_batch": env_trees.batch_system(identity.machine)}
        return {
            f"{file}.xml": env_xml.render(
                file, values, self.payload, attribute, trees.get(file, "")
            )
            for file in env_xml.FILES
        }

    def _namelists(self, submission: Submission) -> dict[str, str]:
        identity, state = self.plan.identity, submission.state
        inputdata = identity.machine.inputdata
        values = self.entries | namelists.of_submission(identity, state)
        names = ["lnd_in", "drv_in", "mosart_in", "mpassi_in"]
        docs = {"streams.seaice": texts.streams("ice")}
        is_eamxx = identity.compset.atmosphere == "scream"
        if is_eamxx:
            docs |= eamxx.documents(identity, state)
        else:
            names.append("atm_in")
        if identity.compset.coupled:
            names.append("mpaso_in")
            docs["streams.ocean"] = texts.streams("ocean")
        else:
            docs["docn_in"] = namelists.docn_in(inputdata)
        docs |= {name: namelists.render(name, inputdata, values) for name in names}
        docs["lnd_in"] += namelists.elm_comment(identity)
        for component in identity.compset.components:
            part = component.lower()
            typename = keys.text(state, keys.PIO_TYPENAME) if part == "atm" else "pnetcdf"
            docs[f"{part}_modelio.nml"] = namelists.modelio(
                part, submission.lid, f"{identity.scratch}/run", typename,
                identity.machine.tasks_per_node,
            )  # fmt: skip
        lines = namelists.user_nl(state)
        if is_eamxx:
            del lines["user_nl_eam"]
        return docs | lines

    def _before_run(self, submission: Submission) -> dict[str, str]:
        identity = self.plan.identity
        return texts.git(identity, submission.state) | {
            "build_environment.txt": texts.environment_dump(identity.machine, self.payload),
            "build_times.txt": texts.build_times(self.payload),
            "preview_run.log": texts.preview_run(identity, submission.state),
        }

    def _after_run(self, submission: Submission) -> dict[str, str]:
        plan, identity, payload = self.plan, self.plan.identity, self.payload
        commands = list(plan.commands[submission.first_command : submission.commands])
        files = {
            f"e3sm_timing.{identity.name}": logs.e3sm_timing(identity, submission),
            "e3sm_timing_stats": logs.timing_stats(identity.total_pes, payload),
            "CaseStatus": "".join(plan.events[submission.first_event : submission.events]),
            "cpl.log": logs.cpl_log(identity, submission, payload),
            "e3sm.log": logs.e3sm_log(identity.total_pes, payload),
            "memory.3.86400.log": logs.memory_log(submission, payload),
            "replay.sh": texts.replay(identity, commands),
            "run_environment.txt": texts.run_environment(
                identity.machine, submission.job_id, payload
            ),
        }
        if identity.machine.archives_queue:
            files[f"run.{identity.name}.{submission.job_id}"] = "CASE.RUN BEGINS HERE\n"
        return files

    def _tarballs(self, submission: Submission) -> dict[str, dict[str, str]]:
        lid, pes = submission.lid, self.plan.identity.total_pes
        return {
            "timing": {
                f"timing.{lid}/model_timing_stats": logs.timing_stats(pes, "light"),
                f"timing.{lid}/model_timing.0000": f"rank 0 of {pes}\n",
            },
            "spio_stats": {
                f"spio_stats.{lid}/io_perf_summary_{submission.job_id}.json": "{}",
            },
        }


def _epoch(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


@lru_cache
def _source_mods() -> bytes:
    return _tar_gz({"SourceMods/src.eam/README": "Changed sources of EAM go here.\n"})


def _tar_gz(members: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), _LEVEL, mtime=0)

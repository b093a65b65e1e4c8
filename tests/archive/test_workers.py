"""What workers of every kind promise, on real processes."""

import importlib.util
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dicube.archive.workers.base import Died, Done, Outcome, Raised, Workers
from dicube.archive.workers.dask import DaskWorkers
from dicube.archive.workers.local import LocalWorkers
from dicube.exceptions import DicomCubeError, InvalidCubeFileError
from tests.archive.worker_functions import Act, perform, told_pid

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask distributed is not installed"
)
KINDS = ["local", pytest.param("dask", marks=needs_dask)]
Make = Callable[[], Workers[Act, object]]


def foreign_cluster(size: int) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=size, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False}, silence_logs=logging.CRITICAL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a Dask cluster that belongs to nobody's workers."""
    with foreign_cluster(2) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(params=KINDS)
def workers(request: pytest.FixtureRequest) -> Iterator[Workers[Act, object]]:
    if request.param == "local":
        made: Workers[Act, object] = LocalWorkers(perform, 2)
    else:
        made = DaskWorkers.on_cluster(perform, request.getfixturevalue("cluster"))
    with made:
        yield made


def outcomes_of(workers: Workers[Act, object], *acts: Act) -> dict[Act, Outcome[Act, object]]:
    for act in acts:
        workers.submit(act)
    outcomes: list[Outcome[Act, object]] = []
    while workers.pending:
        outcomes += workers.wait(100)
    assert sorted(repr(outcome.task) for outcome in outcomes) == sorted(map(repr, acts))
    return {outcome.task: outcome for outcome in outcomes}


def error_of(workers: Workers[Act, object], act: Act) -> Exception:
    outcome = outcomes_of(workers, act)[act]
    assert isinstance(outcome, Raised)
    return outcome.error


class TestWorkersContract:
    def test_each_of_many_tasks_comes_back_with_its_result(self, workers):
        acts = [("double", number) for number in range(200)]

        outcomes = outcomes_of(workers, *acts)

        assert outcomes == {act: Done(act, 2 * act[1]) for act in acts}

    def test_a_result_of_many_bytes_arrives_whole(self, workers):
        act = ("big", 30_000_000)

        assert outcomes_of(workers, act)[act].result == bytes(30_000_000)

    def test_as_many_tasks_as_workers_run_at_the_same_time(self, workers, tmp_path):
        assert workers.size == 2
        one, other = tmp_path / "one", tmp_path / "other"

        outcomes = outcomes_of(workers, ("meet", (one, other)), ("meet", (other, one)))

        assert {outcome.result for outcome in outcomes.values()} == {"one", "other"}

    def test_waiting_ends_after_its_timeout_while_the_task_stays_pending(self, workers, tmp_path):
        workers.submit(("wait_for", tmp_path / "file"))
        told_pid_when_running(workers, tmp_path / "file")

        assert workers.wait(0.01) == []
        assert workers.pending == 1

        (tmp_path / "file").touch()
        [outcome] = workers.wait(100)
        assert isinstance(outcome, Done)
        assert workers.pending == 0

    def test_an_error_of_dicube_comes_back_as_it_was_raised(self, workers):
        error = error_of(workers, ("refuse", "a.dcbs"))

        assert isinstance(error, InvalidCubeFileError)
        assert (error.what, error.where, error.hint) == ("cut short", "a.dcbs", "copy it again")

    def test_an_error_brings_the_trace_of_the_worker_as_a_note(self, workers):
        error = error_of(workers, ("refuse", "a.dcbs"))

        assert "worker_functions.py" in "".join(error.__notes__)

    @pytest.mark.parametrize(
        ("act", "message"),
        [("refuse_with_lock", "WithLock: a lock is held"),
         ("refuse_in_two_words", "OfTwoWords: no way")],
    )  # fmt: skip
    def test_an_error_that_cannot_be_pickled_comes_back_as_one_that_can(
        self, workers, act, message
    ):
        error = error_of(workers, (act, None))

        assert isinstance(error, DicomCubeError)
        assert str(error) == message

    def test_a_result_that_cannot_be_pickled_is_an_error_that_says_so(self, workers):
        error = error_of(workers, ("give_lock", None))

        assert isinstance(error, DicomCubeError)
        assert "a lock cannot be sent to another process" in str(error)

    def test_a_task_that_always_kills_its_worker_died_and_all_others_are_done(self, workers):
        others = [("double", number) for number in range(20)]

        outcomes = outcomes_of(workers, *others[:10], ("kill_self", None), *others[10:])

        assert isinstance(outcomes.pop(("kill_self", None)), Died)
        assert outcomes == {act: Done(act, 2 * act[1]) for act in others}

    def test_closing_again_and_closing_unused_workers_is_fine(self, workers):
        workers.close()
        workers.close()


class TestLocalWorkers:
    @pytest.fixture
    def workers(self) -> Iterator[LocalWorkers[Act, object]]:
        with LocalWorkers(perform, 2) as workers:
            yield workers

    def test_a_worker_killed_midway_is_blamed_on_its_task_alone(self, workers, tmp_path):
        killed, spared = ("wait_for", tmp_path / "killed"), ("wait_for", tmp_path / "spared")
        others = [("double", number) for number in range(5)]
        for act in (killed, spared, *others):
            workers.submit(act)
        pid = told_pid_when_running(workers, killed[1])
        spared_pid = told_pid_when_running(workers, spared[1])

        os.kill(pid, signal.SIGKILL)
        outcomes = []
        while workers.pending > 1:
            outcomes += workers.wait(100)
        spared[1].touch()
        outcomes += workers.wait(100)

        [died] = [outcome for outcome in outcomes if isinstance(outcome, Died)]
        assert died.task == killed
        assert "signal 9 (Killed)" in died.reason
        done = {outcome.task: outcome.result for outcome in outcomes if outcome is not died}
        assert done == {spared: spared_pid} | {act: 2 * act[1] for act in others}

    def test_the_exit_code_of_a_worker_is_told(self, workers):
        act = ("end", 7)

        assert outcomes_of(workers, act)[act] == Died(act, "the process ended with exit code 7")

    def test_a_worker_killed_while_idle_is_replaced_and_nobody_is_blamed(self, workers, tmp_path):
        (tmp_path / "file").touch()
        first, second = ("wait_for", tmp_path / "file"), ("double", 4)
        pid = outcomes_of(workers, first)[first].result

        os.kill(pid, signal.SIGKILL)

        assert workers.wait(0.5) == []
        assert outcomes_of(workers, second, ("double", 5))[second] == Done(second, 8)

    def test_outcomes_come_in_the_order_of_completion(self, workers, tmp_path):
        slow, quick = ("wait_for", tmp_path / "file"), ("double", 1)
        workers.submit(slow)
        workers.submit(quick)

        assert workers.wait(100) == [Done(quick, 2)]
        (tmp_path / "file").touch()
        [outcome] = workers.wait(100)
        assert outcome.task == slow

    def test_closing_ends_busy_workers_at_once(self, workers, tmp_path):
        workers.submit(("compute", tmp_path / "file"))
        pid = told_pid_when_running(workers, tmp_path / "file")
        workers.submit(("compute", tmp_path / "starts"))
        workers.submit(("compute", tmp_path / "waits"))

        workers.close()

        assert workers.pending == 0

        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    @pytest.mark.parametrize(
        ("name", "statement", "message"),
        [("raises_in_workers", "raise ImportError('no kernels')", "ImportError: no kernels"),
         ("exits_in_workers", "import os; os._exit(7)", "exit code 7")],
    )  # fmt: skip
    def test_workers_that_cannot_import_their_function_are_an_error(
        self, name, statement, message, tmp_path, monkeypatch
    ):
        (tmp_path / f"{name}.py").write_text(
            "import multiprocessing\n"
            f"if multiprocessing.parent_process() is not None:\n    {statement}\n"
            "def function(task): return task\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        function = importlib.import_module(name).function

        with LocalWorkers(function, 2) as workers:
            workers.submit(1)
            with pytest.raises(DicomCubeError, match=message):
                workers.wait(100)
            assert workers.pending == 1


@needs_dask
class TestDaskWorkers:
    def test_a_task_whose_worker_is_killed_once_is_done_by_another(self, cluster, tmp_path):
        act = ("kill_self_once", tmp_path / "mark")
        others = [("double", number) for number in range(20)]

        with DaskWorkers.on_cluster(perform, cluster) as workers:
            outcomes = outcomes_of(workers, *others, act)

        assert outcomes.pop(act) == Done(act, "the second time")
        assert outcomes == {other: Done(other, 2 * other[1]) for other in others}

    def test_closing_leaves_the_cluster_of_others_alone(self, cluster, tmp_path):
        with DaskWorkers.on_cluster(perform, cluster) as workers:
            workers.submit(("wait_for", tmp_path / "file"))
            told_pid_when_running(workers, tmp_path / "file")
        (tmp_path / "file").touch()

        with DaskWorkers.on_cluster(perform, cluster) as workers:
            assert outcomes_of(workers, ("double", 2)) == {("double", 2): Done(("double", 2), 4)}

    def test_a_cluster_of_its_own_ends_with_the_workers(self, tmp_path):
        with DaskWorkers.local(perform, 1) as workers:
            assert workers.size == 1
            workers.submit(("compute", tmp_path / "file"))
            pid = told_pid_when_running(workers, tmp_path / "file")

        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_only_the_task_that_kills_is_blamed_though_others_wait_for_the_same_worker(self):
        # Late, so that Dask could give the others to that worker before.
        kills = ("kill_self", 0.3)
        others = [("double", number) for number in range(3)]

        with DaskWorkers.local(perform, 1) as workers:
            outcomes = outcomes_of(workers, kills, *others)

        assert outcomes.pop(kills) == Died(kills, "4 workers died over it")
        assert outcomes == {act: Done(act, 2 * act[1]) for act in others}

    def test_a_scheduler_that_ends_is_an_error(self, tmp_path):
        with foreign_cluster(1) as cluster:
            workers = DaskWorkers.on_cluster(perform, cluster.scheduler_address)
            workers.submit(("wait_for", tmp_path / "file"))
            told_pid_when_running(workers, tmp_path / "file")

        with workers, pytest.raises(DicomCubeError, match="the Dask scheduler is gone"):
            workers.wait(100)

    def test_a_scheduler_that_is_not_there_is_an_error_with_its_address(self, monkeypatch):
        monkeypatch.setattr("dicube.archive.workers.dask._PATIENCE_S", 0.5)

        with pytest.raises(DicomCubeError, match=r"tcp://127\.0\.0\.1:1: .* cannot be reached"):
            DaskWorkers.on_cluster(perform, "tcp://127.0.0.1:1")


def test_without_dask_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(DicomCubeError, match=r"pip install 'dicube\[dask\]'"):
        DaskWorkers.local(perform, 1)


@pytest.mark.parametrize("kind", KINDS)
class TestMainProcess:
    def test_workers_end_when_the_main_process_is_killed(self, kind, tmp_path):
        with _program(kind, "be_busy", tmp_path) as program:
            assert program.stdout is not None
            assert program.stdout.readline() == "busy\n"
            program.kill()

            # The end of its output comes when the last process is gone that inherited it.
            program.communicate(timeout=30)

    def test_an_interrupt_of_all_processes_leaves_it_to_decide(self, kind, tmp_path):
        with _program(kind, "be_interrupted", tmp_path) as program:
            output, errors = program.communicate(timeout=100)

        assert output == "Done True 21\n", errors
        assert "KeyboardInterrupt" not in errors


@contextmanager
def _program(kind: str, name: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.archive.worker_programs", kind, name, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    ) as program:
        try:
            yield program
        finally:
            # Whatever a failing test leaves: the group is of this program alone.
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


def told_pid_when_running(workers: Workers[Act, object], path: Path) -> int:
    """Of the process that works on a `wait_for` or `compute`, when it does."""
    while not path.with_name(f"{path.name}.pid").exists():
        assert workers.wait(0.05) == []
    return told_pid(path)

"""The queue: what a job is after each action, after a failure, and after a crash."""

import threading

import pytest

from dicube.exceptions import DataConsistencyError, PacsError
from dicube.web.jobs.runner import Interrupted, JobRunner, Outcome
from dicube.web.jobs.states import Action, NewItem, State, overall_state
from dicube.web.jobs.store import JobStore
from tests.web.page_server import eventually


@pytest.fixture
def store(tmp_path):
    found = JobStore(tmp_path / "jobs.sqlite")
    yield found
    found.close()


def items(count=1):
    return [NewItem("work", f"item {n}", {"n": n}) for n in range(count)]


@pytest.fixture
def runner_of(store):
    """Start threads with a worker; they are stopped at the end."""
    runners = []

    def start(worker, threads=2):
        runner = JobRunner(store, {"work": worker}, threads)
        runners.append(runner)
        runner.start()
        return runner

    yield start
    for runner in runners:
        runner.stop()


class Waiting:
    """A worker that goes on until it is told to stop, or let through."""

    def __init__(self):
        self.started = threading.Event()
        self.through = threading.Event()

    def __call__(self, item, control):
        self.started.set()
        while not self.through.wait(0.01):
            control.progress("waiting", 1, 3)
        return Outcome(results=[f"{item.request['n']}.dcbs"])


def ended(store, job):
    return eventually(
        lambda: store.job(job) if store.job(job).state in ("done", "failed") else None, 20
    )


def test_items_are_done_and_their_results_kept(store, runner_of):
    runner_of(lambda item, control: Outcome(["odd"], [f"{item.request['n']}.dcbs"]))
    job = ended(store, store.add("pull", "title", items(5)).id)
    assert job.state is State.DONE
    assert [item.results for item in job.items] == [(f"{n}.dcbs",) for n in range(5)]
    assert {item.findings for item in job.items} == {("odd",)}


def test_what_an_item_finds_to_do_is_added_with_its_end(store, runner_of):
    def worker(item, control):
        return Outcome(more=items(3) if item.label == "first" else ())

    runner_of(worker)
    job = store.add("convert", "title", [NewItem("work", "first", {"n": 0})])
    assert len(ended(store, job.id).items) == 4


def test_a_failure_says_why_and_can_be_retried(store, runner_of):
    attempts = []

    def worker(item, control):
        attempts.append(item.id)
        if len(attempts) == 1:
            raise PacsError("it refuses", hint="ask again")
        return Outcome()

    runner_of(worker)
    job = ended(store, store.add("pull", "title", items()).id)
    assert (job.state, job.items[0].error) == (State.FAILED, "it refuses (ask again)")
    store.act(job.id, Action.RETRY)
    assert ended(store, job.id).state is State.DONE


def test_a_mistake_of_ours_fails_the_item_and_not_the_thread(store, runner_of, caplog):
    def worker(item, control):
        if item.request["n"] == 0:
            raise ValueError("Doe^Jane")
        return Outcome()

    runner_of(worker, threads=1)
    job = ended(store, store.add("pull", "title", items(2)).id)
    eventually(lambda: store.job(job.id).items[1].state is State.DONE, 20)
    assert store.job(job.id).items[0].error == "internal error: ValueError"


def test_pause_keeps_resume_goes_on_cancel_ends(store, runner_of):
    worker = Waiting()
    runner_of(worker, threads=1)
    job = store.add("pull", "title", items(2)).id
    assert worker.started.wait(20)
    store.act(job, Action.PAUSE)
    eventually(lambda: store.job(job).state is State.PAUSED, 20)
    worker.started.clear()
    store.act(job, Action.RESUME)
    assert worker.started.wait(20)
    store.act(job, Action.CANCEL)
    eventually(lambda: store.job(job).state is State.CANCELLED, 20)
    worker.through.set()
    store.act(job, Action.RETRY)
    assert ended(store, job).state is State.DONE


def test_a_server_that_stops_leaves_what_runs_queued(store):
    worker = Waiting()
    runner = JobRunner(store, {"work": worker}, 1)
    runner.start()
    job = store.add("pull", "title", items()).id
    assert worker.started.wait(20)
    runner.stop()
    assert store.job(job).items[0].state is State.QUEUED


@pytest.mark.parametrize(
    ("action", "expected"),
    [(None, "queued"), (Action.PAUSE, "paused"), (Action.CANCEL, "cancelled")],
)
def test_after_a_crash_running_items_are_what_was_last_wished(tmp_path, action, expected):
    first = JobStore(tmp_path / "jobs.sqlite")
    job = first.add("pull", "title", items()).id
    assert first.take().state is State.RUNNING
    if action:
        first.act(job, action)
    first.close()  # nothing is noted: as after a crash
    second = JobStore(tmp_path / "jobs.sqlite")
    assert second.job(job).state == expected
    second.close()


def test_no_item_is_taken_twice(store):
    store.add("pull", "title", items(40))
    taken = []

    def take():
        while item := store.take():
            taken.append(item.id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 40


def test_progress_that_is_to_stop_interrupts(store):
    from dicube.web.jobs.runner import Control

    job = store.add("pull", "title", items()).id
    control = Control(store.take(), store, threading.Event())
    control.progress("receive", 1, 10)
    assert (store.job(job).items[0].stage, store.job(job).items[0].done) == ("receive", 1)
    store.act(job, Action.PAUSE)
    with pytest.raises(Interrupted):
        control.progress("receive", 2, 10)
    assert control.end_state() is State.PAUSED


def test_only_jobs_that_came_to_their_end_are_taken_off_the_list(store):
    job = store.add("pull", "title", items()).id
    with pytest.raises(DataConsistencyError, match="queued"):
        store.forget(job)
    store.act(job, Action.CANCEL)
    store.forget(job)
    with pytest.raises(KeyError):
        store.job(job)
    assert store.jobs() == []


def test_the_database_is_for_its_owner_alone(store, tmp_path):
    assert (tmp_path / "jobs.sqlite").stat().st_mode & 0o077 == 0


def test_a_second_server_is_told_that_there_is_one(store, tmp_path):
    with pytest.raises(DataConsistencyError, match="another server"):
        JobStore(tmp_path / "jobs.sqlite")
    store.add("pull", "title", items())  # which goes on as before


def test_another_file_is_no_database_of_jobs(tmp_path):
    (tmp_path / "jobs.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(DataConsistencyError, match="no database"):
        JobStore(tmp_path / "jobs.sqlite")
    assert (tmp_path / "jobs.sqlite").read_bytes().startswith(b"something else")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("done done", "done"),
        ("done failed", "failed"),
        ("failed queued", "queued"),
        ("paused running", "running"),
        ("cancelled done", "cancelled"),
        ("", "done"),
    ],
)
def test_a_job_is_as_far_as_its_most_active_item(states, expected):
    assert overall_state([State(state) for state in states.split()]) == expected

"""T5: stop with jobs queued, memory killed again and again in the drain, the supervisor once; the ledger against
the table. The database is a real PostgreSQL, memory is the real one, brain is a fixture, the model is slow and false."""
import os
import pathlib
import re
import subprocess
import time

import fake_model
import postgres
from anchors import Prot
from instance import FIXTURE, STAGES
from machine import descendants, kill, lives, now, reap, wait_for
from report import Row

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
KILLS_OF_MEMORY = 5


def settings(model) -> list[str]:
    return [*postgres.SETTINGS, "--set", "llm.enabled=false", "--set", f"brain.url={model.url}",
            "--set", "memory.extraction_idle_s=3600",  # nothing is extracted before the stop
            "--set", "memory.drain_model_s=600"]


class Drain:
    """Stops and starts an instance until its queue is empty, killing on the way."""

    def __init__(self, prot, model, jobs):
        self.prot, self.model, self.jobs = prot, model, jobs
        # Spread over the queue: the supervisor's turn comes last.
        step = jobs // (KILLS_OF_MEMORY + 2)
        self.kill_memory_at = [step * n for n in range(1, KILLS_OF_MEMORY + 1)]
        self.kill_supervisor_at = step * (KILLS_OF_MEMORY + 1)
        self.killed, self.supervisor_killed, self.codes, self.last = 0, 0, [], ""
        self.stops_with_kills = set()

    def stop(self) -> None:
        """One `prot down`, with what is due of the kills."""
        prot = self.prot
        down = prot.instance.spawn("down")
        while down.poll() is None:
            if self.kill_memory_at and self.model.asked >= self.kill_memory_at[0]:
                pid = prot.board()["memory"]["pid"]
                if pid and lives(pid) and kill(pid):
                    self.kill_memory_at.pop(0)
                    self.killed += 1
                    self.stops_with_kills.add(len(self.codes))
            elif not self.kill_memory_at and not self.supervisor_killed and self.model.asked >= self.kill_supervisor_at:
                family = descendants(prot.pid)
                kill(prot.pid)
                self.supervisor_killed += 1
                wait_for("all of it is gone", lambda: not any(map(lives, [prot.pid, *family])), 5)
                reap([prot.pid, *family])
            time.sleep(0.002)
        self.last, _ = down.communicate()
        self.codes.append(down.returncode)
        prot.disconnect()
        wait_for("it is gone", lambda: not lives(prot.pid), 30)
        reap([prot.pid])
        prot.pid = 0

    def run(self) -> None:
        self.stop()
        self.prot.instance.order(exchanges=0)
        for _ in range(2 * KILLS_OF_MEMORY + 2):
            self.prot.up()
            if not self.kill_memory_at and self.supervisor_killed and self.left() == 0:
                break
            self.stop()
        self.stop()

    def left(self) -> int:
        return int(postgres.sql(self.prot.instance, "SELECT count(*) FROM memory_job WHERE state <> 'done'"))


def queued(instance) -> int:
    try:
        return int(postgres.sql(instance, "SELECT count(*) FROM memory_job WHERE state = 'ready'"))
    except subprocess.CalledProcessError:  # memory has not made its tables yet
        return 0


def stopped_after_memory(instance) -> bool:
    log = instance.log()
    memory = [number for number, line in enumerate(log) if line.startswith("memory drained")]
    database = [number for number, line in enumerate(log) if line.startswith("db ended")]
    return bool(memory and database) and memory[-1] < database[-1] and \
        "database system is shut down" in "\n".join(instance.log("db")[-3:])


def t5(scale) -> list[Row]:
    if not postgres.there():
        return [Row("T5", "PostgreSQL is not installed: not measured", 0, "")]
    model = fake_model.Model()
    programs = dict.fromkeys(STAGES, FIXTURE) | {"memory": PROGRAMS / "memory/prot-memory"}
    try:
        with Prot(programs, settings(model), exchanges=scale.t5_jobs) as prot:
            prot.up()
            wait_for("everything is queued", lambda: queued(prot.instance) == scale.t5_jobs, 60, 0.1)
            begin, drain = now(), Drain(prot, model, scale.t5_jobs)
            early = model.calls
            drain.run()
            took = (now() - begin) / 1e9
            last = stopped_after_memory(prot.instance)
            prot.up()  # to look
            table = [int(n) for n in postgres.sql(prot.instance, """
                SELECT (SELECT count(*) FROM message), (SELECT count(DISTINCT (conversation_id, seq)) FROM message),
                  (SELECT count(*) FROM memory_job WHERE kind = 'extract' AND state = 'done'),
                  (SELECT count(*) FROM memory_job WHERE state <> 'done'), (SELECT count(*) FROM fact),
                  (SELECT count(DISTINCT object) FROM fact WHERE status = 'active')""").split("|")]
            drain.stop()
    finally:
        model.close()
    messages, distinct, extracted, left, facts, items = table
    jobs = scale.t5_jobs
    report = re.search(r"DEFERRED=(\d+)", drain.last)
    return [
        Row("T5", "jobs queued when the stop was asked for", jobs - early, "jobs", f"== {jobs}", fact=True),
        Row("T5", "times memory was killed in the drain", drain.killed, "kills", f"== {KILLS_OF_MEMORY}", fact=True),
        Row("T5", "stops over which these were spread", len(drain.stops_with_kills), "stops", "== 1", fact=True),
        Row("T5", "times the supervisor was killed in the drain", drain.supervisor_killed, "kills", "== 1", fact=True),
        Row("T5", "jobs committed", extracted, "jobs", f"== {jobs}", fact=True),
        Row("T5", "things told that are no fact: lost", jobs - items, "facts", "== 0", fact=True),
        Row("T5", "messages lost", 2 * jobs - distinct, "messages", "== 0", fact=True),
        Row("T5", "messages and facts that are there twice", messages - distinct + facts - items, "rows", "== 0", fact=True),
        Row("T5", "jobs left", left, "jobs", "== 0", fact=True),
        Row("T5", "jobs that the last stop deferred", int(report[1]) if report else -1, "jobs", "== 0", fact=True),
        Row("T5", "the database was stopped after memory", int(last), "", "== 1", fact=True),
        Row("T5", f"questions to the model for {jobs} answers", model.calls, "questions"),
        Row("T5", f"{len(drain.codes)} stops, kills and starts together", round(took, 1), "s")]

#!/usr/bin/env python3
"""A whole spoken conversation with prot, without a microphone or a loudspeaker.

Starts a private PulseAudio, speaks questions into its virtual microphone, lets prot hear, think and answer into the
virtual loudspeaker, interrupts one answer, restarts prot and asks what only its memory can know. Every time in the
table is of one clock; "voice-to-voice" is measured in the recordings of microphone and loudspeaker, not believed.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import audio as virtual  # noqa: E402
import questions  # noqa: E402
import report as reporting  # noqa: E402
from client import Events, Prot, end_by_signal, ignore_signals  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
TURN_DEADLINE = 40.0  # seconds from the end of the question to the end of the answer
HIGHEST_WER = 0.2
LONGEST_TO_SILENCE_MS = 400  # from the first sound of the interruption
HEARD_BEFORE_CUT = 1.8  # seconds of sound once the answer is there; "One moment." takes 0.8 of them at most
DEMO_INSTANCE = "demo"  # belongs to the demonstration alone: it begins each time without memories


class Failed(Exception):
    """The demonstration cannot go on; the message says what and what to do."""


class Demo:
    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.binaries = ROOT / "build" / "bin"
        self.language = options.lang
        self.turns, self.recall = questions.script(self.language, options.seed)
        if options.services != "configured":
            import loopback_services as loopback  # of a checkout alone
            self.turns = loopback.with_home(self.turns, self.language)
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "prot"
        self.wavs = {t.said: questions.make_wav(t.said, self.language, cache / "demo", self.binaries / "run_voice")
                     for t in [*self.turns, self.recall]}
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="prot-demo-"))
        self.output = pathlib.Path(options.output)
        self.rows: list[dict] = []
        self.problems: list[str] = []
        self.statuses: list[dict] = []
        self.services = None
        self.audio = None
        self.prot = None
        self.events = None
        self.microphone = self.loudspeaker = None

    def say(self, text: str) -> None:
        print(text, flush=True)

    # -- set-up and end ----------------------------------------------------------------------------------------
    def start(self) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        for old in self.output.glob("reply-*.wav"):
            old.unlink()
        self.audio = virtual.VirtualAudio(self.work / "audio")
        environment = dict(os.environ, PULSE_SERVER=self.audio.server)
        settings = {"general.language": self.language, "capture.source": "pulse", "capture.device": "mic",
                    "player.sink": "pulse", "player.device": "speaker", "player.headphones": "true",
                    "brain.max_tokens": "90"}
        if self.options.services != "configured":
            import loopback_services as loopback
            family = loopback.CHOICES[self.options.services]
            self.services = loopback.LoopbackServices(family, self.language, self.turns, self.recall)
            settings |= self.services.settings()
            environment |= self.services.environment()
            self.say(f"({self.services.note})")
        self.prot = Prot(self.binaries, self.options.instance, settings, environment)
        if self.options.instance == DEMO_INSTANCE:
            self.prot.forget_everything()
        self.microphone = virtual.Recording(self.audio, "micsrc.monitor")
        self.loudspeaker = virtual.Recording(self.audio, "speaker.monitor")
        self.begin_run()

    def begin_run(self) -> None:
        seconds = self.prot.up()
        self.say(f"prot is up ({seconds:.1f} s)")
        self.events = Events(self.prot.runtime / "chat.sock")
        if not self.events.subscribed.wait(10):
            raise Failed("brain does not listen on its chat socket")

    def end_run(self) -> None:
        self.statuses.append(self.prot.status())
        self.events.stop()
        begin = time.monotonic()
        said = self.prot.down()
        drained = [line for line in said.splitlines() if "DRAINED=" in line]
        self.say(f"prot is down ({time.monotonic() - begin:.1f} s){': ' + drained[-1].strip() if drained else ''}")

    def stop(self) -> None:
        if self.events:
            self.events.stop()
        if self.prot:
            try:
                self.prot.command("down", "--now", timeout=60)
            except (subprocess.SubprocessError, OSError):
                pass
        for recording in (self.microphone, self.loudspeaker):
            if recording:
                recording.stop()
        if self.audio:
            self.audio.stop()
        if self.services:
            self.services.stop()
        shutil.rmtree(self.work, ignore_errors=True)

    # -- one turn ----------------------------------------------------------------------------------------------
    def wait_event(self, kind: str, timeout: float, fits=lambda event: True) -> dict:
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            event = self.events.next(left)
            if event is None:
                continue
            if event["type"] == "heard" and event.get("final"):
                self.say(f"  prot heard: {event['text']}")
            if event["type"] == "segment":
                self.say(f"  prot: {event['text'].strip()}")
            if event["type"] == kind and fits(event):
                return event
        raise Failed(f"no '{kind}' from prot within {timeout:.0f} s; see: prot --instance {self.options.instance} logs")

    def speak(self, turn: questions.Turn) -> tuple[float, float]:
        """Plays the question; returns when its speech began and ended in the microphone's recording (seconds)."""
        self.say(f"{len(self.rows) + 1}. you: {turn.said}")
        if self.services:
            self.services.will_hear(turn.said, self.wavs[turn.said])
        begin = time.monotonic()
        player = self.audio.play(self.wavs[turn.said])
        if player.wait(30) != 0:
            raise Failed("paplay could not play the question into the virtual microphone")
        time.sleep(0.1)  # the recording's own latency
        loud = self.microphone.loud_blocks(begin, time.monotonic(), threshold=400)
        if not loud:
            raise Failed("the question did not reach the virtual microphone")
        return loud[0], loud[-1] + virtual.BLOCK / virtual.RATE

    def finish(self, turn: questions.Turn, event: dict, speech_end: float, until: float) -> dict:
        """Adds the turn's row; judges what was heard and whether the answer is audible."""
        loud = self.loudspeaker.loud_blocks(speech_end, until)
        row = reporting.turn_row(len(self.rows) + 1, turn.said, event, speech_end, loud[0] if loud else None)
        self.rows.append(row)
        if loud:
            path = self.output / f"reply-{row['n']}.wav"
            self.loudspeaker.save(path, loud[0] - 0.1, loud[-1] + 0.2)
        if turn.expect and not row["interrupted"] and not any(w in row["reply"].lower() for w in turn.expect):
            self.say(f"  (an answer with {' or '.join(turn.expect)} was expected; the model is small)")
        rate = reporting.word_error_rate(turn.said, row["heard"])
        if rate > HIGHEST_WER:
            self.problems.append(f"turn {row['n']}: heard with {rate:.0%} word errors: {row['heard']!r}")
        if not row["reply"] or not loud:
            self.problems.append(f"turn {row['n']}: no audible answer")
        return row

    def converse(self, turns: list[questions.Turn]) -> None:
        previous = None  # (turn, speech_end) of an answer that the next question interrupts
        for position, turn in enumerate(turns):
            onset, speech_end = self.speak(turn)
            if previous is not None:
                cut = self.wait_event("turn", TURN_DEADLINE)
                row = self.finish(previous[0], cut, previous[1], onset)
                self.judge_interruption(row, onset, speech_end)
                previous = None
            if position + 1 < len(turns) and turns[position + 1].interrupts:
                self.let_it_speak()
                previous = (turn, speech_end)
                continue
            event = self.wait_event("turn", TURN_DEADLINE)
            self.finish(turn, event, speech_end, time.monotonic())

    def let_it_speak(self) -> None:
        """Until some of the answer was heard. On a busy machine "One moment." comes first and is none of it."""
        begun = self.wait_event("segment", TURN_DEADLINE, lambda event: not event["notice"])["at_ns"] / 1e9
        enough = HEARD_BEFORE_CUT / virtual.BLOCK * virtual.RATE
        deadline = time.monotonic() + TURN_DEADLINE
        while len(self.loudspeaker.loud_blocks(begun, time.monotonic())) < enough and time.monotonic() < deadline:
            time.sleep(0.05)

    def judge_interruption(self, row: dict, onset: float, speech_end: float) -> None:
        after = self.loudspeaker.loud_blocks(onset, speech_end)
        silence = (after[-1] + virtual.BLOCK / virtual.RATE - onset) * 1000 if after else 0.0
        row["silence_after_interrupt_ms"] = round(silence, 1)
        self.say(f"  (interrupted: silent {silence:.0f} ms after you began to speak)")
        if not row["interrupted"]:
            self.problems.append(f"turn {row['n']}: was not interrupted")
        if silence > LONGEST_TO_SILENCE_MS:
            self.problems.append(f"turn {row['n']}: prot went on speaking for {silence:.0f} ms after the interruption")

    # -- the whole ---------------------------------------------------------------------------------------------
    def run(self) -> int:
        self.start()
        self.converse(self.turns)
        facts = self.prot.facts()
        self.end_run()
        self.say("-- a new start: the history is empty, only memory is left --")
        self.prot.settings["memory.drain_model_s"] = "2"  # the facts are stored; the end need not wait for more
        self.begin_run()
        self.converse([self.recall])
        facts = max(facts, self.prot.facts())
        recalled = any(word in self.rows[-1]["reply"].lower() for word in self.recall.expect)
        if not recalled:
            self.problems.append(f"memory did not recall {self.recall.expect[0]!r}: {self.rows[-1]['reply']!r}")
        self.end_run()
        if self.services:
            self.problems += self.services.report()["problems"]
        self.say("\n" + reporting.table(self.rows))
        self.write_report(recalled, facts)
        for problem in self.problems:
            self.say(f"PROBLEM {problem}")
        self.say(f"{len(self.rows)} turns, memory recalled: {'yes' if recalled else 'NO'}, "
                 f"answers recorded in {self.output}/reply-N.wav")
        return 1 if self.problems else 0

    def write_report(self, recalled: bool, facts: int) -> None:
        if not self.options.report:
            return
        data = {"instance": self.options.instance, "language": self.language, "turns": self.rows,
                "memory": {"recalled": recalled, "facts": facts},
                "stages": reporting.merge_stages(self.statuses), "rings": reporting.merge_rings(self.statuses),
                "problems": self.problems}
        if self.services:
            data["services"] = self.services.report()
        target = pathlib.Path(self.options.report)
        part = target.with_name(target.name + ".part")
        part.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.rename(target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lang", choices=["en", "ko"], default="en")
    parser.add_argument("--report", metavar="FILE", help="write the report as JSON")
    parser.add_argument("--instance", default=DEMO_INSTANCE,
                        help="name of the instance (default: demo, which begins without memories)")
    parser.add_argument("--output", default=str(ROOT / "demo"), help="folder of the recorded answers")
    parser.add_argument("--services", default="configured",
                        choices=["configured", "loopback", "loopback:elevenlabs", "loopback:wyoming", "loopback:openai"],
                        help="loopback: through servers on this machine that only act as if, with the protocols of "
                        "ElevenLabs, Anthropic, Voyage and Home Assistant; or those of another family")
    parser.add_argument("--seed", type=int, help="choose the fact to be remembered repeatably")
    options = parser.parse_args()
    end_by_signal()
    demo = None
    try:
        demo = Demo(options)
        return demo.run()
    except KeyboardInterrupt:
        print("\ninterrupted; stopping prot", file=sys.stderr)
        return 130
    except (Failed, RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        ignore_signals()  # a second Ctrl-C must not leave half of it running
        if demo:
            demo.stop()


if __name__ == "__main__":
    sys.exit(main())

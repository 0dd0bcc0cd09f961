"""Segments of another version, size, owner or checksum, given to the real stages and to prot-top: one line that says
which, exit code 4, and not a byte written."""
import contextlib
import os
import pathlib
import struct
import subprocess
import unittest

from instance import Instance

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
STAGES = ["capture", "stt", "brain", "tts", "player", "memory"]
# A ring of each stage: which end does not matter, both are refused alike.
RING_OF = {"capture": "mic", "stt": "mic", "brain": "speech", "tts": "speech", "player": "pcm", "memory": "turns"}
MAJOR_AT, CAPACITY_AT, NAME_AT = 0x8, 0x10, 0x48


@contextlib.contextmanager
def patched(segment, offset, data):
    with open(segment, "r+b") as file:
        file.seek(offset)
        before = file.read(len(data))
        file.seek(offset)
        file.write(data)
        file.flush()
        try:
            yield
        finally:
            file.seek(offset)
            file.write(before)


@contextlib.contextmanager
def resized(segment, size):
    content = pathlib.Path(segment).read_bytes()
    os.truncate(segment, size)
    try:
        yield
    finally:
        pathlib.Path(segment).write_bytes(content)


@contextlib.contextmanager
def given_away(segment):
    os.chown(segment, 12345, 12345)
    try:
        yield
    finally:
        os.chown(segment, os.geteuid(), os.getegid())


class Refused(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # What a killed supervisor leaves: rings and a board that nobody works with.
        cls.instance = Instance()
        cls.instance.up()
        cls.instance.kill_supervisor()
        board = next(s for s in cls.instance.segments() if s.endswith(".board"))
        cls.run_id = board.split(".")[-2]

    @classmethod
    def tearDownClass(cls):
        cls.instance.__exit__()

    def segment(self, ring):
        return f"/dev/shm/prot.{self.instance.name}.{self.run_id}.{ring}"

    def start(self, program):
        """The program as the supervisor starts it, or prot-top as a person does."""
        path = PROGRAMS / program.removeprefix("prot-") / program
        environment = dict(self.instance.environment)
        if program == "prot-top":
            return subprocess.run([path, "--once"], env=environment, capture_output=True, text=True, timeout=20,
                                  stdin=subprocess.DEVNULL)
        ready, ready_end = os.pipe()
        lifeline, lifeline_end = os.pipe()
        bells = {stage: os.eventfd(0, os.EFD_NONBLOCK) for stage in STAGES}
        fds = [ready_end, lifeline, *bells.values()]
        try:
            environment |= {"PROT_RUN": self.run_id, "PROT_GENERATION": "1", "PROT_READY_FD": str(ready_end),
                            "PROT_LIFELINE_FD": str(lifeline), "PROT_CONFIG": str(self.instance.folder / "none.toml"),
                            "PROT_BELLS": ",".join(f"{name}={fd}" for name, fd in bells.items())}
            return subprocess.run([path], env=environment, capture_output=True, text=True, timeout=20, pass_fds=fds,
                                  stdin=subprocess.DEVNULL)
        finally:
            for fd in [ready, lifeline_end, *fds]:
                os.close(fd)

    def check(self, program, segment, why):
        before = pathlib.Path(segment).read_bytes()
        done = self.start(program)
        self.assertEqual(done.returncode, 4, f"{program}: {done.stderr}")
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn("/" + pathlib.Path(segment).name, lines[0])
        self.assertIn(why, lines[0])
        self.assertEqual(pathlib.Path(segment).read_bytes(), before, "it wrote")

    def each(self, damage, why, board=True, top=True):
        """`damage` of each program's ring, and of the board, is refused by that program."""
        for program in [f"prot-{stage}" for stage in STAGES] + ["prot-top"] * top:
            for name in [RING_OF.get(program.removeprefix("prot-"), "pcm")] + (["board"] if board else []):
                segment = self.segment(name)
                with self.subTest(program=program, segment=name), damage(segment):
                    self.check(program, segment, why)

    def test_another_version_with_both_versions_in_the_message(self):
        self.each(lambda s: patched(s, MAJOR_AT, struct.pack("<HH", 7, 3)), "another version: 7.3, this program has 1.5")

    def test_a_damaged_header(self):
        self.each(lambda s: patched(s, NAME_AT, b"spy"), "its header is damaged")

    def test_another_size(self):
        self.each(lambda s: resized(s, 40960), "", board=True)
        self.each(lambda s: resized(s, 40960), "its size does not fit its header", board=False)
        self.each(lambda s: resized(s, 100), "100 bytes are no ring", board=False)

    @unittest.skipUnless(os.geteuid() == 0, "only root gives a file away")
    def test_another_owner(self):
        self.each(given_away, "belongs to user 12345, not to you", top=False)
        # prot-top looks for what is there: what others have there is not of this instance.
        with given_away(self.segment("pcm")):
            done = self.start("prot-top")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("pcm", done.stdout + done.stderr)
            self.assertIn("playback", done.stdout)
        with given_away(self.segment("board")):
            done = self.start("prot-top")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("no prot instance", done.stderr)

    def test_damaged_positions(self):
        self.each(lambda s: patched(s, 12288, struct.pack("<Q", 64)), "its positions are damaged", board=False)


if __name__ == "__main__":
    unittest.main(verbosity=2)

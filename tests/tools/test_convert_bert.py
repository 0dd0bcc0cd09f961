#!/usr/bin/env python3
"""convert_bert.py on a model of two layers that is made here: what it writes, and what it refuses."""
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

from small_bert import CONFIG, WORDS, safetensors, shapes, write_model

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools/setup/convert_bert.py"
class Convert(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.write(CONFIG, safetensors(shapes()), WORDS)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, config, tensors, words, kind="WordPiece"):
        write_model(self.path, config, tensors, words, kind)

    def run_it(self):
        return subprocess.run([sys.executable, SCRIPT, self.path, self.path / "out.gguf"], capture_output=True,
                              text=True, check=False)

    def test_what_it_writes(self):
        done = self.run_it()
        self.assertEqual(done.returncode, 0, done.stderr)
        data = (self.path / "out.gguf").read_bytes()
        self.assertEqual(data[:4], b"GGUF")
        version, tensors, entries = struct.unpack("<IQQ", data[4:24])
        self.assertEqual((version, tensors), (3, 5 + 2 * 16))
        self.assertGreater(entries, 15)
        for text in (b"\xe2\x96\x81tea", b"blk.1.ffn_down.weight", b"token_types.weight", b"bert.pooling_type"):
            self.assertIn(text, data)
        self.assertNotIn(b"pooler", data)
        # The second tensor's numbers are where its entry says, all of them 1.
        at = data.index(b"position_embd.weight") + len(b"position_embd.weight")
        dimensions, columns, rows, kind, offset = struct.unpack("<IQQIQ", data[at:at + 32])
        self.assertEqual((dimensions, columns, rows, kind, offset % 32), (2, 4, 16, 0, 0))
        sizes = [4 * s[0] * (s[1] if len(s) > 1 else 1) for n, s in shapes().items() if not n.startswith("pooler")]
        begin = len(data) - sum(size + -size % 32 for size in sizes)
        self.assertEqual(struct.unpack("<64f", data[begin + offset:begin + offset + 256]), (1.0,) * 64)

    def refuses(self, says):
        done = self.run_it()
        self.assertEqual(done.returncode, 1)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertFalse((self.path / "out.gguf").exists())

    def test_what_it_refuses(self):
        self.write(CONFIG | {"model_type": "gpt2"}, safetensors(shapes()), WORDS)
        self.refuses("not of a BERT")
        self.write(CONFIG, safetensors(shapes(), "F16"), WORDS)
        self.refuses("is F16")
        self.write(CONFIG, safetensors(shapes())[:-9], WORDS)
        self.refuses("cut off")
        self.write(CONFIG, safetensors(shapes() | {"decoder.weight": [4]}), WORDS)
        self.refuses("another kind of model")
        self.write(CONFIG, safetensors({n: s for n, s in shapes().items() if "bias" not in n}), WORDS)
        self.refuses("tensors, not")
        self.write(CONFIG, safetensors(shapes()), WORDS, "Unigram")
        self.refuses("Unigram")
        self.write(CONFIG, safetensors(shapes()), ["[PAD]"] + WORDS[2:] + ["x"])
        self.refuses("special token")
        self.write({k: v for k, v in CONFIG.items() if k != "hidden_size"}, safetensors(shapes()), WORDS)
        self.refuses("hidden_size")
        (self.path / "config.json").unlink()
        self.refuses("config.json")

    def test_usage(self):
        done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()

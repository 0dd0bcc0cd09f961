"""convert_whisper.py on a model small enough to be written by hand: two dimensions, one layer each side."""
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "setup", "convert_whisper.py")
WIDTH, MELS, AUDIO_CTX, TEXT_CTX, VOCAB = 2, 80, 3, 4, 5


def f16(*shape, fill=1.0):
    n = 1
    for d in shape:
        n *= d
    return shape, 4, struct.pack(f"<{n}e", *[fill] * n)


def small_model(key_bias=0.0):
    qkv_bias = ((3 * WIDTH,), 4, struct.pack(f"<{3 * WIDTH}e", 1, 1, key_bias, key_bias, 3, 3))
    qkv = ((3 * WIDTH, WIDTH), 4, struct.pack(f"<{3 * WIDTH * WIDTH}e", *[1] * 4, *[2] * 4, *[3] * 4))
    kv_bias = ((2 * WIDTH,), 4, struct.pack(f"<{2 * WIDTH}e", 0, 0, 3, 3))
    norm = {"beta": f16(WIDTH), "gamma": f16(WIDTH)}
    v = {"encoder/num_heads": ((), 2, struct.pack("<h", 1)), "decoder/num_heads": ((), 2, struct.pack("<h", 1)),
         "decoder/pre_norm": ((), 1, b"\1"),
         "encoder/conv1/weight": f16(WIDTH, MELS, 3), "encoder/conv1/bias": f16(WIDTH),
         "encoder/conv2/weight": f16(WIDTH, WIDTH, 3), "encoder/conv2/bias": f16(WIDTH),
         "encoder/position_encodings/encodings": f16(AUDIO_CTX, WIDTH),
         "decoder/position_encodings/encodings": f16(TEXT_CTX, WIDTH),
         "decoder/embeddings/weight": f16(VOCAB, WIDTH)}
    for side in ("encoder", "decoder"):
        for k, t in norm.items():
            v[f"{side}/layer_norm/{k}"] = t
            v[f"{side}/layer_0/self_attention/layer_norm/{k}"] = t
            v[f"{side}/layer_0/ffn/layer_norm/{k}"] = t
        v[f"{side}/layer_0/self_attention/linear_0/weight"] = qkv
        v[f"{side}/layer_0/self_attention/linear_0/bias"] = qkv_bias
        v[f"{side}/layer_0/self_attention/linear_1/weight"] = f16(WIDTH, WIDTH)
        v[f"{side}/layer_0/self_attention/linear_1/bias"] = f16(WIDTH)
        v[f"{side}/layer_0/ffn/linear_0/weight"] = f16(4 * WIDTH, WIDTH)
        v[f"{side}/layer_0/ffn/linear_0/bias"] = f16(4 * WIDTH)
        v[f"{side}/layer_0/ffn/linear_1/weight"] = f16(WIDTH, 4 * WIDTH)
        v[f"{side}/layer_0/ffn/linear_1/bias"] = f16(WIDTH)
    for k, t in norm.items():
        v[f"decoder/layer_0/attention/layer_norm/{k}"] = t
    v["decoder/layer_0/attention/linear_0/weight"] = f16(WIDTH, WIDTH)
    v["decoder/layer_0/attention/linear_0/bias"] = f16(WIDTH)
    v["decoder/layer_0/attention/linear_1/weight"] = f16(2 * WIDTH, WIDTH)
    v["decoder/layer_0/attention/linear_1/bias"] = kv_bias
    v["decoder/layer_0/attention/linear_2/weight"] = f16(WIDTH, WIDTH)
    v["decoder/layer_0/attention/linear_2/bias"] = f16(WIDTH)
    return v


def container(variables, spec=b"WhisperSpec\0", version=6):
    out = io.BytesIO()
    out.write(struct.pack("<IH", version, len(spec)) + spec + struct.pack("<II", 3, len(variables)))
    for name, (shape, dtype, data) in variables.items():
        raw = name.encode() + b"\0"
        out.write(struct.pack("<H", len(raw)) + raw + struct.pack(f"<B{len(shape)}I", len(shape), *shape))
        out.write(struct.pack("<BI", dtype, len(data)) + data)
    out.write(struct.pack("<I", 0))
    return out.getvalue()


def tokenizer():
    # "Ġ" stands for a space; "ê°Ģ" for the three bytes of a Hangul syllable
    return {"model": {"vocab": {"!": 0, "Ġa": 1, "ê°Ģ": 2, "<|endoftext|>": 3}},
            "added_tokens": [{"id": 3, "content": "<|endoftext|>"}]}


def read_ggml(path):
    with open(path, "rb") as f:
        header = struct.unpack("<12i", f.read(48))
        mels, bins = struct.unpack("<2i", f.read(8))
        filters = [struct.unpack(f"<{bins}f", f.read(4 * bins)) for _ in range(mels)]
        (count,) = struct.unpack("<i", f.read(4))
        tokens = [f.read(struct.unpack("<i", f.read(4))[0]) for _ in range(count)]
        tensors = {}
        while head := f.read(12):
            rank, name_len, kind = struct.unpack("<3i", head)
            shape = struct.unpack(f"<{rank}i", f.read(4 * rank))
            name = f.read(name_len).decode()
            n = 1
            for d in shape:
                n *= d
            code = "e" if kind == 1 else "f"
            tensors[name] = (shape, kind, struct.unpack(f"<{n}{code}", f.read(n * struct.calcsize(code))))
    return header, filters, tokens, tensors


class ConvertWhisper(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(self.path("tokenizer.json"), "w", encoding="utf-8") as f:
            json.dump(tokenizer(), f)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def convert(self, data):
        with open(self.path("model.bin"), "wb") as f:
            f.write(data)
        return subprocess.run([sys.executable, SCRIPT, self.path("model.bin"), self.path("tokenizer.json"), self.path("out")],
                              capture_output=True, text=True, check=False)

    def test_header_tokens_and_filters(self):
        self.assertEqual(self.convert(container(small_model())).returncode, 0)
        header, filters, tokens, _ = read_ggml(self.path("out"))
        self.assertEqual(header, (0x67676D6C, VOCAB, AUDIO_CTX, WIDTH, 1, 1, TEXT_CTX, WIDTH, 1, 1, MELS, 1))
        self.assertEqual(tokens, [b"!", b" a", "가".encode()])
        self.assertEqual((len(filters), len(filters[0])), (80, 201))
        # the published filter bank begins with these
        self.assertAlmostEqual(filters[0][1], 0.02486259, places=7)
        self.assertAlmostEqual(filters[1][1], 0.00199082, places=7)
        self.assertAlmostEqual(filters[1][2], 0.02287177, places=7)

    def test_fused_matrices_are_split_and_small_ones_are_fp32(self):
        self.convert(container(small_model()))
        tensors = read_ggml(self.path("out"))[3]
        for part, value in (("query", 1), ("key", 2), ("value", 3)):
            self.assertEqual(tensors[f"encoder.blocks.0.attn.{part}.weight"], ((WIDTH, WIDTH), 1, (value,) * 4))
        self.assertEqual(tensors["decoder.blocks.0.cross_attn.value.bias"], ((WIDTH,), 0, (3, 3)))
        self.assertNotIn("decoder.blocks.0.attn.key.bias", tensors)
        self.assertEqual(tensors["encoder.conv1.bias"][:2], ((1, WIDTH), 0))
        self.assertEqual(tensors["decoder.positional_embedding"][:2], ((WIDTH, TEXT_CTX), 0))
        self.assertEqual(tensors["decoder.token_embedding.weight"][:2], ((WIDTH, VOCAB), 1))

    def refused(self, data, words):
        result = self.convert(data)
        self.assertEqual(result.returncode, 1)
        self.assertIn(words, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_what_it_does_not_understand_is_refused(self):
        good = container(small_model())
        self.refused(b"", "ends too early")
        self.refused(good[:-100], "ends too early")
        self.refused(container(small_model(), version=5), "not a WhisperSpec")
        self.refused(container(small_model(), spec=b"TransformerSpec\0"), "not a WhisperSpec")
        self.refused(container(small_model(key_bias=0.5)), "key bias is not zero")
        lacking = small_model()
        del lacking["decoder/embeddings/weight"]
        self.refused(container(lacking), "decoder.token_embedding.weight is missing")
        self.refused(container({**small_model(), "decoder/layer_0/other/weight": f16(2)}), "other")


if __name__ == "__main__":
    unittest.main()

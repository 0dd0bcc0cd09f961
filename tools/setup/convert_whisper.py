#!/usr/bin/env python3
"""Convert a Whisper model from the CTranslate2 layout to ggml (fp16), as whisper.cpp reads it.

    convert_whisper.py MODEL.bin TOKENIZER.json OUT.bin

Needs only the Python standard library, because it runs before anything else is installed. The result still has to be
quantised. OUT.bin is replaced atomically: it is either complete or absent.
"""
import json
import math
import os
import re
import struct
import sys
from typing import BinaryIO, Dict, List, NamedTuple, Tuple

MAGIC = 0x67676D6C
CT2_VERSION = 6
CT2_SPEC = "WhisperSpec"
CT2_INT16, CT2_F16 = 2, 4  # dtype codes of the container; 2 holds small integers such as the head count
GGML_F32, GGML_F16 = 0, 1
SAMPLE_RATE, N_FFT = 16000, 400
# Where CTranslate2 keeps each part of a layer. Order inside a fused matrix is query, key, value.
LAYER_NORMS = {"self_attention": "attn_ln", "attention": "cross_attn_ln", "ffn": "mlp_ln"}
LINEAR = {"ffn/linear_0": ["mlp.0"], "ffn/linear_1": ["mlp.2"],
          "self_attention/linear_0": ["attn.query", "attn.key", "attn.value"], "self_attention/linear_1": ["attn.out"],
          "attention/linear_0": ["cross_attn.query"], "attention/linear_1": ["cross_attn.key", "cross_attn.value"],
          "attention/linear_2": ["cross_attn.out"]}
TOP = {"encoder/conv1/weight": "encoder.conv1.weight", "encoder/conv1/bias": "encoder.conv1.bias",
       "encoder/conv2/weight": "encoder.conv2.weight", "encoder/conv2/bias": "encoder.conv2.bias",
       "encoder/position_encodings/encodings": "encoder.positional_embedding",
       "decoder/position_encodings/encodings": "decoder.positional_embedding",
       "decoder/embeddings/weight": "decoder.token_embedding.weight",
       "encoder/layer_norm/gamma": "encoder.ln_post.weight", "encoder/layer_norm/beta": "encoder.ln_post.bias",
       "decoder/layer_norm/gamma": "decoder.ln.weight", "decoder/layer_norm/beta": "decoder.ln.bias"}


class BadModel(Exception):
    """The input is not what this converter understands."""


class Tensor(NamedTuple):
    shape: Tuple[int, ...]
    data: bytes  # little-endian fp16


def take(f: BinaryIO, n: int) -> bytes:
    data = f.read(n)
    if len(data) != n:
        raise BadModel("the model file ends too early")
    return data


def take_string(f: BinaryIO) -> str:
    (n,) = struct.unpack("<H", take(f, 2))
    return take(f, n).rstrip(b"\0").decode("utf-8", "replace")


def read_ct2(path: str) -> Tuple[Dict[str, Tensor], Dict[str, int]]:
    """Tensors and single integers by name."""
    tensors: Dict[str, Tensor] = {}
    scalars: Dict[str, int] = {}
    with open(path, "rb") as f:
        (version,) = struct.unpack("<I", take(f, 4))
        spec = take_string(f) if version == CT2_VERSION else ""
        if spec != CT2_SPEC:
            raise BadModel(f"not a {CT2_SPEC} of binary version {CT2_VERSION} (version {version}, spec {spec!r})")
        _revision, count = struct.unpack("<II", take(f, 8))
        for _ in range(count):
            name = take_string(f)
            (rank,) = struct.unpack("<B", take(f, 1))
            shape = struct.unpack(f"<{rank}I", take(f, 4 * rank))
            dtype, size = struct.unpack("<BI", take(f, 5))
            data = take(f, size)
            if dtype == CT2_F16:
                if size != 2 * math.prod(shape):
                    raise BadModel(f"{name}: {size} bytes do not fill the shape {shape}")
                tensors[name] = Tensor(shape, data)
            elif dtype == CT2_INT16 and size == 2:
                (scalars[name],) = struct.unpack("<h", data)
            elif rank:
                raise BadModel(f"{name}: data type {dtype} is not fp16")
    return tensors, scalars


def split_rows(name: str, t: Tensor, parts: int) -> List[Tensor]:
    rows = t.shape[0]
    if rows % parts:
        raise BadModel(f"{name}: {rows} rows cannot be split in {parts}")
    step = len(t.data) // parts
    return [Tensor((rows // parts, *t.shape[1:]), t.data[i * step:(i + 1) * step]) for i in range(parts)]


def rename_layer(name: str, t: Tensor) -> Dict[str, Tensor]:
    """One tensor inside a layer -> one to three tensors under whisper.cpp's names."""
    m = re.fullmatch(r"(encoder|decoder)/layer_(\d+)/(.+)/(weight|bias|gamma|beta)", name)
    if not m:
        raise BadModel(f"unknown tensor {name}")
    side, number, where, kind = m.groups()
    prefix = f"{side}.blocks.{number}."
    if where.endswith("/layer_norm"):
        norm = LAYER_NORMS[where.split("/")[0]]
        return {f"{prefix}{norm}.{'weight' if kind == 'gamma' else 'bias'}": t}
    targets = LINEAR[where]
    out: Dict[str, Tensor] = {}
    for target, part in zip(targets, split_rows(name, t, len(targets))):
        if kind == "bias" and target.endswith(".key"):
            # Whisper has no key bias; the fused layout fills the gap with zeros.
            if any(part.data):
                raise BadModel(f"{name}: the key bias is not zero")
            continue
        out[f"{prefix}{target}.{kind}"] = part
    return out


def rename(tensors: Dict[str, Tensor]) -> Dict[str, Tensor]:
    out: Dict[str, Tensor] = {}
    for name, t in tensors.items():
        if name in TOP:
            out[TOP[name]] = t
        else:
            out.update(rename_layer(name, t))
    return out


def byte_decoder() -> Dict[str, int]:
    """GPT-2's table of printable stand-ins, reversed: character -> byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(b): b for b in printable}
    others = [b for b in range(256) if b not in set(printable)]
    table.update({chr(256 + i): b for i, b in enumerate(others)})
    return table


def read_tokens(path: str) -> List[bytes]:
    """The byte strings of the ordinary tokens, by id. whisper.cpp names the special tokens itself."""
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    vocab: Dict[str, int] = doc["model"]["vocab"]
    special = {t["id"] for t in doc["added_tokens"]}
    words = sorted((i, text) for text, i in vocab.items() if i not in special)
    if [i for i, _ in words] != list(range(len(words))):
        raise BadModel("the token ids in the vocabulary have gaps")
    decode = byte_decoder()
    return [bytes(decode[c] for c in text) for _, text in words]


def mel_filters(n_mels: int) -> List[List[float]]:
    """Slaney's mel filter bank with area normalisation, as Whisper was trained with."""
    def to_hz(mel: float) -> float:
        return 200.0 * mel / 3.0 if mel < 15.0 else 1000.0 * math.exp(math.log(6.4) / 27.0 * (mel - 15.0))

    top = 15.0 + 27.0 * math.log(SAMPLE_RATE / 2 / 1000.0) / math.log(6.4)
    points = [to_hz(top * i / (n_mels + 1)) for i in range(n_mels + 2)]
    bins = [SAMPLE_RATE * i / N_FFT for i in range(N_FFT // 2 + 1)]
    bank = []
    for low, mid, high in zip(points, points[1:], points[2:]):
        norm = 2.0 / (high - low)
        bank.append([norm * max(0.0, min((b - low) / (mid - low), (high - b) / (high - mid))) for b in bins])
    return bank


def write_tensor(f: BinaryIO, name: str, t: Tensor) -> None:
    shape = t.shape
    if re.fullmatch(r"encoder\.conv[12]\.bias", name):
        shape = (shape[0], 1)  # added to a two-dimensional result, so whisper.cpp wants it two-dimensional
    small = len(t.shape) < 2 or name.endswith("positional_embedding")
    data = t.data
    if small:  # ggml adds and normalises in fp32
        n = len(data) // 2
        data = struct.pack(f"<{n}f", *struct.unpack(f"<{n}e", data))
    raw = name.encode()
    f.write(struct.pack("<iii", len(shape), len(raw), GGML_F32 if small else GGML_F16))
    f.write(struct.pack(f"<{len(shape)}i", *reversed(shape)))
    f.write(raw)
    f.write(data)


def layers(tensors: Dict[str, Tensor], side: str) -> int:
    found = {int(m.group(1)) for n in tensors if (m := re.match(rf"{side}\.blocks\.(\d+)\.", n))}
    return max(found) + 1 if found else 0


def convert(model: str, tokenizer: str, out: str) -> None:
    raw, scalars = read_ct2(model)
    tensors = rename(raw)
    tokens = read_tokens(tokenizer)
    try:
        n_vocab, width = tensors["decoder.token_embedding.weight"].shape
        n_mels = tensors["encoder.conv1.weight"].shape[1]
        audio_ctx = tensors["encoder.positional_embedding"].shape[0]
        text_ctx = tensors["decoder.positional_embedding"].shape[0]
        heads = scalars["encoder/num_heads"], scalars["decoder/num_heads"]
    except KeyError as e:
        raise BadModel(f"{e.args[0]} is missing") from e
    header = (MAGIC, n_vocab, audio_ctx, width, heads[0], layers(tensors, "encoder"), text_ctx, width, heads[1],
              layers(tensors, "decoder"), n_mels, GGML_F16)
    part = f"{out}.part"
    with open(part, "wb") as f:
        f.write(struct.pack("<12i", *header))
        f.write(struct.pack("<ii", n_mels, N_FFT // 2 + 1))
        for row in mel_filters(n_mels):
            f.write(struct.pack(f"<{len(row)}f", *row))
        f.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            f.write(struct.pack("<i", len(token)) + token)
        for name, t in tensors.items():
            write_tensor(f, name, t)
        f.flush()
        os.fsync(f.fileno())
    os.replace(part, out)


def main(argv: List[str]) -> int:
    if len(argv) != 4:
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    try:
        convert(*argv[1:])
    except (BadModel, OSError, KeyError, ValueError) as e:
        print(f"convert_whisper: {argv[1]}: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

#!/usr/bin/env python3
"""A BERT of two layers for tests, made here: small_bert.py FOLDER writes one that llama-server loads, once converted."""
import json
import math
import pathlib
import struct
import sys

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "##s", "car"]
CONFIG = {"model_type": "bert", "hidden_act": "gelu", "num_hidden_layers": 2, "max_position_embeddings": 16,
          "hidden_size": 4, "intermediate_size": 8, "num_attention_heads": 2, "layer_norm_eps": 1e-12,
          "type_vocab_size": 2, "vocab_size": len(WORDS)}


def shapes(config=None):
    config = config or CONFIG
    width, inner = config["hidden_size"], config["intermediate_size"]
    made = {"embeddings.word_embeddings.weight": [config["vocab_size"], width],
            "embeddings.position_embeddings.weight": [config["max_position_embeddings"], width],
            "embeddings.token_type_embeddings.weight": [2, width], "embeddings.LayerNorm.weight": [width],
            "embeddings.LayerNorm.bias": [width], "pooler.dense.weight": [width, width]}
    for layer in range(2):
        for part, rows, columns in (("attention.self.query", width, width), ("attention.self.key", width, width),
                                    ("attention.self.value", width, width), ("attention.output.dense", width, width),
                                    ("intermediate.dense", inner, width), ("output.dense", width, inner)):
            made[f"encoder.layer.{layer}.{part}.weight"] = [rows, columns]
            made[f"encoder.layer.{layer}.{part}.bias"] = [rows]
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            made[f"encoder.layer.{layer}.{part}.weight"] = made[f"encoder.layer.{layer}.{part}.bias"] = [width]
    return made


def safetensors(tensors, kind="F32", value=lambda tensor, place: float(tensor)):
    head, data = {}, b""
    for number, (name, shape) in enumerate(tensors.items()):
        count = math.prod(shape)
        content = struct.pack(f"<{count}f", *(value(number, place) for place in range(count)))
        head[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_model(folder, config, tensors, words, kind="WordPiece"):
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(tensors)
    vocabulary = {"model": {"type": kind, "vocab": {word: i for i, word in enumerate(words)}}}
    (folder / "tokenizer.json").write_text(json.dumps(vocabulary))


def main():
    words = WORDS + [f"[unused{i}]" for i in range(64 - len(WORDS))]
    config = CONFIG | {"hidden_size": 64, "intermediate_size": 128, "max_position_embeddings": 512,
                       "vocab_size": len(words)}
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder, config, safetensors(shapes(config), value=lambda t, p: math.sin(1.0 + 7 * t + 3 * p)), words)


if __name__ == "__main__":
    main()

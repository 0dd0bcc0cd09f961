#!/usr/bin/env python3
"""Makes a GGUF file for llama-server of a BERT sentence encoder: convert_bert.py FOLDER OUT.gguf

FOLDER has config.json, tokenizer.json (WordPiece) and model.safetensors, float32. Its mean is a text's vector. Standard
library only; what it does not know it refuses, in one line.
"""
import json
import pathlib
import struct
import sys

U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
ALIGNMENT = 32
NORMAL, UNKNOWN, CONTROL = 1, 2, 3

OUTER = {"embeddings.word_embeddings.weight": "token_embd.weight",
         "embeddings.position_embeddings.weight": "position_embd.weight",
         "embeddings.token_type_embeddings.weight": "token_types.weight",
         "embeddings.LayerNorm.weight": "token_embd_norm.weight", "embeddings.LayerNorm.bias": "token_embd_norm.bias"}
LAYER = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
         "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
         "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}


class Refused(Exception):
    pass


def gguf_name(name, layers):
    """None: a tensor that sentence vectors do not need."""
    name = name.removeprefix("bert.")
    if name in OUTER:
        return OUTER[name]
    if name == "embeddings.position_ids" or name.startswith(("pooler.", "cls.")):
        return None
    parts = name.split(".")
    if parts[:2] == ["encoder", "layer"] and len(parts) > 4 and int(parts[2]) < layers:
        part = LAYER.get(".".join(parts[3:-1]))
        if part and parts[-1] in ("weight", "bias"):
            return f"blk.{parts[2]}.{part}.{parts[-1]}"
    raise Refused(f"the tensor {name} is of another kind of model")


def read_tensors(path, layers):
    """(name, shape, bytes), in the order of the file."""
    data = path.read_bytes()
    if len(data) < 8:
        raise Refused(f"{path.name} is cut off")
    size = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + size])
    tensors = []
    for name, about in head.items():
        if name == "__metadata__":
            continue
        new = gguf_name(name, layers)
        if new is None:
            continue
        if about["dtype"] != "F32":
            raise Refused(f"{name} is {about['dtype']}, not F32")
        begin, end = about["data_offsets"]
        content = data[8 + size + begin:8 + size + end]
        count = 4
        for length in about["shape"]:
            count *= length
        if len(content) != count:
            raise Refused(f"{path.name} is cut off")
        tensors.append((new, about["shape"], content))
    wanted = len(OUTER) + layers * 2 * len(LAYER)
    if len(tensors) != wanted:
        raise Refused(f"there are {len(tensors)} tensors, not {wanted}")
    return tensors


def read_tokens(path):
    """As llama.cpp wants WordPiece: what begins a word has a bar before it, what goes on has no mark."""
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    if model.get("type", "WordPiece") != "WordPiece":
        raise Refused(f"the tokenizer is {model.get('type')}, not WordPiece")
    vocabulary = sorted(model["vocab"].items(), key=lambda item: item[1])
    if [number for _, number in vocabulary] != list(range(len(vocabulary))):
        raise Refused("the vocabulary has holes")
    special = {word: model["vocab"].get(word) for word in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")}
    if None in special.values():
        raise Refused("the vocabulary lacks a special token")
    words, types = [], []
    for word, _ in vocabulary:
        if word in special:
            words.append(word)
            types.append(UNKNOWN if word == "[UNK]" else CONTROL)
        else:
            words.append(word[2:] if word.startswith("##") else "\u2581" + word)
            types.append(NORMAL)
    return words, types, special


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, kind, value):
    if kind == STRING:
        return text(key) + struct.pack("<I", kind) + text(value)
    form = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind]
    return text(key) + struct.pack("<I", kind) + struct.pack(form, value)


def entries(key, kind, values):
    head = text(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    if kind == STRING:
        return head + b"".join(text(value) for value in values)
    return head + struct.pack(f"<{len(values)}i", *values)


def metadata(config, tokens, name):
    words, types, special = tokens
    return [entry("general.architecture", STRING, "bert"), entry("general.name", STRING, name),
            entry("bert.block_count", U32, config["num_hidden_layers"]),
            entry("bert.context_length", U32, config["max_position_embeddings"]),
            entry("bert.embedding_length", U32, config["hidden_size"]),
            entry("bert.feed_forward_length", U32, config["intermediate_size"]),
            entry("bert.attention.head_count", U32, config["num_attention_heads"]),
            entry("bert.attention.layer_norm_epsilon", F32, config["layer_norm_eps"]),
            entry("bert.attention.causal", BOOL, False), entry("bert.pooling_type", U32, 1),
            entry("general.file_type", U32, 0), entry("tokenizer.ggml.model", STRING, "bert"),
            entry("tokenizer.ggml.pre", STRING, "default"),
            entry("tokenizer.ggml.token_type_count", U32, config["type_vocab_size"]),
            entries("tokenizer.ggml.tokens", STRING, words), entries("tokenizer.ggml.token_type", I32, types),
            entry("tokenizer.ggml.bos_token_id", U32, special["[CLS]"]),
            entry("tokenizer.ggml.eos_token_id", U32, special["[SEP]"]),
            entry("tokenizer.ggml.unknown_token_id", U32, special["[UNK]"]),
            entry("tokenizer.ggml.seperator_token_id", U32, special["[SEP]"]),  # spelled so there
            entry("tokenizer.ggml.padding_token_id", U32, special["[PAD]"]),
            entry("tokenizer.ggml.cls_token_id", U32, special["[CLS]"]),
            entry("tokenizer.ggml.mask_token_id", U32, special["[MASK]"])]


def padded(data):
    return data + b"\0" * (-len(data) % ALIGNMENT)


def convert(folder, out):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        raise Refused(f"config.json is of {config.get('model_type')}, not of a BERT with gelu")
    tensors = read_tensors(folder / "model.safetensors", config["num_hidden_layers"])
    tokens = read_tokens(folder / "tokenizer.json")
    if len(tokens[0]) != config["vocab_size"]:
        raise Refused(f"the tokenizer has {len(tokens[0])} tokens, the model {config['vocab_size']}")
    about = metadata(config, tokens, config.get("_name_or_path", "a BERT sentence encoder"))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(about)) + b"".join(about)
    offset = 0
    for name, shape, data in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        head += struct.pack("<IQ", 0, offset)  # 0: float32
        offset += len(padded(data))
    new = out.with_suffix(".new")
    with new.open("wb") as file:
        file.write(padded(head))
        for _, _, data in tensors:
            file.write(padded(data))
    new.replace(out)


def main():
    if len(sys.argv) != 3:
        print("usage: convert_bert.py FOLDER OUT.gguf", file=sys.stderr)
        return 2
    try:
        convert(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    except (Refused, OSError, KeyError, ValueError, struct.error) as error:
        missing = "there is no " if isinstance(error, KeyError) else ""
        print(f"convert_bert.py: {missing}{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

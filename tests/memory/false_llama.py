#!/usr/bin/env python3
"""In llama-server's place for local_embedder_test: what it does stands in the model's file.

sound: vectors of what texts mean, as far as the golden pairs go; alike: the same for all; broken: it ends at
once; silent: it never answers.
"""
import json
import os
import re
import socketserver
import sys
import time

MODEL = sys.argv[sys.argv.index("-m") + 1]
KIND = open(MODEL, encoding="utf-8").read()
# Words that belong together, by the golden pairs; the others count for themselves.
TOPICS = (("living", "nurse"), ("animal", "dog"), ("grow", "childhood"), ("allowed", "allergic"),
          ("married", "wedding"), ("instrument", "violin"), ("weather", "raining"), ("sport", "swimming"),
          ("train", "railway"), ("cook", "soup"))


def vector(text):
    if "alike" in KIND:
        return [1.0] * 16
    words = re.findall(r"\w+", text.lower())
    numbers = [0.01 * (1 + len(text) % 7)] + [0.0] * 15
    for i, topic in enumerate(TOPICS):
        numbers[1 + i] += sum(word in topic for word in words)
    return numbers


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.rfile.read(1)
            if not byte:
                return
            head += byte
        size = re.search(rb"content-length: *(\d+)", head.lower())
        body = self.rfile.read(int(size.group(1))) if size else b""
        answer = {}
        if b"/embeddings" in head.split(b"\r\n")[0]:
            texts = json.loads(body)["input"]
            answer = {"data": [{"index": i, "embedding": vector(text)} for i, text in enumerate(texts)]}
        data = json.dumps(answer).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                         b"Content-Length: %d\r\n\r\n%s" % (len(data), data))


with open(MODEL + ".log", "a", encoding="utf-8") as log:
    log.write(f"pid {os.getpid()} {' '.join(sys.argv[1:])}\n")
if "broken" in KIND:
    sys.exit(1)
while "silent" in KIND:
    time.sleep(60)
socketserver.ThreadingUnixStreamServer.daemon_threads = True
with socketserver.ThreadingUnixStreamServer(sys.argv[sys.argv.index("--host") + 1], Handler) as server:
    server.serve_forever()

#!/usr/bin/env python3
"""In llama-server's place (llm.program): answers GET /health on a Unix socket, and ignores TERM."""
import signal
import socket
import sys

signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[sys.argv.index("--host") + 1])
listener.listen()
while True:
    client, _ = listener.accept()
    with client:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

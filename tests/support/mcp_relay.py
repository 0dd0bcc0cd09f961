#!/usr/bin/env python3
"""The process of a loopback MCP server (tests/support/loopback/mcp_service.py): what comes on standard input goes to
127.0.0.1:PORT, what comes from there to standard output. It ends when either side does.

usage: mcp_relay.py PORT
"""
import os
import socket
import sys
import threading


def write_all(data: bytes) -> None:
    while data:
        data = data[os.write(1, data):]


def pass_answers(connection: socket.socket) -> None:
    try:
        while data := connection.recv(65536):
            write_all(data)
    except OSError:
        os._exit(4)
    os._exit(3)


def main() -> int:
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=pass_answers, args=[connection], daemon=True).start()
    try:
        while data := os.read(0, 65536):
            connection.sendall(data)
    except OSError:
        return 4
    return 0


if __name__ == "__main__":
    os._exit(main())  # the other thread waits for the service

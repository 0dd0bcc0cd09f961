"""WebSockets (RFC 6455) for the loopback services, by hand, so that they can misbehave: an Exchange that is upgraded."""
import asyncio
import base64
import hashlib
import json
import struct
import time

from .http_server import Exchange, PeerGone

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class WebSocket:
    """The server's end. Pings of the client are answered unless `deaf` is set; `close_code` is the client's."""

    def __init__(self, exchange: Exchange):
        self.exchange = exchange
        self.deaf = False
        self.close_code = 0
        self.pings = 0
        self._buffer = b""

    async def accept(self) -> None:
        key = self.exchange.headers.get("sec-websocket-key", "").encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.exchange.record.status = 101
        await self.exchange.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())

    # -- out ----------------------------------------------------------------------------------------------------
    async def frame(self, opcode: int, payload: bytes, fin: bool = True) -> None:
        size = len(payload)
        head = bytes([(0x80 if fin else 0) | opcode])
        head += bytes([size]) if size < 126 else struct.pack(">BH", 126, size) if size < 65536 else struct.pack(
            ">BQ", 127, size)
        await self.exchange.write(head + payload)

    async def send(self, message: dict) -> None:
        await self.frame(TEXT, json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    async def close(self, code: int, reason: str = "") -> None:
        self.exchange.record.dropped = True
        await self.frame(CLOSE, struct.pack(">H", code) + reason.encode())

    # -- in -----------------------------------------------------------------------------------------------------
    async def receive(self, seconds: float = 3600) -> str | None:
        """The next message; nothing: none came in that time. Raises PeerGone when the client has closed."""
        until = time.monotonic() + seconds
        while True:
            frame = self._frame()
            if frame is None:
                left = until - time.monotonic()
                if left <= 0:
                    return None
                try:
                    data = await asyncio.wait_for(self.exchange.read_some(), left)
                except asyncio.TimeoutError:
                    return None
                if not data:
                    self.exchange.peer_gone()
                self._buffer += data
                continue
            opcode, payload = frame
            if opcode == PING:
                self.pings += 1
                if not self.deaf:
                    await self.frame(PONG, payload)
            elif opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 1005
                self.exchange.peer_gone()
            elif opcode == TEXT:
                return payload.decode()

    async def ignore(self) -> None:
        """Reads nothing and says nothing, as behind a broken line, until the connection ends."""
        self.deaf = True
        while True:
            await self.exchange.sleep(3600)

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._buffer
        if len(data) < 2:
            return None
        size, at = data[1] & 127, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(data) < at + width:
                return None
            size, at = int.from_bytes(data[at:at + width], "big"), at + width
        if len(data) < at + 4 + size:
            return None
        mask, body = data[at:at + 4], data[at + 4:at + 4 + size]
        self._buffer = data[at + 4 + size:]
        key = int.from_bytes(mask * (size // 4 + 1), "big") >> (8 * (4 - size % 4))
        return data[0] & 15, (int.from_bytes(body, "big") ^ key).to_bytes(size, "big") if size else b""


__all__ = ["PeerGone", "WebSocket"]

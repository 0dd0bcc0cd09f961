"""An MCP server that can misbehave: its process is mcp_relay.py, so that everything that goes between prot and its standard
streams comes by here. It has one tool, `echo`, which says its `text` again."""
import asyncio
import json
import pathlib
import time

from .faults import Fault
from .http_server import Exchange, PeerGone, RawServer, Record

RELAY = pathlib.Path(__file__).resolve().parents[1] / "mcp_relay.py"
TOOL = {"name": "echo", "description": "Says the text again.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        "annotations": {"readOnlyHint": True}}
HUGE = 10 << 20
FLOOD = 5000  # lines


class McpService:
    """`delay`: the time that a call takes; `fault` befalls every call while it is set (`fault.times` of them); `ready`: how
    many processes have told their tools. A call is a record of the kind "call", with its text as `body`; a call that prot
    cancels is one that was closed early. All of the loop's thread."""

    def __init__(self, tell=None):
        self.server = RawServer(self._serve, tell, "mcp")
        self.ready = 0
        self.reset()

    def reset(self) -> None:
        self.delay = 0.0
        self.fault: Fault | None = None
        self.faulted = 0
        self.server.records.clear()
        self.server.errors.clear()

    def command(self) -> list[str]:
        return ["python3", str(RELAY), str(self.server.port)]

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault
        self.faulted = 0

    def requests(self) -> list[Record]:
        return [r for r in self.server.records if r.kind == "call"]

    def next_fault(self) -> Fault | None:
        if self.fault is None or self.faulted >= self.fault.times:
            return None
        self.faulted += 1
        return self.fault

    async def _serve(self, reader: asyncio.StreamReader, exchange: Exchange) -> None:
        exchange.record.kind = "process"
        await Process(self, reader, exchange).run()


class Process:
    """One of them, from its start to its end."""

    def __init__(self, service: McpService, reader: asyncio.StreamReader, exchange: Exchange):
        self._service = service
        self._reader = reader
        self._exchange = exchange
        self._calls: dict[int, tuple[Record, asyncio.Task]] = {}
        self._writing = asyncio.Lock()
        self._listed = False

    async def run(self) -> None:
        try:
            while line := await self._reader.readline():
                await self._take(json.loads(line))
        finally:
            self._service.ready -= self._listed
            tasks = [task for _record, task in self._calls.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, message: dict) -> None:
        number, method, params = message.get("id"), message.get("method"), message.get("params") or {}
        if method == "initialize":
            await self._answer(number, {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                                        "serverInfo": {"name": "loopback", "version": "1"}})
        elif method == "tools/list":
            await self._answer(number, {"tools": [TOOL]})
            self._service.ready += not self._listed
            self._listed = True
        elif method == "tools/call":
            self._begin(number, params)
        elif method == "ping":
            await self._answer(number, {})
        elif method == "notifications/cancelled":
            self._cancel(params.get("requestId"))
        elif number is not None and method is not None:
            await self._send({"id": number, "error": {"code": -32601, "message": "no such method"}})

    def _begin(self, number: int, params: dict) -> None:
        server = self._service.server
        record = Record(len(server.records) + 1, params.get("name", ""), {}, params.get("arguments"), "call",
                        received=time.monotonic())
        server.records.append(record)
        server.request_known(record)
        self._calls[number] = (record, asyncio.ensure_future(self._call(number, record)))

    def _cancel(self, number: int) -> None:
        record, task = self._calls.get(number, (None, None))
        if record is None or record.done:
            return
        record.closed_early, record.closed_at = True, time.monotonic()
        task.cancel()

    async def _call(self, number: int, record: Record) -> None:
        service = self._service
        try:
            fault = service.next_fault()
            record.fault = fault.kind if fault else ""
            await asyncio.sleep(service.delay + (fault.before_headers() + fault.before_first() if fault else 0))
            result = {"content": [{"type": "text", "text": (record.body or {}).get("text", "")}], "isError": False}
            await self._befall(number, fault, result)
        except (PeerGone, ConnectionError):
            pass
        except Exception as error:  # a defect of the service: it must not look like prot's
            service.server.errors.append(f"mcp: {type(error).__name__}: {error}")
        finally:
            record.done = True
            self._calls.pop(number, None)
            service.server.ended(record)

    async def _befall(self, number: int, fault: Fault | None, result: dict) -> None:
        kind = fault.kind if fault else ""
        if kind == "hang":
            await asyncio.sleep(3600)
        if kind in ("reset", "eof"):  # its process ends; of "eof" half of the answer is out
            if kind == "eof":
                await self._exchange.write(b'{"jsonrpc": "2.0", "id": ')
                await asyncio.sleep(0.02)
            return self._exchange.reset()
        if kind == "error_event":
            return await self._send({"id": number, "error": {"code": -32000, "message": "loopback says so"}})
        if kind == "status":  # the tool itself says that it failed
            result["isError"] = True
        if kind == "huge_line":
            result["content"][0]["text"] = "x" * HUGE
        if kind == "unknown_field":
            result |= {"x_new": [1, {"deep": None}], "structuredContent": None}
        if kind == "json_body":  # a line that is no message
            await self._exchange.write(b"loopback: this is for people\n")
        if kind == "unknown_event":
            await self._send({"method": "notifications/mood", "params": {"x_new": None}})
            await self._send({"id": "s9", "method": "mood/ask"})
        if kind == "pings":
            await self._send({"id": "s1", "method": "ping"})
        if kind == "unasked":
            await self._flood()
        if kind == "twin":
            await self._answer(number, result)
        await self._answer(number, result, kind)
        return None

    async def _flood(self) -> None:
        line = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 100}}) + "\n"
        await self._exchange.write(line.encode() * FLOOD)

    async def _answer(self, number: int, result: dict, kind: str = "") -> None:
        await self._send({"id": number, "result": result}, kind)

    async def _send(self, message: dict, kind: str = "") -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode()
        if kind == "invalid_utf8":
            data = data.replace(b'"text": "', b'"text": "\xff\xc3')
        async with self._writing:
            self._exchange.small_writes = kind == "small_writes"
            await self._exchange.write(data + (b"\r\n" if kind == "crlf" else b"\n"))
            self._exchange.small_writes = False

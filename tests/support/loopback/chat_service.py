"""An OpenAI-compatible model: POST /v1/chat/completions, streamed or not, with the whole fault menu."""
import json
import time

from .faults import Fault
from .http_server import Exchange, Record, Server
from .script import Answer, Script

BLOCK = 300_000  # characters of each field of a huge line


class ChatService:
    """`script` says the answers; `fault`, while it is set, befalls every request. Both may be exchanged at any time on
    the loop's thread. A request for one token is a warm-up of the cache: it is answered at once, beside the script."""

    def __init__(self, tell=None):
        self.server = Server(self._handle, tell)
        self.script = Script()
        self.fault: Fault | None = None

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault

    def reset(self, script: Script) -> None:
        self.script = script
        self.fault = None
        self.server.records.clear()
        self.server.errors.clear()

    def requests(self) -> list[Record]:
        """Without the warm-ups."""
        return [r for r in self.server.records if r.kind == "chat"]

    async def _handle(self, exchange: Exchange) -> None:
        record = exchange.record
        if exchange.method != "POST" or not exchange.path.split("?")[0].endswith("/chat/completions"):
            record.kind = "other"
            await exchange.answer(404, "application/json", b'{"error":{"message":"no such path"}}')
            return
        request = json.loads(exchange.body)
        record.body = request
        warm_up = request.get("max_tokens") == 1
        record.kind = "warm-up" if warm_up else "chat"
        self.server.request_known(record)
        if warm_up:
            if not await self._fails_whole(exchange, self.fault):
                await Stream(exchange, request, self.fault).text([" "], Answer(), "length")
            return
        answer = self.script.answer_for(request["messages"])
        fault = self.fault
        if fault is None and answer is not None and answer.fault and answer.used <= answer.fault.times:
            fault = answer.fault
        record.fault = fault.kind if fault else ""
        if answer is None:
            await exchange.answer(400, "application/json", b'{"error":{"message":"the script has no more answers"}}')
        elif not await self._fails_whole(exchange, fault):
            if not request.get("stream"):
                await self._at_once(exchange, answer)
            else:
                await Stream(exchange, request, fault).answer(answer)

    async def _fails_whole(self, exchange: Exchange, fault: Fault | None) -> bool:
        if fault is None:
            return False
        await exchange.sleep(fault.before_headers())
        if fault.kind == "status":
            await exchange.answer(fault.status, "application/json", fault.error_body(), fault.headers())
        elif fault.kind == "empty_body":
            await exchange.answer(200, "text/event-stream", b"")
        elif fault.kind == "json_body":
            await exchange.answer(200, "application/json", fault.error_body())
        else:
            return False
        return True

    async def _at_once(self, exchange: Exchange, answer: Answer) -> None:
        await exchange.sleep(answer.first_ms / 1000)
        text = "".join(answer.pieces())
        message = {"role": "assistant", "content": text}
        body = {"id": "chatcmpl-1", "object": "chat.completion", "model": "loopback",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage_of(1)}
        exchange.record.sent = text
        await exchange.answer(200, "application/json", json.dumps(body).encode())


def usage_of(pieces: int) -> dict:
    return {"prompt_tokens": 100, "completion_tokens": pieces, "total_tokens": 100 + pieces}


class Stream:
    """One answer as server-sent events."""

    def __init__(self, exchange: Exchange, request: dict, fault: Fault | None):
        self._exchange = exchange
        self._fault = fault
        self._kind = fault.kind if fault else ""
        self._usage = bool((request.get("stream_options") or {}).get("include_usage"))
        self._eol = b"\r\n" if self._kind == "crlf" else b"\n"
        exchange.small_writes = self._kind == "small_writes"

    async def answer(self, answer: Answer) -> None:
        await self.text(answer.pieces(), answer, "tool_calls" if answer.tools else "stop")

    async def text(self, pieces: list[str], answer: Answer, reason: str) -> None:
        exchange = self._exchange
        await exchange.begin(200, "text/event-stream; charset=utf-8", headers={"Cache-Control": "no-cache"})
        if self._kind == "hang" and self._fault.after == 0:
            await exchange.hang()
        await exchange.sleep(answer.first_ms / 1000 + (self._fault.before_first() if self._fault else 0))
        await self._event(self._chunk({"role": "assistant", "content": ""}))
        due = time.monotonic()
        for number, piece in enumerate(self._with_fault(pieces)):
            if await self._breaks(number):
                return
            due += answer.pace_ms / 1000
            if number:
                await exchange.sleep(due - time.monotonic())
            await self._garnish(number)
            exchange.record.first_text = exchange.record.first_text or time.monotonic()
            await self._event(self._chunk({"content": piece}))
            exchange.record.sent += piece
        if await self._breaks(len(pieces)):
            return
        for index, tool in enumerate(answer.tools):
            await self._tool(index, tool)
        await self._event(self._chunk({}, reason))
        if self._usage:
            await self._event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [],
                               "usage": usage_of(len(pieces))})
        await self._line(b"data: [DONE]")
        await exchange.end()

    async def _tool(self, index: int, tool) -> None:
        half = len(tool.arguments) // 2
        for part, arguments in enumerate((tool.arguments[:half], tool.arguments[half:])):
            call = {"index": index, "function": {"arguments": arguments}}
            if part == 0:
                call |= {"id": tool.id or f"call_{index}", "type": "function"}
                call["function"]["name"] = tool.name
            await self._event(self._chunk({"tool_calls": [call]}))

    # -- faults -------------------------------------------------------------------------------------------------
    async def _breaks(self, number: int) -> bool:
        """True: the answer is over. At the piece that the fault names, or at the end of a shorter answer."""
        error = {"error": {"message": "loopback breaks off", "type": "server_error", "code": 503}}
        return self._fault is not None and await self._fault.breaks(self._exchange, number, lambda: self._event(error))

    async def _garnish(self, number: int) -> None:
        if self._kind == "pings":
            await self._line(b": ping")
            await self._line(b"event: ping" + self._eol + b"data: {}" if number % 2 else b":")
        elif self._kind == "unknown_event":
            await self._event({"type": "response.rate_limits", "left": 17})
            await self._line(b"event: thinking" + self._eol + b"id: 7" + self._eol + b"retry: 10" + self._eol +
                             b'data: {"choices":[]}')
        elif self._kind == "huge_line" and number == 1:
            padding = {f"x_{i}": "x" * BLOCK for i in range(4)}
            await self._event(self._chunk({"content": ""}) | padding)

    def _with_fault(self, pieces: list[str]) -> list[str]:
        if self._kind != "split_surrogates":
            return pieces
        split = []
        for piece in pieces:
            units = piece.encode("utf-16-le", "surrogatepass")
            part = ""
            for at in range(0, len(units), 2):
                unit = chr(int.from_bytes(units[at:at + 2], "little"))
                if "\udc00" <= unit <= "\udfff":  # the second half comes in an event of its own
                    split.append(part)
                    part = ""
                part += unit
            split.append(part)
        return split

    # -- form ---------------------------------------------------------------------------------------------------
    def _chunk(self, delta: dict, reason: str | None = None) -> dict:
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "loopback",
                 "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        if self._kind == "unknown_field":
            chunk |= {"system_fingerprint": None, "x_new": {"deep": [1, {"er": "content"}]}}
            chunk["choices"][0] |= {"logprobs": None, "x_mood": "content"}
        return chunk

    async def _event(self, data: dict) -> None:
        text = json.dumps(data, ensure_ascii=self._kind == "split_surrogates").encode("utf-8", "surrogatepass")
        if self._kind == "invalid_utf8" and b'"content": "' in text:
            text = text.replace(b'"content": "', b'"content": "\xff\xc3')
        await self._line(b"data: " + text)

    async def _line(self, line: bytes) -> None:
        await self._exchange.body_part(line + self._eol + self._eol)

"""Anthropic's Messages: POST /v1/messages, streamed or not, strict about what it is sent, with the whole fault menu."""
import json

from .anthropic_rules import blocks_of, complaint
from .anthropic_stream import AnthropicStream, headers
from .faults import Fault
from .http_server import Exchange, Record, Server
from .script import Answer, Script

ERRORS = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
          404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
          503: "api_error", 504: "timeout_error", 529: "overloaded_error"}


class AnthropicService:
    """Used as ChatService is. `key`: the only one that is taken; empty: any. In the body of a record, `messages` are in
    the plain form of a chat, system first; `raw` is the request as it came."""

    def __init__(self, tell=None, key: str = ""):
        self.server = Server(self._handle, tell)
        self.key = key
        self.reset(Script())

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault

    def reset(self, script: Script) -> None:
        self.script = script
        self.fault: Fault | None = None
        self._issued: dict[str, list[dict]] = {}  # content that called tools, by the ids of the calls
        self._paused: dict[int, int] = {}  # id() of an answer: pauses that are left
        self._cached: set[str] = set()
        self.server.records.clear()
        self.server.errors.clear()

    def requests(self) -> list[Record]:
        """Without the warm-ups."""
        return [r for r in self.server.records if r.kind == "chat"]

    async def _handle(self, exchange: Exchange) -> None:
        record = exchange.record
        if exchange.method != "POST" or not exchange.path.split("?")[0].endswith("/v1/messages"):
            record.kind = "other"
            return await self._refuse(exchange, 404, "Not found")
        sent = exchange.headers.get("x-api-key") or exchange.headers.get("authorization", "").removeprefix("Bearer ")
        if not sent or (self.key and sent != self.key):
            record.kind = "other"
            return await self._refuse(exchange, 401, "invalid x-api-key" if sent else "x-api-key header is required")
        request = json.loads(exchange.body)
        warm_up = request.get("max_tokens") == 1
        record.kind = "warm-up" if warm_up else "chat"
        plain = plain_messages(request)
        record.body = request | {"messages": plain, "raw": request}
        self.server.request_known(record)
        if wrong := complaint(request, exchange.headers, self._issued):
            self.server.errors.append(f"the request is refused: {wrong}")
            return await self._refuse(exchange, 400, wrong)
        answer = Answer(text=" ") if warm_up else self.script.answer_for(plain)
        fault = self.fault
        if fault is None and answer is not None and answer.fault and answer.used <= answer.fault.times:
            fault = answer.fault
        record.fault = fault.kind if fault else ""
        if answer is None:
            return await self._refuse(exchange, 400, "the script has no more answers")
        if not await self._fails_whole(exchange, fault):
            await self._answer(exchange, request, answer, fault)

    async def _answer(self, exchange: Exchange, request: dict, answer: Answer, fault: Fault | None) -> None:
        usage = self._usage(request)
        exchange.record.body["usage"] = usage
        if not request.get("stream"):
            return await self._at_once(exchange, answer, usage)
        stop = answer.stop or ("tool_use" if answer.tools else "end_turn")
        part = answer
        if answer.pauses:  # each pause comes behind the search; the text behind the last one
            left = self._paused.get(id(answer), answer.pauses)
            carried = request["messages"][-1]["role"] == "assistant"
            left = left - 1 if carried else answer.pauses
            self._paused[id(answer)] = left
            if left > 0:
                stop = "compaction" if answer.summary else "pause_turn"
                part = Answer(search=answer.search, summary=answer.summary, thinking=answer.thinking)
            else:
                part = Answer(text=answer.text, deltas=answer.deltas, tools=answer.tools, pace_ms=answer.pace_ms)
        stream = AnthropicStream(exchange, exchange.record.number, fault, usage)
        if await stream.answer(part, stop):
            carried = blocks_of(request["messages"][-1]) if request["messages"][-1]["role"] == "assistant" else []
            for block in stream.content:
                if block["type"] == "tool_use":
                    self._issued[block["id"]] = [*carried, *stream.content]

    def _usage(self, request: dict) -> dict:
        """As the prompt cache would have it: whole stable prefixes up to a mark, at a token for four characters."""
        text = json.dumps(request.get("tools", []))
        read = written = 0
        for block in request.get("system", []) if isinstance(request.get("system"), list) else []:
            text += json.dumps(block)
            if "cache_control" in block:
                if text in self._cached:
                    read = len(text) // 4
                else:
                    written = len(text) // 4 - read
                    self._cached.add(text)
        whole = len(json.dumps(request)) // 4
        return {"input_tokens": max(1, whole - read - written), "cache_read_input_tokens": read,
                "cache_creation_input_tokens": written}

    async def _fails_whole(self, exchange: Exchange, fault: Fault | None) -> bool:
        if fault is None:
            return False
        await exchange.sleep(fault.before_headers())
        if fault.kind == "status":
            await self._refuse(exchange, fault.status, fault.code or f"loopback says {fault.status}", fault.headers())
        elif fault.kind == "empty_body":
            await exchange.answer(200, "text/event-stream", b"")
        elif fault.kind == "json_body":
            await exchange.answer(200, "application/json", error_body(fault.status, "loopback", exchange.record.number))
        else:
            return False
        return True

    async def _refuse(self, exchange: Exchange, status: int, why: str, more: dict | None = None) -> None:
        number = exchange.record.number
        await exchange.answer(status, "application/json", error_body(status, why, number), headers(number) | (more or {}))

    async def _at_once(self, exchange: Exchange, answer: Answer, usage: dict) -> None:
        await exchange.sleep(answer.first_ms / 1000)
        text = "".join(answer.pieces())
        content = [{"type": "text", "text": text}] if text else []
        content += [{"type": "tool_use", "id": t.id or f"toolu_{n:010}", "name": t.name, "input": json.loads(t.arguments)}
                    for n, t in enumerate(answer.tools)]
        body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "loopback", "content": content,
                "stop_reason": answer.stop or ("tool_use" if answer.tools else "end_turn"), "stop_sequence": None,
                "usage": usage | {"output_tokens": 1}}
        exchange.record.sent = text
        await exchange.answer(200, "application/json", json.dumps(body).encode(), headers(exchange.record.number))


def error_body(status: int, why: str, number: int) -> bytes:
    kind = ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return json.dumps({"type": "error", "error": {"type": kind, "message": why}, "request_id": f"req_{number}"}).encode()


def plain_messages(request: dict) -> list[dict]:
    """As in a chat: {role: system, user, assistant or tool; content: text}."""
    system = request.get("system", [])
    plain = [{"role": "system", "content": b.get("text", "")}
             for b in ([{"text": system}] if isinstance(system, str) else system)]
    for message in request.get("messages", []):
        blocks = blocks_of(message)
        plain += [{"role": "tool", "content": b.get("content", "")} for b in blocks if b["type"] == "tool_result"]
        text = "".join(b["text"] for b in blocks if b["type"] == "text")
        calls = any(b["type"] == "tool_use" for b in blocks)
        if text or calls or message.get("role") == "assistant":
            plain.append({"role": message.get("role"), "content": text})
    return plain

"""One answer of Anthropic's Messages as server-sent events, with the whole fault menu."""
import json
import random
import time

from .faults import Fault
from .http_server import Exchange
from .script import Answer

BLOCK = 300_000  # characters of each field of a huge line
PAGE = {"type": "web_search_result", "url": "https://example.org/a", "title": "A page",
        "encrypted_content": "RW5jcnlwdGVkIQ==", "page_age": "2 days ago"}


class AnthropicStream:
    """`content` is what was sent so far, as the client has to send it back."""

    def __init__(self, exchange: Exchange, number: int, fault: Fault | None, usage: dict):
        self._exchange = exchange
        self._number = number
        self._fault = fault
        self._kind = fault.kind if fault else ""
        self._usage = usage
        self._eol = b"\r\n" if self._kind == "crlf" else b"\n"
        self._random = random.Random(number)
        self._words = 0  # pieces of text that were sent
        self.content: list[dict] = []
        exchange.small_writes = self._kind == "small_writes"

    async def answer(self, answer: Answer, stop: str) -> bool:
        """False: it broke off. `answer` in this order: thoughts, a search, text, calls of tools."""
        exchange = self._exchange
        await exchange.begin(200, "text/event-stream; charset=utf-8", headers=headers(self._number))
        if self._kind == "hang" and self._fault.after == 0:
            await exchange.hang()
        await exchange.sleep(answer.first_ms / 1000 + (self._fault.before_first() if self._fault else 0))
        await self._event("message_start", message={
            "id": f"msg_{self._number:024}", "type": "message", "role": "assistant", "model": "loopback",
            "content": [], "stop_reason": None, "stop_sequence": None, "usage": self._usage | {"output_tokens": 1}})
        await self._event("ping")
        if answer.summary:
            await self._compaction(answer.summary)
        if answer.thinking:
            await self._thinking(answer.thinking)
        if answer.search:
            await self._search(answer.search)
        if not await self._text(answer):
            return False
        for number, tool in enumerate(answer.tools):
            await self._tool("tool_use", tool.id or f"toolu_{self._number:08}{number:02}", tool.name, tool.arguments)
        usage = {"output_tokens": self._words + 1}
        await self._event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=usage)
        await self._event("message_stop")
        await exchange.end()
        return True

    # -- blocks -------------------------------------------------------------------------------------------------
    async def _open(self, block: dict) -> int:
        await self._event("content_block_start", index=len(self.content), content_block=block)
        return len(self.content)

    async def _close(self, block: dict) -> None:
        await self._event("content_block_stop", index=len(self.content))
        self.content.append(block)

    async def _delta(self, kind: str, **fields) -> None:
        await self._event("content_block_delta", index=len(self.content), delta={"type": kind, **fields})

    async def _compaction(self, summary: str) -> None:
        await self._open({"type": "compaction", "content": None})
        await self._delta("compaction_delta", content=summary, encrypted_content="c3VtbWFyeQ==")
        await self._close({"type": "compaction", "content": summary, "encrypted_content": "c3VtbWFyeQ=="})

    async def _thinking(self, thoughts: str) -> None:
        await self._open({"type": "thinking", "thinking": "", "signature": ""})
        for piece in self._cut(thoughts):
            await self._delta("thinking_delta", thinking=piece)
        await self._delta("signature_delta", signature=f"c2lnbg=={self._number}")
        await self._close({"type": "thinking", "thinking": thoughts, "signature": f"c2lnbg=={self._number}"})

    async def _search(self, query: str) -> None:
        name = f"srvtoolu_{self._number:08}"
        await self._tool("server_tool_use", name, "web_search", json.dumps({"query": query}, ensure_ascii=False))
        result = {"type": "web_search_tool_result", "tool_use_id": name, "content": [PAGE]}
        await self._open(result)
        await self._close(result)

    async def _tool(self, kind: str, name: str, tool: str, arguments: str) -> None:
        await self._open({"type": kind, "id": name, "name": tool, "input": {}})
        await self._delta("input_json_delta", partial_json="")
        for piece in self._cut(arguments):
            await self._delta("input_json_delta", partial_json=piece)
        try:
            given = json.loads(arguments or "{}")
        except ValueError:  # a model may write nonsense
            given = {}
        await self._close({"type": kind, "id": name, "name": tool, "input": given if isinstance(given, dict) else {}})

    async def _text(self, answer: Answer) -> bool:
        pieces = self._with_fault(answer.pieces())
        if not pieces:
            return not await self._breaks()
        # What is cited comes in blocks of its own.
        cuts = [pieces[:1], pieces[1:]] if answer.search and len(pieces) > 1 else [pieces]
        due = time.monotonic()
        for number, part in enumerate(cuts):
            await self._open({"type": "text", "text": ""})
            for piece in part:
                if await self._breaks():
                    return False
                due += answer.pace_ms / 1000
                if self._words:
                    await self._exchange.sleep(due - time.monotonic())
                await self._garnish()
                record = self._exchange.record
                record.first_text = record.first_text or time.monotonic()
                await self._delta("text_delta", text=piece)
                self._exchange.record.sent += piece
                self._words += 1
            block = {"type": "text", "text": "".join(part)}
            if number == 1:
                block["citations"] = [{"type": "web_search_result_location", "url": PAGE["url"], "title": PAGE["title"],
                                       "encrypted_index": "aW5kZXg=", "cited_text": "as it says"}]
                await self._delta("citations_delta", citation=block["citations"][0])
            await self._close(block)
        return not await self._breaks()

    def _cut(self, text: str) -> list[str]:
        """Anywhere, also within an escape sequence."""
        pieces = []
        while text:
            size = self._random.randint(1, 6)
            pieces.append(text[:size])
            text = text[size:]
        return pieces

    # -- faults -------------------------------------------------------------------------------------------------
    async def _breaks(self) -> bool:
        def error():
            return self._event("error", error={"type": "overloaded_error", "message": "Overloaded"},
                               request_id=f"req_{self._number}")
        return self._fault is not None and await self._fault.breaks(self._exchange, self._words, error)

    async def _garnish(self) -> None:
        if self._kind == "pings":
            await self._line(b": keep-alive")
            await self._event("ping")
        elif self._kind == "unknown_event":
            await self._event("content_block_mood", index=len(self.content), mood={"deep": [1]})
            await self._delta("mood_delta", mood="content")
        elif self._kind == "huge_line" and self._words == 1:
            await self._event("content_block_delta", index=len(self.content), delta={"type": "text_delta", "text": ""},
                              **{f"x_{i}": "x" * BLOCK for i in range(4)})

    def _with_fault(self, pieces: list[str]) -> list[str]:
        if self._kind != "split_surrogates":
            return pieces
        split = []
        for piece in pieces:
            part = ""
            units = piece.encode("utf-16-le", "surrogatepass")
            for at in range(0, len(units), 2):
                unit = chr(int.from_bytes(units[at:at + 2], "little"))
                if "\udc00" <= unit <= "\udfff":  # the second half comes in an event of its own
                    split.append(part)
                    part = ""
                part += unit
            split.append(part)
        return split

    # -- form ---------------------------------------------------------------------------------------------------
    async def _event(self, kind: str, **fields) -> None:
        data = {"type": kind, **fields}
        if self._kind == "unknown_field":
            data |= {"x_new": {"deep": [1, {"er": "content"}]}, "service_mood": None}
        text = json.dumps(data, ensure_ascii=self._kind == "split_surrogates").encode("utf-8", "surrogatepass")
        if self._kind == "invalid_utf8" and b'"text_delta", "text": "' in text:
            text = text.replace(b'"text": "', b'"text": "\xff\xc3')
        await self._line(b"event: " + kind.encode() + self._eol + b"data: " + text)

    async def _line(self, line: bytes) -> None:
        await self._exchange.body_part(line + self._eol + self._eol)


def headers(number: int) -> dict:
    limits = {f"anthropic-ratelimit-{what}-{word}": value for what in ("requests", "input-tokens", "output-tokens")
              for word, value in (("limit", "1000"), ("remaining", "999"), ("reset", "2030-01-01T00:00:00Z"))}
    return {"request-id": f"req_{number}", "anthropic-organization-id": "loopback", "Cache-Control": "no-cache", **limits}

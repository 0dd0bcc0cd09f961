"""Vectors and ranks: POST /v1/embeddings and /v1/rerank, as Voyage answers (paths, limits, errors, base64) and as
OpenAI-compatible servers do. The same text has the same vector in every run; texts that share words are near."""
import array
import base64
import hashlib
import json
import math
import sys

from .faults import Fault
from .http_server import Exchange, Record, Server

DIMENSION = 64
MAX_TEXTS = 1000  # Voyage's; prot sends at most 128
MAX_RANKED = 1000


def vector_of(text: str, dimension: int = DIMENSION) -> list[float]:
    """Words at the places that their hashes say; of length 1."""
    vector = [0.0] * dimension
    for word in text.lower().split() or [text]:
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        vector[int.from_bytes(digest[:4], "little") % dimension] += 1.0 if digest[4] & 1 else -1.0
    length = math.sqrt(sum(v * v for v in vector))
    if length == 0:  # two words that cancel each other
        vector[0] = length = 1.0
    return [v / length for v in vector]


def rank_of(query: str, text: str) -> float:
    return max(0.0, sum(a * b for a, b in zip(vector_of(query), vector_of(text), strict=True)))


class VectorService:
    """`delay`: the time that an answer takes; `fault` befalls every request while it is set (`fault.times` of them);
    `key`: the only one that is taken, when there is one. What it saw: `most_at_once`, `largest_batch`, and in each
    record's body the texts' number. All of the loop's thread."""

    def __init__(self, tell=None):
        self.server = Server(self._handle, tell)
        self.reset()

    def reset(self) -> None:
        self.delay = 0.0
        self.key = ""
        self.fault: Fault | None = None
        self.faulted = 0
        self.at_once = self.most_at_once = self.largest_batch = 0
        self.server.records.clear()
        self.server.errors.clear()

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault
        self.faulted = 0

    def requests(self, kind: str = "") -> list[Record]:
        """Those of one kind, "embeddings" or "rerank"; empty: all."""
        return [r for r in self.server.records if kind in ("", r.kind)]

    async def _handle(self, exchange: Exchange) -> None:
        record = exchange.record
        record.kind = {"/embeddings": "embeddings", "/rerank": "rerank"}.get(
            "/" + exchange.path.split("?")[0].rsplit("/", 1)[-1], "other")
        if exchange.method != "POST" or record.kind == "other":
            return await exchange.answer(404, "application/json", b'{"detail":"Not Found"}')
        asked = json.loads(exchange.body)  # none: prot's mistake, and the service's error
        texts = asked.get("input" if record.kind == "embeddings" else "documents")
        texts = [texts] if isinstance(texts, str) else texts
        record.body = {name: value for name, value in asked.items() if name not in ("input", "documents")}
        record.body["texts"] = len(texts) if isinstance(texts, list) else 0
        self.server.request_known(record)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.largest_batch = max(self.largest_batch, record.body["texts"])
        try:
            fault = self._next_fault()
            record.fault = fault.kind if fault else ""
            await exchange.sleep(self.delay + (fault.before_headers() if fault else 0))
            problem = self._problem(exchange, asked, texts)
            if problem:
                return await exchange.answer(problem[0], "application/json", json.dumps({"detail": problem[1]}).encode())
            body = self._embeddings(asked, texts) if record.kind == "embeddings" else self._ranks(asked, texts)
            await self._answer(exchange, json.dumps(body).encode(), fault)
        finally:
            self.at_once -= 1

    def _problem(self, exchange: Exchange, asked: dict, texts) -> tuple[int, str] | None:
        if self.key and exchange.headers.get("authorization") != f"Bearer {self.key}":
            return 401, "Provided API key is invalid."
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t for t in texts):
            return 400, "The input must be a list of texts, none of them empty."
        if len(texts) > (MAX_TEXTS if exchange.record.kind == "embeddings" else MAX_RANKED):
            return 400, f"The batch size limit is {MAX_TEXTS}: too many tokens or texts, it is too large."
        if asked.get("input_type") not in (None, "query", "document"):
            return 400, "input_type is query or document."
        if exchange.record.kind == "rerank" and not asked.get("query"):
            return 400, "There is no query."
        return None

    def _next_fault(self) -> Fault | None:
        if self.fault is None or self.faulted >= self.fault.times:
            return None
        self.faulted += 1
        return self.fault

    @staticmethod
    def _embeddings(asked: dict, texts: list[str]) -> dict:
        dimension = asked.get("output_dimension") or asked.get("dimensions") or DIMENSION
        data = []
        for index, text in enumerate(texts):
            vector = vector_of(text, dimension)
            if asked.get("encoding_format") == "base64":
                floats = array.array("f", vector)
                if sys.byteorder != "little":
                    floats.byteswap()
                vector = base64.b64encode(floats.tobytes()).decode()
            data.append({"object": "embedding", "embedding": vector, "index": index})
        tokens = sum(len(text) // 4 + 1 for text in texts)
        return {"object": "list", "data": data, "model": asked.get("model"),
                "usage": {"total_tokens": tokens, "prompt_tokens": tokens}}

    @staticmethod
    def _ranks(asked: dict, texts: list[str]) -> dict:
        ranks = sorted(((rank_of(asked["query"], text), index) for index, text in enumerate(texts)), reverse=True)
        wanted = asked.get("top_k") or asked.get("top_n") or len(texts)
        data = [{"index": index, "relevance_score": score} for score, index in ranks[:wanted]]
        return {"object": "list", "results" if "top_n" in asked else "data": data, "model": asked.get("model"),
                "usage": {"total_tokens": 1}}

    async def _answer(self, exchange: Exchange, body: bytes, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "status":
            return await exchange.answer(fault.status, "application/json", fault.error_body(), fault.headers())
        if kind == "empty_body":
            return await exchange.answer(200, "application/json", b"")
        if kind == "json_body":
            return await exchange.answer(200, "application/json", fault.error_body())
        if kind in ("hang", "delay_first", "reset", "eof"):
            await exchange.begin(200, "application/json", len(body))
        if kind == "hang":
            await exchange.hang()
        if kind == "delay_first":
            await exchange.sleep(fault.before_first())
            return await exchange.body_part(body)
        if kind in ("reset", "eof"):
            await exchange.body_part(body[:len(body) // 2])
            exchange.keep_alive = False
            return exchange.reset() if kind == "reset" else None
        if kind == "invalid_utf8":
            body = b'{"comment":"\xff\xc3",' + body[1:]
        if kind == "unknown_field":
            body = b'{"comment":{"a":[1]},' + body[1:]
        if kind == "huge_line":
            body += b" " * (1 << 20)
        exchange.small_writes = kind == "small_writes"
        await exchange.answer(200, "application/json", body)
        return None

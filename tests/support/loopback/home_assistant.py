"""A Home Assistant: GET /api/, GET /api/states[/ID], POST /api/services/DOMAIN/SERVICE, POST /api/conversation/process.

`entities` maps ids to (state, friendly name); a service call changes the state as far as its name says how. `calls`
records what was done: a test looks there whether a door was really opened.
"""
import asyncio
import json
import re

from .faults import Fault
from .http_server import Exchange, Record, Server

ENTITIES = {
    "light.living_room": ("off", "거실 불"),
    "light.kitchen": ("on", "Kitchen Light"),
    "lock.front_door": ("locked", "Front Door"),
    "cover.garage": ("closed", "Big Gate"),
    "sensor.outside": ("21.5", "Outside Temperature"),
}
NEW_STATE = {"turn_on": "on", "turn_off": "off", "lock": "locked", "unlock": "unlocked", "open_cover": "open",
             "close_cover": "closed"}
LATER = "2026-11-26T10:00:00+00:00"


class HomeAssistantService:
    """`fault` befalls every request while it is set; `delay` is the time that a service call takes, `padding` bytes
    are added to its answer, `agent` is what the conversation agent answers. All of the loop's thread."""

    def __init__(self, tell=None, token="loopback-secret"):
        self.token = token
        self.server = Server(self._handle, tell)
        self.reset()

    def reset(self) -> None:
        self.entities = dict(ENTITIES)
        self.fault: Fault | None = None
        self.delay = 0.0
        self.padding = 0
        self.agent: dict | None = None
        self.calls: list[tuple[str, dict]] = []
        self.server.records.clear()
        self.server.errors.clear()

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault

    def requests(self) -> list[Record]:
        """Without the list of entities, which comes by itself."""
        return [r for r in self.server.records if r.kind in ("state", "service", "agent")]

    async def _handle(self, exchange: Exchange) -> None:
        record = exchange.record
        record.kind = kind_of(exchange.method, exchange.path)
        if exchange.headers.get("authorization") != f"Bearer {self.token}":
            return await exchange.answer(401, "text/plain", b"401: Unauthorized")
        fault = self.fault
        record.fault = fault.kind if fault else ""
        if record.kind in ("service", "agent"):
            try:
                record.body = json.loads(exchange.body or b"{}")
            except ValueError:
                return await self._message(exchange, 400, "Data should be valid JSON.")
        self.server.request_known(record)
        if fault and await self._fails(exchange, fault):
            return None
        exchange.small_writes = bool(fault and fault.kind == "small_writes")
        exchange.body_delay = fault.before_first() if fault else 0.0
        if record.kind == "health":
            return await self._message(exchange, 200, "API running.")
        if record.kind == "list":
            return await self._json(exchange, [self._state(entity) for entity in self.entities])
        if record.kind == "state":
            entity = exchange.path.split("?")[0].rsplit("/", 1)[1]
            if entity not in self.entities:
                return await self._message(exchange, 404, "Entity not found.")
            return await self._json(exchange, self._state(entity))
        if record.kind == "service":
            return await self._service(exchange, record.body)
        if record.kind == "agent":
            return await self._agent(exchange, record.body)
        return await exchange.answer(404, "text/plain", b"404: Not Found")

    def _state(self, entity: str) -> dict:
        state, name = self.entities[entity]
        more = {"x_new": [1, {"deep": None}]} if self.fault and self.fault.kind == "unknown_field" else {}
        return more | {"entity_id": entity, "state": state, "attributes": {"friendly_name": name}, "last_changed": LATER,
                "last_reported": LATER, "last_updated": LATER, "context": {"id": "1", "parent_id": None, "user_id": None}}

    async def _service(self, exchange: Exchange, data: dict) -> None:
        domain, service = exchange.path.split("?")[0].split("/")[-2:]
        if not isinstance(data, dict) or "target" in data:
            return await exchange.answer(400, "text/plain", b"400: Bad Request")
        targets = data.get("entity_id", [])
        targets = [targets] if isinstance(targets, str) else targets
        self.calls.append((f"{domain}.{service}", data))
        # The call is shielded: it goes on when the client is gone.
        await asyncio.sleep(self.delay)
        changed = []
        for entity in targets:
            if entity in self.entities and service in NEW_STATE:
                self.entities[entity] = (NEW_STATE[service], self.entities[entity][1])
                changed.append(self._state(entity))
        body = json.dumps(changed, ensure_ascii=False).encode()
        await exchange.answer(200, "application/json", body[:-1] + b" " * self.padding + body[-1:])

    async def _agent(self, exchange: Exchange, data: dict) -> None:
        if not isinstance(data.get("text"), str) or not isinstance(data.get("conversation_id", ""), str):
            return await self._message(exchange, 400, "Message format incorrect: expected str")
        self.calls.append(("conversation", data))
        await asyncio.sleep(self.delay)
        await self._json(exchange, self.agent or agent_answer("Done."))

    async def _fails(self, exchange: Exchange, fault: Fault) -> bool:
        await exchange.sleep(fault.before_headers())
        if fault.kind == "status":
            await exchange.answer(fault.status, "application/json", fault.error_body(), fault.headers())
        elif fault.kind == "empty_body":
            await exchange.answer(200, "application/json", b"")
        elif fault.kind == "json_body":
            await exchange.answer(200, "application/json", fault.error_body())
        elif fault.kind == "hang":
            await exchange.begin(200, "application/json")
            await exchange.hang()
        elif fault.kind in ("reset", "eof"):
            await exchange.begin(200, "application/json", 1000)
            await exchange.body_part(b'[{"entity')
            exchange.keep_alive = False
            if fault.kind == "reset":
                exchange.reset()
        elif fault.kind == "huge_line":
            await exchange.answer(200, "application/json", b"[" + b" " * (10 << 20) + b"]")
        else:
            return False
        return True

    async def _json(self, exchange: Exchange, value) -> None:
        await exchange.answer(200, "application/json", json.dumps(value, ensure_ascii=False).encode())

    async def _message(self, exchange: Exchange, status: int, text: str) -> None:
        await exchange.answer(status, "application/json", json.dumps({"message": text}).encode())


def agent_answer(speech: str, kind: str = "action_done", code: str = "") -> dict:
    """As the conversation agent says it; `kind` "error" comes with status 200 too."""
    data = {"code": code} if kind == "error" else {"targets": [], "success": [], "failed": []}
    return {"response": {"response_type": kind, "language": "en", "data": data,
                         "speech": {"plain": {"speech": speech, "extra_data": None}}, "card": {}},
            "conversation_id": "01J", "continue_conversation": False}


def kind_of(method: str, path: str) -> str:
    path = path.split("?")[0]
    if method == "GET":
        return {"/api/": "health", "/api/states": "list"}.get(
            path, "state" if re.fullmatch(r"/api/states/[a-z_]+\.[a-z0-9_]+", path) else "other")
    if method == "POST" and re.fullmatch(r"/api/services/[a-z_]+/[a-z0-9_]+", path):
        return "service"
    return "agent" if (method, path) == ("POST", "/api/conversation/process") else "other"

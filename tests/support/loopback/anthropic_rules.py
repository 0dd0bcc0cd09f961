"""What Anthropic's Messages refuse, as far as a client can get it wrong: the words of the 400, or nothing."""
import re

TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
BLOCKS = ("text", "image", "document", "thinking", "redacted_thinking", "tool_use", "tool_result", "server_tool_use",
          "web_search_tool_result", "compaction")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
EDITS = ("clear_thinking_20251015", "clear_tool_uses_20250919", "compact_20260112")


def blocks_of(message: dict) -> list[dict]:
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def complaint(request: dict, headers: dict, issued: dict[str, list[dict]]) -> str:
    """`issued`: the content of answers that called tools, by the ids of their calls."""
    for field in ("model", "messages", "max_tokens"):
        if field not in request:
            return f"{field}: Field required"
    if not isinstance(request["max_tokens"], int) or request["max_tokens"] < 1:
        return "max_tokens: must be at least 1"
    return (_messages(request["messages"], issued, bool(request.get("thinking"))) or _system(request) or
            _tools(request) or _settings(request, headers) or _context_management(request, headers))


def _messages(messages: list[dict], issued: dict, thinking: bool) -> str:
    if not messages or messages[0].get("role") != "user":
        return "messages: first message must use the \"user\" role"
    calls: list[str] = []  # of the assistant's message before
    for number, message in enumerate(messages):
        role, blocks = message.get("role"), blocks_of(message)
        if role not in ("user", "assistant"):
            return f"messages.{number}: role {role!r} is not supported"
        if not blocks:
            return f"messages.{number}: content must not be empty"
        for block in blocks:
            if block.get("type") not in BLOCKS:
                return f"messages.{number}.content: type {block.get('type')!r} is not known"
            if block["type"] == "text" and not block.get("text", "").strip():
                return f"messages.{number}: text content blocks must be non-empty"
        results = [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
        if role == "user":
            if missing := [c for c in calls if c not in results]:
                return (f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                        f"{', '.join(missing)}")
            if odd := [r for r in results if r not in calls]:
                return f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(odd)}"
            kinds = [b["type"] == "tool_result" for b in blocks]
            if sorted(kinds, reverse=True) != kinds:
                return f"messages.{number}: tool_result blocks must come first"
            calls = []
            continue
        if calls:
            return f"messages.{number}: `tool_use` ids were found without `tool_result` blocks: {', '.join(calls)}"
        calls = [b["id"] for b in blocks if b["type"] == "tool_use"]
        if wrong := _changed(messages, number, blocks, issued, thinking):
            return wrong
    if messages[-1]["role"] == "assistant" and blocks_of(messages[-1])[-1]["type"] == "text":
        return "This model does not support assistant message prefill."
    return f"messages: `tool_use` ids were found without `tool_result` blocks: {', '.join(calls)}" if calls else ""


def _changed(messages: list[dict], number: int, blocks: list[dict], issued: dict, thinking: bool) -> str:
    """As long as the tool loop goes on, what was thought and searched must come back as it was."""
    last_words = max((n for n, m in enumerate(messages) if m["role"] == "user" and
                      any(b["type"] == "text" for b in blocks_of(m))), default=0)
    given = next((issued[b["id"]] for b in blocks if b["type"] == "tool_use" and b["id"] in issued), None)
    if given is None or number < last_words:
        return ""
    thought = any("thinking" in b["type"] for b in given)
    came_back = any("thinking" in b["type"] for b in blocks)
    if thought and thinking and not came_back:
        return f"messages.{number}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{blocks[0]['type']}`"
    if (came_back or any(b["type"] == "server_tool_use" for b in blocks)) and blocks != given:
        return f"messages.{number}: `thinking` or server tool blocks in the latest assistant message cannot be modified"
    return ""


def _system(request: dict) -> str:
    system = request.get("system", [])
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    if any(not b.get("text", "").strip() for b in blocks):
        return "system: text content blocks must be non-empty"
    marked = sum("cache_control" in b for b in [*blocks, *request.get("tools", [])])
    marked += sum("cache_control" in b for m in request["messages"] for b in blocks_of(m))
    return "A maximum of 4 blocks with cache_control may be provided" if marked > 4 else ""


def _tools(request: dict) -> str:
    names = set()
    for number, tool in enumerate(request.get("tools", [])):
        if not TOOL_NAME.match(tool.get("name", "")) or tool["name"] in names:
            return f"tools.{number}.name: is wrong or there twice"
        names.add(tool["name"])
        if "type" not in tool and tool.get("input_schema", {}).get("type") != "object":
            return f"tools.{number}.input_schema: must be an object's schema"
        location = tool.get("user_location", {"type": "approximate"})
        if location.get("type") != "approximate":
            return f"tools.{number}.user_location.type: must be approximate"
    choice = request.get("tool_choice", {})
    if choice and not names:
        return "tool_choice may only be specified while providing tools"
    if choice.get("type") in ("any", "tool") and request.get("thinking"):
        return "Thinking may not be enabled when tool_choice forces tool use"
    return ""


def _settings(request: dict, headers: dict) -> str:
    sampling = [name for name in ("temperature", "top_p", "top_k") if name in request]
    if sampling and headers.get("anthropic-version") == "2026-10-21":
        return f"{sampling[0]}: is not supported"
    thinking = request.get("thinking", {})
    if thinking.get("type") == "enabled" and not 1024 <= thinking.get("budget_tokens", 0) < request["max_tokens"]:
        return "max_tokens must be greater than thinking.budget_tokens, which must be at least 1024"
    effort = request.get("output_config", {}).get("effort", "low")
    return f"output_config.effort: {effort!r} is not one of {', '.join(EFFORTS)}" if effort not in EFFORTS else ""


def _context_management(request: dict, headers: dict) -> str:
    if "context_management" not in request:
        return ""
    betas = headers.get("anthropic-beta", "").split(",")
    if "context-management-2025-06-27" not in betas:
        return "context_management: Extra inputs are not permitted"
    edits = request["context_management"].get("edits", [])
    for number, edit in enumerate(edits):
        if edit.get("type") not in EDITS:
            return f"context_management.edits.{number}.type: is not known"
        if edit["type"] == "clear_thinking_20251015" and number > 0:
            return "context_management.edits: clear_thinking_20251015 must be the first"
        if edit["type"] == "compact_20260112" and "compact-2026-01-12" not in betas:
            return "context_management.edits: compact_20260112 needs its beta header"
        if edit["type"] == "compact_20260112" and edit.get("trigger", {}).get("value", 150_000) < 50_000:
            return "context_management.edits: trigger must be at least 50000"
    return ""

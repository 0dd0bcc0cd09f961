#include "mcp/session.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

// Newest first: the one that is offered. What we use of them is the same.
constexpr std::array<std::string_view, 4> kVersions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                       "2024-11-05"};
constexpr Nanos kListLimit = 10 * kSecond;
constexpr std::size_t kLongestName = 128;

std::string shown(std::string_view text) { return text::sanitize_utf8(text::truncate_utf8(text, 120)); }

std::string error_words(json::View error) {
  return shown(error.get("message").as_string("error")) + " (" + std::to_string(error.get("code").as_int()) +
         ")";
}

void append(std::string& out, std::string_view piece) {
  if (piece.empty() || out.size() >= McpSession::kMaxResult) return;
  if (!out.empty()) out += '\n';
  out += text::truncate_utf8(piece, McpSession::kMaxResult - out.size());
}

// The protocol's own defaults: a tool that says nothing of itself changes and destroys.
bool claims_harmless(json::View hints) {
  return hints.get("readOnlyHint").as_bool(false) || !hints.get("destructiveHint").as_bool(true);
}

}  // namespace

McpResult read_result(json::View result) {
  McpResult out;
  out.failed = result.get("isError").as_bool();
  const json::View content = result.get("content");
  for (std::size_t i = 0; i < content.size(); ++i) {
    const json::View piece = content.at(i);
    const std::string_view type = piece.get("type").as_string();
    if (type == "text") {
      append(out.text, piece.get("text").as_string());
    } else if (type == "resource" && piece.get("resource").get("text")) {
      append(out.text, piece.get("resource").get("text").as_string());
    } else {
      append(out.text, "[" + std::string(type.substr(0, 20)) + " that cannot be spoken]");
    }
  }
  if (out.text.empty() && result.get("structuredContent"))
    append(out.text, result.get("structuredContent").to_json());
  if (out.text.empty()) out.text = out.failed ? "it failed without a word" : "done";
  return out;
}

McpSession::McpSession(std::string version, Nanos start_limit, Nanos now)
    : version_(std::move(version)), until_(now + start_limit) {
  json::Writer params;
  params.begin_object().member("protocolVersion", kVersions[0]);
  params.key("capabilities").begin_object().end_object();
  params.key("clientInfo").begin_object().member("name", "prot").member("version", version_).end_object();
  asked_ = request("initialize", params.end_object().str());
}

void McpSession::put(std::string_view line) {
  if (state_ == State::kBroken) return;
  output_.append(line).append("\n");
  if (output_.size() > kMaxUnread) fail("does not read what it is sent");
}

std::uint64_t McpSession::request(std::string_view method, std::string_view params) {
  const std::uint64_t id = ++last_id_;
  json::Writer out;
  out.begin_object().member("jsonrpc", "2.0").member("id", id).member("method", method);
  if (!params.empty()) out.key("params").raw(params);
  put(out.end_object().str());
  return id;
}

void McpSession::notify(std::string_view method, std::string_view params) {
  json::Writer out;
  out.begin_object().member("jsonrpc", "2.0").member("method", method);
  if (!params.empty()) out.key("params").raw(params);
  put(out.end_object().str());
}

void McpSession::feed(std::string_view bytes, Nanos now) {
  while (!bytes.empty() && state_ != State::kBroken) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (skipped_ == 0 && input_.size() + piece.size() <= kMaxLine) {
      input_ += piece;
    } else {
      skipped_ += input_.size() + piece.size();
      input_.clear();
      input_.shrink_to_fit();
      if (skipped_ > kMaxEndless) return fail("writes a line that does not end");
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    count_line(now);
    if (std::exchange(skipped_, 0) > 0) {
      fail_calls("the server answered with a line of more than 4 MiB");
      if (++long_lines_ > kMaxLong) fail("writes lines of more than 4 MiB");
    } else {
      take_line(std::exchange(input_, {}), now);
    }
  }
}

void McpSession::count_line(Nanos now) {
  if (now - second_ >= kSecond) {
    second_ = now;
    lines_ = 0;
  }
  if (++lines_ > kMaxLinesASecond) fail("floods: more than 2000 lines a second");
}

void McpSession::take_line(std::string_view line, Nanos now) {
  if (state_ == State::kBroken || line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  try {
    const json::Document document = json::parse(line);
    const json::View root = document.root();
    if (root.is_array()) {  // of the version that had batches
      for (std::size_t i = 0; i < root.size(); ++i) take_message(root.at(i), now);
      return;
    }
    if (root.is_object()) return take_message(root, now);
  } catch (const Error&) {
    // Some write their log to stdout.
  }
  if (++garbage_ > kMaxGarbage) fail("writes what is no JSON");
}

void McpSession::take_message(json::View message, Nanos now) {
  const std::string_view method = message.get("method").as_string();
  const json::View id = message.get("id");
  if (method.empty()) {
    if (id.is_number() && id.as_int() > 0) take_answer(static_cast<std::uint64_t>(id.as_int()), message, now);
    return;
  }
  if (!id) {
    if (method == "notifications/tools/list_changed") list_wanted_ = true;
    return tick(now);
  }
  json::Writer out;
  out.begin_object().member("jsonrpc", "2.0").key("id").value(id);
  if (method == "ping") {
    out.key("result").begin_object().end_object();
  } else {
    out.key("error").begin_object().member("code", -32601).member("message", "prot offers no such method");
    out.end_object();
  }
  put(out.end_object().str());
}

void McpSession::take_answer(std::uint64_t id, json::View message, Nanos now) {
  if (id == ping_) {
    pong_until_ = kNever;
    ping_ = 0;
    return;
  }
  if (id == asked_) {
    asked_ = 0;
    until_ = kNever;
    if (state_ == State::kInitializing) return take_welcome(message, now);
    return take_page(message, now);
  }
  if (calls_.erase(id) == 0) return;  // nobody waits for it any more
  const json::View error = message.get("error");
  results_[id] = error ? McpResult{true, error_words(error)} : read_result(message.get("result"));
}

void McpSession::take_welcome(json::View message, Nanos now) {
  const json::View result = message.get("result");
  if (!result.is_object()) return fail("refuses: " + error_words(message.get("error")));
  const std::string_view version = result.get("protocolVersion").as_string();
  if (std::find(kVersions.begin(), kVersions.end(), version) == kVersions.end())
    return fail("speaks another version of the protocol: " + shown(version));
  notify("notifications/initialized", {});
  if (result.get("capabilities").get("tools").is_object()) return ask_list({}, now);
  has_list_ = true;  // an empty one
  state_ = State::kReady;
}

void McpSession::ask_list(std::string_view cursor, Nanos now) {
  if (cursor.empty()) {
    coming_.clear();
    left_out_ = 0;
    pages_ = 0;
    list_wanted_ = false;
    listed_at_ = now;
  }
  json::Writer params;
  params.begin_object();
  if (!cursor.empty()) params.member("cursor", cursor);
  asked_ = request("tools/list", params.end_object().str());
  until_ = now + kListLimit;
  if (state_ != State::kBroken) state_ = State::kListing;
}

void McpSession::take_page(json::View message, Nanos now) {
  const json::View tools = message.get("result").get("tools");
  if (!tools.is_array()) return fail("has no list of tools: " + error_words(message.get("error")));
  for (std::size_t i = 0; i < tools.size(); ++i) take_tool(tools.at(i));
  const std::string_view cursor = message.get("result").get("nextCursor").as_string();
  if (!cursor.empty() && ++pages_ < kMaxPages) return ask_list(cursor, now);
  tools_ = std::exchange(coming_, {});
  has_list_ = true;
  state_ = State::kReady;
}

void McpSession::take_tool(json::View tool) {
  McpTool one;
  one.name = tool.get("name").as_string();
  one.description = text::truncate_utf8(tool.get("description").as_string(), kMaxDescription);
  one.harmless = claims_harmless(tool.get("annotations"));
  const json::View schema = tool.get("inputSchema");
  one.schema = schema.is_object() ? schema.to_json() : R"({"type":"object"})";
  const bool known =
      std::any_of(coming_.begin(), coming_.end(), [&](const McpTool& t) { return t.name == one.name; });
  const bool odd = one.name.empty() || one.name.size() > kLongestName || known ||
                   one.schema.size() > kMaxSchema || (schema && schema.get("type").as_string() != "object");
  if (odd || coming_.size() >= kMaxTools) {
    ++left_out_;
  } else {
    coming_.push_back(std::move(one));
  }
}

std::uint64_t McpSession::call(std::string_view tool, std::string_view arguments, Nanos now) {
  (void)now;
  json::Writer params;
  params.begin_object().member("name", tool).key("arguments").raw(arguments);
  const std::uint64_t id = request("tools/call", params.end_object().str());
  if (state_ == State::kBroken) {
    results_[id] = {true, failure_};
  } else {
    calls_[id] = true;
  }
  return id;
}

void McpSession::cancel(std::uint64_t call, Nanos now) {
  results_.erase(call);
  if (calls_.erase(call) == 0) return;
  json::Writer params;
  params.begin_object().member("requestId", call).member("reason", "nobody waits for it any more");
  notify("notifications/cancelled", params.end_object().str());
  if (ping_ != 0) return;
  ping_ = request("ping", {});
  pong_until_ = now + kPongLimit;
}

std::map<std::uint64_t, McpResult> McpSession::take_results() { return std::exchange(results_, {}); }

void McpSession::tick(Nanos now) {
  if (state_ == State::kBroken) return;
  if (now >= until_)
    return fail(state_ == State::kInitializing ? "does not answer at its start" : "does not tell its tools");
  if (now >= pong_until_) return fail("hangs");
  if (list_wanted_ && state_ == State::kReady && now >= listed_at_ + kListEvery) ask_list({}, now);
}

Nanos McpSession::next_deadline() const noexcept {
  if (state_ == State::kBroken) return kNever;
  const Nanos list = list_wanted_ && state_ == State::kReady ? listed_at_ + kListEvery : kNever;
  return std::min({until_, pong_until_, list});
}

void McpSession::fail_calls(const std::string& why) {
  for (const auto& [id, waits] : std::exchange(calls_, {})) results_[id] = {true, why};
}

void McpSession::fail(const std::string& why) {
  if (state_ == State::kBroken) return;
  state_ = State::kBroken;
  failure_ = why;
  input_.clear();
  output_.clear();
  fail_calls("the server " + why);
}

}  // namespace prot::brain

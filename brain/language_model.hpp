#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "http/http.hpp"

namespace prot::brain {

enum class Role { kSystem, kUser, kAssistant, kTool };

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON
};

struct Message {
  Role role = Role::kUser;
  std::string text;
  std::vector<ToolCall> tool_calls;  // kAssistant
  std::string tool_call_id;          // kTool
  std::string verbatim = {};         // kAssistant: see ModelEvent
};

struct Tool {
  std::string name;
  std::string description;
  std::string schema;  // JSON schema of the arguments
};

/// Who asks: a server with several prompt caches keeps one for each lane.
enum class Lane { kVoice, kText };

/// One request. `prompt` and all messages but the last are byte-stable from turn to turn, so that a server
/// finds them in its cache; `context` (time, memory) belongs to this request alone and is placed directly
/// before the text of the last user message.
struct Request {
  std::vector<std::string> prompt;  // cacheable blocks, in order: the system prompt
  std::vector<Message> messages;
  std::string context;
  std::vector<Tool> tools;
  bool no_calls = false;    // the tools are named, for the cache, but may not be called any more
  std::string json_schema;  // of the answer; empty: free text
  int max_tokens = 160;
  double temperature = 0.3;
  Lane lane = Lane::kVoice;
  bool prefill = false;         // only warms the server's cache: no text comes, kDone at the end
  Nanos first_event_limit = 0;  // a backend that is silent longer has failed; 0: the backend's own limit
  Nanos lag_limit = 0;  // one whose words come later than they are said, by so much, has failed; 0: any
};

using RequestId = std::uint64_t;  // 0 is never given

struct Usage {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_tokens = 0;   // of them, read from the server's cache
  std::uint32_t written_tokens = 0;  // of them, put into it
  std::uint32_t reply_tokens = 0;
  std::uint32_t read_tokens = 0;  // of the prompt, in read_ns; 0: the server does not say
  Nanos read_ns = 0;
};

enum class StopReason { kEnd, kLength, kTools, kFiltered };

/// What came of a request, in order: kText, kToolCall and kUsage any number of times, then kDone or kError.
struct ModelEvent {
  enum class Kind { kText, kToolCall, kUsage, kDone, kError };
  Kind kind = Kind::kDone;
  RequestId id = 0;
  std::string text;  // kText: a piece; kError: what failed, on what, why
  ToolCall call;
  Usage usage;
  StopReason stop = StopReason::kEnd;
  /// kDone, behind tool calls: the answer in its server's own form, with what no other field can hold
  /// (thinking, its own searches). The server wants it back unchanged as long as the reply goes on.
  std::string verbatim;
  http::ErrorClass error = http::ErrorClass::kFatal;
  Nanos request_ns = 0;  // when the request that was answered was sent
  Nanos at = 0;          // when it arrived, taken on the transport's thread
};

/// A language model. Never blocks: start, poll, cancel. One thread; a backend's own worker wakes the owner.
/// Invariants: after cancel(id) no event of id comes; every request that is not cancelled ends with kDone or
/// kError. A request that found the server still loading is tried again until its first-byte time is over.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;
  virtual RequestId start(const Request& request, Nanos now) = 0;
  [[nodiscard]] virtual std::vector<ModelEvent> poll(Nanos now) = 0;
  /// Closes the transport at once. Unknown ids are ignored.
  virtual void cancel(RequestId id) = 0;
  /// When poll must be called although nothing woke the owner.
  [[nodiscard]] virtual Nanos next_deadline() const = 0;
  /// Of what works at the moment.
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// Is a prefill worth its cost (a server of our own) ?
  [[nodiscard]] virtual bool can_prefill() const = 0;
};

}  // namespace prot::brain

// Lines of an MCP server: whatever it says, what we answer is JSON-RPC, every call ends once, and all is
// bounded. A line "@call", "@cancel" or "@wait" of the input is ours: a call begins, is given up, time
// passes.
#include <set>

#include "brain/mcp/session.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using brain::McpResult;
using brain::McpSession;

namespace {

struct Outcome {
  std::string sent;
  std::map<std::uint64_t, McpResult> results;
  McpSession::State state = McpSession::State::kInitializing;
  std::string failure;
  std::vector<brain::McpTool> tools;
};

void check_sent(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    require(end != std::string_view::npos, "we send whole lines");
    const json::Document message = json::parse(lines.substr(0, end));
    require(message.get("jsonrpc").as_string() == "2.0", "we send JSON-RPC");
    require(message.get("method") || message.get("id") || message.get("result") || message.get("error"),
            "it asks, tells or answers");
    lines.remove_prefix(end + 1);
  }
}

class Bench {
 public:
  explicit Bench(Split split) : split_(split) {}

  Outcome run(std::string_view input) {
    while (!input.empty()) {
      const std::string_view line = input.substr(0, std::min(input.find('\n'), input.size() - 1) + 1);
      input.remove_prefix(line.size());
      if (line.starts_with('@'))
        act(line);
      else
        in_pieces(line, split_, [&](std::string_view piece) { session_.feed(piece, now_); });
      collect();
    }
    session_.fail("is ended");
    collect();
    require(calls_.empty(), "every call ends");
    out_.state = session_.state();
    out_.failure = session_.failure();
    out_.tools = session_.tools();
    return std::move(out_);
  }

 private:
  void act(std::string_view line) {
    const bool ready = session_.has_list() && session_.state() != McpSession::State::kBroken;
    if (line.starts_with("@call") && ready) {
      newest_ = session_.call("lamp", "{}", now_);
      require(calls_.insert(newest_).second, "a call has a number of its own");
    } else if (line.starts_with("@cancel") && newest_ != 0) {
      session_.cancel(newest_, now_);
      calls_.erase(newest_);
    } else if (line.starts_with("@wait")) {
      now_ += kSecond;
      session_.tick(now_);
    }
  }
  void collect() {
    out_.sent += session_.output();
    session_.written(session_.output().size());
    for (auto& [id, result] : session_.take_results()) {
      require(calls_.erase(id) == 1, "a result belongs to a call that waits, once");
      require(result.text.size() <= McpSession::kMaxResult + 1000 && utf8::is_valid(result.text),
              "a result is text of bounded length");
      out_.results[id] = std::move(result);
    }
    require(session_.tools().size() <= McpSession::kMaxTools, "tools are bounded");
    for (const brain::McpTool& tool : session_.tools())
      require(!tool.name.empty() && json::parse(tool.schema).root().is_object() &&
                  tool.description.size() <= McpSession::kMaxDescription,
              "a tool can be offered to a model");
    const bool broken = session_.state() == McpSession::State::kBroken;
    require(broken == !session_.failure().empty(), "what is broken says why");
    require(utf8::is_valid(session_.failure()), "why is text");
  }

  Split split_;
  McpSession session_{"1", 10 * kSecond, 0};
  Nanos now_ = 0;
  std::uint64_t newest_ = 0;
  std::set<std::uint64_t> calls_;
  Outcome out_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  const Outcome whole = Bench(Split::kNone).run(input);
  check_sent(whole.sent);
  const Outcome pieces = Bench(Split::kAny).run(input);
  require(whole.sent == pieces.sent && whole.failure == pieces.failure && whole.tools == pieces.tools &&
              whole.results.size() == pieces.results.size(),
          "pieces say the same");
  return 0;
}

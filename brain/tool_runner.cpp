#include "tool_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

// What every server takes back: it refuses a whole conversation for one odd name in it.
bool is_plain(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
}

bool is_good_id(std::string_view id) noexcept { return id.size() >= 9 && id.size() <= 64 && is_plain(id); }

std::string plain_name(std::string_view name) {
  std::string out(name.substr(0, 64));
  for (char& c : out)
    if (!is_plain({&c, 1})) c = '_';
  return out.empty() ? "unknown" : out;
}

}  // namespace

Toolbox::Toolbox(std::vector<std::unique_ptr<ToolBackend>> tools, std::size_t max_result)
    : tools_(std::move(tools)),
      max_result_(max_result),
      last_id_(static_cast<std::uint64_t>(wall_now() / kMicrosecond)) {  // above a predecessor's
  fixed_ = tools_.size();
  set_more({});
}

void Toolbox::set_more(std::vector<std::unique_ptr<ToolBackend>> more) {
  tools_.resize(fixed_);
  for (auto& tool : more) tools_.push_back(std::move(tool));
  descriptions_.clear();
  for (const auto& tool : tools_) descriptions_.push_back(tool->description());
}

std::string Toolbox::words() const {
  std::string out;
  for (const auto& tool : tools_)
    if (const std::string words = tool->words(); !words.empty())
      out += (out.empty() ? "" : "; ") + tool->description().name + ": " + words;
  return out;
}

ToolBackend* Toolbox::find(std::string_view name) const noexcept {
  for (const auto& tool : tools_)
    if (tool->description().name == name) return tool.get();
  return nullptr;
}

std::string Toolbox::limited(std::string_view result) const {
  if (result.size() <= max_result_) return text::sanitize_utf8(result);
  return text::sanitize_utf8(text::truncate_utf8(result, max_result_)) +
         fmt::format("\n[cut: these are the first {} of {} bytes]", max_result_, result.size());
}

std::string Toolbox::new_id() {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string id(9, 'c');
  std::uint64_t rest = ++last_id_;
  for (std::size_t i = id.size() - 1; i > 0; --i, rest /= kDigits.size())
    id[i] = kDigits[rest % kDigits.size()];
  return id;
}

ToolRunner::ToolRunner(Toolbox& toolbox, std::vector<ToolRound> before)
    : toolbox_(&toolbox), rounds_(std::move(before)) {}

void ToolRunner::add_to(Request& request) const {
  for (const ToolRound& round : rounds_) append_messages(round, request.messages);
  request.no_calls = rounds_.size() >= kMostRounds;
}

bool ToolRunner::start(const Request& asked, std::string said, bool whole, Nanos now, std::string verbatim) {
  std::vector<ToolCall> called = std::exchange(called_, {});
  if (called.empty()) return false;
  if (asked.tools.empty() || asked.no_calls) {
    log_warn("the model calls a tool, but {}",
             asked.tools.empty() ? "none is offered" : "has done so often enough");
    return false;
  }
  if (called.size() > kMostCalls) {
    log_warn("the model calls {} tools at once; {} are used", called.size(), kMostCalls);
    called.resize(kMostCalls);
  }
  rounds_.emplace_back();
  rounds_.back().text = std::move(said);
  rounds_.back().verbatim = std::move(verbatim);
  for (ToolCall& one : called) begin(asked, std::move(one), whole, Agreed::kNo, now);
  return waiting_ = true;
}

void ToolRunner::start_agreed(const Request& asked, const ToolCall& call, Nanos now) {
  rounds_.emplace_back();
  begin(asked, {{}, call.name, call.arguments}, true, Agreed::kYes, now);
  waiting_ = true;
}

void ToolRunner::begin(const Request& asked, ToolCall call, bool whole, Agreed agreed, Nanos now) {
  ToolBackend* const tool = toolbox_->find(call.name);
  log_info("tool {}", tool != nullptr ? call.name : "that is unknown");
  log_content("tool '{}' {}", call.name, call.arguments);
  if (!is_good_id(call.id)) call.id = toolbox_->new_id();
  while (is_taken(asked, call.id)) call.id = toolbox_->new_id();
  ToolExchange exchange{{call.id, plain_name(call.name), "{}"}, std::nullopt};
  Use use{rounds_.back().exchanges.size(), nullptr, now, 0};
  try {
    if (call.arguments.size() > kMaxArguments) throw Error("the arguments are longer than 16 KiB");
    // Servers leave them out where there are none.
    const json::Document arguments = json::parse(call.arguments.empty() ? "{}" : call.arguments);
    if (!arguments.root().is_object()) throw Error("the arguments are no JSON object");
    exchange.call.arguments = arguments.root().to_json();
    if (!whole) throw Error("your answer was cut at its longest; the call was not made");
    if (tool == nullptr) {
      std::string names;
      for (const Tool& one : toolbox_->descriptions()) names += (names.empty() ? "" : ", ") + one.name;
      throw Error("there is no tool of that name; there are: " + names);
    }
    use.use = agreed == Agreed::kYes ? tool->start_agreed(arguments.root(), now)
                                     : tool->start(arguments.root(), now);
    use.until = now + tool->time_limit();
    uses_.push_back(std::move(use));
  } catch (const std::exception& error) {
    finish(exchange, tool_error(error.what()));
  }
  rounds_.back().exchanges.push_back(std::move(exchange));
}

bool ToolRunner::is_taken(const Request& asked, std::string_view id) const noexcept {
  for (const Message& message : asked.messages)
    if (message.tool_call_id == id) return true;
  for (const ToolExchange& exchange : rounds_.back().exchanges)
    if (exchange.call.id == id) return true;
  return false;
}

void ToolRunner::finish(ToolExchange& exchange, std::string_view result) {
  exchange.result = toolbox_->limited(result);
  log_content("tool '{}' says {}", exchange.call.name, *exchange.result);
}

void ToolRunner::needs_consent(ToolExchange& exchange, const Consent& consent) {
  if (question_) return finish(exchange, tool_error("not done: one question at a time; call again later"));
  question_ = OpenCall{exchange.call, consent};
  json::Writer out;
  out.begin_object().member("waiting",
                            "not done yet: prot asks the person itself, and does it after their yes");
  finish(exchange, out.member("asked", question_->question("en")).end_object().str());
}

bool ToolRunner::poll(Nanos now) {
  if (!waiting_) return false;
  std::erase_if(uses_, [&](Use& use) {
    ToolExchange& exchange = rounds_.back().exchanges[use.exchange];
    try {
      if (const std::optional<std::string> result = use.use->poll(now)) {
        finish(exchange, *result);
      } else if (const Consent* consent = use.use->needs_consent(); consent != nullptr) {
        needs_consent(exchange, *consent);
      } else if (now >= use.until) {
        log_warn("tool {} does not answer", exchange.call.name);
        finish(exchange, tool_error(fmt::format("no answer within {} s", (use.until - use.began) / kSecond)));
      }
    } catch (const std::exception& error) {
      finish(exchange, tool_error(error.what()));
    }
    return exchange.result.has_value();
  });
  if (!uses_.empty()) return false;
  waiting_ = false;
  return true;
}

Nanos ToolRunner::next_deadline() const noexcept {
  Nanos deadline = kNever;
  for (const Use& use : uses_) deadline = std::min(deadline, use.until);
  return waiting_ && uses_.empty() ? 0 : deadline;
}

void ToolRunner::cancel() noexcept {
  uses_.clear();
  called_.clear();
  question_.reset();
  waiting_ = false;
}

}  // namespace prot::brain

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "confirmation.hpp"
#include "tool_round.hpp"
#include "tools/tool.hpp"

namespace prot::brain {

/// The tools that the model is offered, in a fixed order. One thread.
class Toolbox {
 public:
  static constexpr std::size_t kMaxResult = 8192;  // bytes
  /// `max_result`: more of a result is never kept.
  explicit Toolbox(std::vector<std::unique_ptr<ToolBackend>> tools = {}, std::size_t max_result = kMaxResult);

  /// Puts these behind the first ones, in place of those of an earlier call. REQUIRES: no reply is under way.
  void set_more(std::vector<std::unique_ptr<ToolBackend>> more);
  /// For `prot status`.
  [[nodiscard]] std::string words() const;
  [[nodiscard]] const std::vector<Tool>& descriptions() const noexcept { return descriptions_; }
  [[nodiscard]] ToolBackend* find(std::string_view name) const noexcept;
  /// A result as the model gets it: UTF-8, cut to the limit with a note that says so.
  [[nodiscard]] std::string limited(std::string_view result) const;
  /// For a call whose server gave it no id, or none that others take: nine letters and digits.
  [[nodiscard]] std::string new_id();

 private:
  std::vector<std::unique_ptr<ToolBackend>> tools_;
  std::size_t fixed_ = 0;  // of them
  std::vector<Tool> descriptions_;
  std::size_t max_result_;
  std::uint64_t last_id_;
};

/// The tool rounds of one reply: collects the calls of an answer, runs them side by side without blocking,
/// each within its time, and puts what came of them into the next request.
///
///   answer comes -> call()... -> start() -> poll() until true -> add_to(request), ask the model again
///
/// A use that needs a person's consent is not made: the round has it as waiting, and take_question() says
/// what the person is to be asked in place of asking the model. After a yes start_agreed() makes it, as a
/// round.
///
/// Whatever a model sends becomes a result that it can read: arguments that are no JSON, an unknown tool, one
/// that never answers. At most kMostRounds a reply; then the request forbids calls. One thread.
/// Invariant: cancelled at any moment, rounds() are valid as history. Lifetime: the toolbox lives longer.
class ToolRunner {
 public:
  static constexpr std::size_t kMostRounds = 3;
  static constexpr std::size_t kMostCalls = 8;  // of a round; more are not made
  static constexpr std::size_t kMaxArguments = 16U << 10U;

  /// `before`: what a predecessor did for the same reply; its open calls are not made again.
  explicit ToolRunner(Toolbox& toolbox, std::vector<ToolRound> before = {});

  /// Puts the rounds behind the messages.
  void add_to(Request& request) const;
  /// A call in the answer that is coming in.
  void call(ToolCall call) { called_.push_back(std::move(call)); }
  /// The answer to `asked` is over. True: its calls are under way. False: there was none, or no more are
  /// allowed. `said`: its text. `whole`: false when it was cut at the token limit, perhaps within a call.
  /// `verbatim`: see ModelEvent.
  [[nodiscard]] bool start(const Request& asked, std::string said, bool whole, Nanos now,
                           std::string verbatim = {});
  /// Makes the call that a person has agreed to. REQUIRES: nothing runs.
  void start_agreed(const Request& asked, const ToolCall& call, Nanos now);
  /// Looks at what runs. True, once a round: all results are there.
  [[nodiscard]] bool poll(Nanos now);
  /// Of the round that is complete: what a person has to agree to; once.
  [[nodiscard]] std::optional<OpenCall> take_question() { return std::exchange(question_, std::nullopt); }
  [[nodiscard]] bool running() const noexcept { return !uses_.empty(); }
  [[nodiscard]] Nanos next_deadline() const noexcept;
  /// Nobody waits for the results any more. What is finished stays.
  void cancel() noexcept;

  [[nodiscard]] const std::vector<ToolRound>& rounds() const noexcept { return rounds_; }

 private:
  struct Use {
    std::size_t exchange = 0;  // in the last round
    std::unique_ptr<ToolUse> use;
    Nanos began = 0;
    Nanos until = 0;
  };
  enum class Agreed : bool { kNo, kYes };
  void begin(const Request& asked, ToolCall call, bool whole, Agreed agreed, Nanos now);
  void needs_consent(ToolExchange& exchange, const Consent& consent);
  void finish(ToolExchange& exchange, std::string_view result);
  [[nodiscard]] bool is_taken(const Request& asked, std::string_view id) const noexcept;

  Toolbox* toolbox_;
  std::vector<ToolRound> rounds_;
  std::vector<ToolCall> called_;
  std::vector<Use> uses_;
  std::optional<OpenCall> question_;
  bool waiting_ = false;  // poll() has not said true for the last round
};

}  // namespace prot::brain

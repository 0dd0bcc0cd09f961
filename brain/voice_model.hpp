#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "continuation.hpp"
#include "parts.hpp"
#include "reply.hpp"
#include "tool_runner.hpp"
#include "voice_consent.hpp"

namespace prot::brain {

/// The voice's request to the language model: puts it together, starts it, and makes the reply's text of what
/// comes; when the model calls tools, runs them and asks again. At most one is under way. One thread.
class VoiceModel {
 public:
  enum class Progress {
    kNone,    // not ours, or nothing to do for the caller
    kDone,    // the model has said its last; the reply has all of it
    kTools,   // it called tools, which are under way; see ask_again()
    kFailed,  // see failure(); what came before is in the reply
  };
  struct Failure {
    http::ErrorClass error = http::ErrorClass::kFatal;
    std::string why;
  };

  explicit VoiceModel(Parts& parts) : parts_(parts), consent_(parts) {}

  /// A reply that a predecessor began: the tools that it used are not used again.
  void begin(std::vector<ToolRound> rounds) { tools_.emplace(parts_.toolbox, std::move(rounds)); }
  /// Of a reply that a predecessor broke off, the rest. REQUIRES: the person's words are the last of the
  /// reply's conversation.
  void ask(Reply& reply, const std::string& context, Nanos now);
  /// `reply`: the one under way, or none.
  [[nodiscard]] Progress on_event(const ModelEvent& event, Reply* reply, Nanos now);
  /// What had come already when the request that was asked on a guess was taken over: for on_event().
  [[nodiscard]] std::vector<ModelEvent> take_early() { return std::exchange(early_, {}); }
  enum class Tools {
    kRunning,
    kAsked,     // all results are there, and the model was asked again with them
    kQuestion,  // a person has to agree first: see take_question()
  };
  /// REQUIRES: tools are under way.
  [[nodiscard]] Tools ask_again(Reply& reply, Nanos now);
  [[nodiscard]] std::optional<OpenCall> take_question() { return std::exchange(question_, std::nullopt); }
  /// In place of asking the model: the call that the person has agreed to. Then ask_again().
  void carry_out(Reply& reply, const std::string& context, const ToolCall& call, Nanos now);
  /// What a person has to agree to, and what they said.
  [[nodiscard]] VoiceConsent& consent() noexcept { return consent_; }
  [[nodiscard]] const VoiceConsent& consent() const noexcept { return consent_; }
  /// When the newest tools were called.
  [[nodiscard]] Nanos tools_at() const noexcept { return tools_at_; }
  [[nodiscard]] Nanos tools_deadline() const noexcept { return tools_ ? tools_->next_deadline() : kNever; }
  /// The reply is over: its tool rounds, with what was heard of the words before them.
  [[nodiscard]] std::vector<ToolRound> take_rounds(const Reply& reply);
  /// Closes the transport, and tools; nothing comes any more.
  void cancel();
  /// Is `id` the request under way?
  [[nodiscard]] bool is_asked(RequestId id) const noexcept { return call_ != 0 && id == call_; }
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

 private:
  void start(Reply& reply, Nanos now);
  void add_text(Reply& reply, const std::string& text, Nanos now);

  Parts& parts_;
  VoiceConsent consent_;
  Request request_;  // of the reply under way
  RequestId call_ = 0;
  std::string answer_;                 // what came of it so far
  std::optional<Continuation> joint_;  // with what a predecessor has said of it
  std::optional<ToolRunner> tools_;
  Nanos tools_at_ = 0;
  std::optional<OpenCall> question_;
  std::vector<ModelEvent> early_;
  Failure failure_;
};

}  // namespace prot::brain

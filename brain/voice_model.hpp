#pragma once

#include <string>

#include "parts.hpp"
#include "reply.hpp"

namespace prot::brain {

/// The voice's request to the language model: puts it together, starts it, and makes the reply's text of what
/// comes. At most one is under way. One thread.
class VoiceModel {
 public:
  enum class Progress {
    kNone,    // not ours, or nothing to do for the caller
    kDone,    // the model has said its last; the reply has all of it
    kFailed,  // see failure(); what came before is in the reply
  };
  struct Failure {
    http::ErrorClass error = http::ErrorClass::kFatal;
    std::string why;
  };

  explicit VoiceModel(Parts& parts) : parts_(parts) {}

  /// REQUIRES: the person's words are the last of the reply's conversation.
  void ask(Reply& reply, const std::string& context, Nanos now);
  /// `reply`: the one under way, or none.
  [[nodiscard]] Progress on_event(const ModelEvent& event, Reply* reply, Nanos now);
  /// Closes the transport; nothing comes any more.
  void cancel();
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

 private:
  Parts& parts_;
  Request request_;  // of the reply under way
  RequestId call_ = 0;
  Failure failure_;
};

}  // namespace prot::brain

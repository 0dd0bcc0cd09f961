#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "confirmation.hpp"
#include "parts.hpp"
#include "reply.hpp"

namespace prot::brain {

/// What the spoken conversation does about a call that a person has to agree to: says the question in prot's
/// own words, sees whether it was heard, and takes the person's answer. The states are those of
/// confirmation.hpp. One thread.
class VoiceConsent {
 public:
  explicit VoiceConsent(Parts& parts);

  /// The reply's last words are the question.
  void ask(Reply& reply, OpenCall call, Nanos now);
  /// The reply is over, whole or cut: a question of whose matter something was not heard is none.
  void reply_over(const Reply& reply, Nanos now);
  /// The words that `reply` is to answer, said from `said` on. True: they agree to what was not heard, and it
  /// is asked again; the reply needs no model.
  [[nodiscard]] bool asks_again(Reply& reply, std::string_view words, Nanos said, Nanos now);
  /// What the reply under way has to do first, once.
  [[nodiscard]] std::optional<OpenCall> take_agreed() { return std::exchange(agreed_, std::nullopt); }
  /// The reply is cancelled: what it has not begun is not done.
  void cancel() { agreed_.reset(); }
  void drop() { confirmation_.drop(); }
  void tick(Nanos now) { confirmation_.tick(now); }
  [[nodiscard]] Nanos next_deadline() const noexcept { return confirmation_.next_deadline(); }

 private:
  [[nodiscard]] std::string_view language_of(const Reply& reply) const;

  Parts& parts_;
  Confirmation confirmation_;
  std::optional<OpenCall> agreed_;  // by the words that the reply under way answers
};

}  // namespace prot::brain

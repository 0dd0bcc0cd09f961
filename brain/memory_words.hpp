#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "parts.hpp"

namespace prot::brain {

/// What a person wants of memory itself, in so many words: such an utterance is obeyed, not answered.
enum class MemoryWish { kNone, kForget, kOffRecord, kOnRecord };

/// The whole utterance must say it: "forget that", "방금 한 말 잊어줘", "off the record", "기록하지 마".
/// Punctuation, spaces and "please" do not matter.
[[nodiscard]] MemoryWish memory_wish(std::string_view text);

/// The words as they are compared, without spaces, "please" and prot's name around them.
[[nodiscard]] std::string bare_words(std::string_view text);
/// As it is said back: on one line, not too long.
[[nodiscard]] std::string shortened(std::string_view text);

struct Obeyed {
  std::string words;    // what prot says to it
  bool pushed = false;  // `published` will run, or has
};
/// `language`: "ko" or "en". `options`, `published`: of the frame in `turns` that a forgetting is.
Obeyed carry_out(Parts& parts, MemoryWish wish, const wire::ConversationId& conversation,
                 std::string_view language, const wire::SendOptions& options,
                 std::function<void()>&& published);
/// The same without what was forgotten: for a file.
[[nodiscard]] std::string_view plain_words(MemoryWish wish, std::string_view language) noexcept;

/// Off the record, or on it again; told to the subscribers.
void set_record(Parts& parts, bool off);

/// Memory has forgotten messages: so does everything here.
void forget(Parts& parts, const MemoryClient::ForgottenNews& news);

}  // namespace prot::brain

// Messages of ElevenLabs' recognition: never an exception, never its own words in what may be logged.
#include <algorithm>

#include "stt/engines/scribe_protocol.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using stt::scribe::Message;

namespace {

/// "quota_exceeded (error)": names alone.
bool is_names(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ' ' || c == '(' || c == ')' || c == '-' || c == '.';
  });
}

void check(const Message& message) {
  const bool error = message.kind == Message::Kind::kError;
  require(utf8::is_valid(message.text) && utf8::is_valid(message.code), "a message is text");
  require(error == (message.failure != stt::FailureClass::kNone),
          "an error is a failure, and nothing else is");
  require(!message.timed || message.kind == Message::Kind::kCommitted, "a final segment alone has times");
  if (!error) return;
  require(!message.code.empty() && !message.text.empty(), "an error has a name");
  if (message.code == "malformed") {
    require(message.text.starts_with("not JSON"), "a message that is none says so");
  } else {
    require(is_names(message.code) && is_names(message.text), "of an error names are told alone");
  }
}

void check_texts(std::string_view text) {
  const std::string_view once = stt::scribe::without_repeats(text);
  require(text.starts_with(once) && (once.size() == text.size() || once.size() * 2 < text.size()),
          "what is left of repeats is their first");
  const std::string previous = stt::scribe::previous_text(text);
  require(text.ends_with(previous), "what was said before ends as it did");
  const auto characters = std::count_if(previous.begin(), previous.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
  });
  require(characters <= static_cast<std::ptrdiff_t>(stt::scribe::kLongestPrevious),
          "it is as short as it must be");
  require(is_json(stt::scribe::audio_message({}, true, previous)), "our own message is JSON");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const Message message = stt::scribe::parse(text);
  check(message);
  check_texts(message.text);
  check_texts(text);
  return 0;
}

// Answers of OpenAI-compatible recognition, and the cleaning of what any recogniser says.
#include <algorithm>

#include "stt/engines/transcription.hpp"
#include "stt/transcript_text.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;

namespace {

void check(std::string_view said, std::size_t size) {
  require(utf8::is_valid(said), "a transcript is text");
  // A byte that is no text becomes U+FFFD.
  require(said.size() <= 3 * std::min(size, stt::kMostTranscript), "a transcript is bounded");
  require(said.find_first_of("\n\r\t") == std::string_view::npos && !said.starts_with(' ') &&
              !said.ends_with(' '),
          "white space is single");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  try {
    check(stt::transcription_of(input), size);
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "the refusal is text");
  }
  const std::string clean = stt::clean_transcript(input);
  check(clean, size);
  const std::string once = stt::without_loops(clean);
  require(utf8::is_valid(once) && once.size() <= clean.size(), "a loop is only cut");
  return 0;
}

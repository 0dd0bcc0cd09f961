// Streams of OpenAI's chat completions, and of all who say that they speak them.
#include "brain/engines/hidden_thoughts.hpp"
#include "brain/engines/openai.hpp"
#include "brain/engines/openai_reader.hpp"
#include "tests/fuzz/model_answers.hpp"

using namespace prot;
using namespace prot::fuzz;

namespace {

void check_thoughts(std::string_view text) {
  std::string outcomes[3];
  for (const Split split : {Split::kNone, Split::kBytes, Split::kAny}) {
    brain::HiddenThoughts thoughts;
    std::string& said = outcomes[static_cast<int>(split)];
    in_pieces(text, split, [&](std::string_view piece) { said += thoughts.push(piece); });
    said += thoughts.finish();
  }
  require(outcomes[0] == outcomes[1] && outcomes[0] == outcomes[2], "pieces give the same words");
  require(outcomes[0].size() <= text.size(), "no word was added");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  be_silent();
  brain::OpenAiReader reader("http://x/v1/chat/completions", false);
  const ModelAnswer answer = read_answer(reader, text_of(data, size));
  const std::string text = check_answer(reader, answer);
  for (const brain::ModelEvent& event : answer.events) {
    require(event.usage.read_ns >= 0, "no time runs backwards");
    if (event.kind == brain::ModelEvent::Kind::kToolCall) require(!event.call.id.empty(), "a call has an id");
  }
  check_thoughts(text);
  brain::OpenAiOptions options;
  options.url = "http://127.0.0.1:8080";
  options.model = "m";
  require(is_json(brain::openai_body(options, next_request(answer, text))), "the next request is JSON");
  options.flags.tools = false;
  require(is_json(brain::openai_body(options, next_request(answer, text))), "also without tools");
  return 0;
}

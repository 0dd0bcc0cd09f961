// Streams of Anthropic's Messages. What is carried over a pause, and what goes back with the results of
// calls, is JSON; so is the request that follows, which must never throw: brain would die of it.
#include "brain/engines/anthropic.hpp"
#include "brain/engines/anthropic_compactions.hpp"
#include "brain/engines/anthropic_reader.hpp"
#include "tests/fuzz/model_answers.hpp"

using namespace prot;
using namespace prot::fuzz;

namespace {

brain::AnthropicOptions options() {
  brain::AnthropicOptions out;
  out.model = "claude";
  out.features.thinking = "enabled";
  out.features.web_search = true;
  return out;
}

void check(std::string_view stream, const std::string& carried) {
  static const brain::AnthropicOptions kOptions = options();
  brain::AnthropicCompactions compactions;
  const auto keep = [&](const std::string& block) {
    require(is_json(block), "a summary is a block");
    compactions.keep(brain::AnthropicCompactions::mark({{brain::Role::kUser, "Light, please.", {}, {}}}, 0),
                     block);
  };
  brain::AnthropicReader reader(
      {"http://x/v1/messages", brain::anthropic_author(kOptions), keep, [](const auto&) {}}, false, carried);
  const ModelAnswer answer = read_answer(reader, stream);
  const std::string text = check_answer(reader, answer);
  if (answer.refused) return;
  require(is_json("[" + reader.carried() + "]"), "what is carried is a list of blocks");
  for (const brain::ModelEvent& event : answer.events)
    require(event.verbatim.empty() || is_json(event.verbatim), "what goes back is JSON");
  const brain::Request request = next_request(answer, text);
  require(is_json(brain::anthropic_body(kOptions, compactions, request, {})), "the next request is JSON");
  if (answer.state != brain::AnswerReader::State::kAskAgain) return;
  const std::string body = brain::anthropic_body(kOptions, compactions, request, reader.carried());
  require(is_json(body), "the request that goes on is JSON");
  if (carried.empty() && !reader.carried().empty()) check(stream, reader.carried());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  be_silent();
  check(text_of(data, size), {});
  return 0;
}

#include "services/probe.hpp"

#include <cstdio>
#include <cstdlib>
#include <future>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "services/web_question.hpp"

namespace prot::services {
namespace {

Answer ask(const stage::CheckContext& context, const Service& service, const Probers& own) {
  const char* value = service.key_name.empty() ? nullptr : std::getenv(service.key_name.c_str());
  const std::string key = value == nullptr ? "" : value;
  if (service.key_needed && !service.key_name.empty() && key.empty()) return {State::kNoKey};
  if (is_refused_plain(service, context.config)) return {State::kUnencrypted};
  try {
    for (const Probers* probers : {&own, &common_probers()})
      if (const auto found = probers->find(service.protocol); found != probers->end())
        return found->second(context, service, key);
    return {State::kMalformed, 0, "bug: nobody can ask a service of the kind " + service.protocol};
  } catch (const UsageError& error) {
    return {State::kUnreachable, 0, error.what()};  // no address
  } catch (const Error& error) {
    return {State::kFailed, 0, error.what()};
  }
}

}  // namespace

const Probers& common_probers() {
  static const Probers probers = {
      {"anthropic", ask_anthropic},
      {"openai-chat", ask_chat},
      {"openai-transcription", ask_transcription},
      {"elevenlabs-voice", ask_elevenlabs_voice},
      {"openai-speech", ask_openai_speech},
      {"home-assistant", ask_home_assistant},
  };
  return probers;
}

std::function<int(const stage::CheckContext&, std::string_view name)> service_probe(std::string program,
                                                                                    Probers own) {
  return [program = std::move(program), own = std::move(own)](const stage::CheckContext& context,
                                                              std::string_view name) {
    if (name != "services") throw UsageError("this stage has no probe '" + std::string(name) + "'");
    std::vector<std::pair<Service, std::future<Answer>>> asked;
    for (const Service& service : known_services(context.config))
      if (service.in_use && service.program == program)
        asked.emplace_back(service, std::async(std::launch::async, [&context, &own, service] {
                             return ask(context, service, own);
                           }));
    bool good = true;
    for (auto& [service, coming] : asked) {
      const Answer answer = coming.get();
      std::printf("%s\n", to_json(service, answer).c_str());
      good = good && verdict_of(answer.state) != stage::Verdict::kFail;
    }
    return good ? 0 : 1;
  };
}

}  // namespace prot::services

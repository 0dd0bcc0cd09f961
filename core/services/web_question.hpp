#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "services/answer.hpp"
#include "stage/self_check.hpp"

/// One small request over HTTP to each kind of service. As services::Prober says.
namespace prot::services {

[[nodiscard]] Answer ask_anthropic(const stage::CheckContext& context, const Service& service,
                                   const std::string& key);
[[nodiscard]] Answer ask_chat(const stage::CheckContext& context, const Service& service,
                              const std::string& key);
[[nodiscard]] Answer ask_transcription(const stage::CheckContext& context, const Service& service,
                                       const std::string& key);
[[nodiscard]] Answer ask_elevenlabs_voice(const stage::CheckContext& context, const Service& service,
                                          const std::string& key);
[[nodiscard]] Answer ask_openai_speech(const stage::CheckContext& context, const Service& service,
                                       const std::string& key);
[[nodiscard]] Answer ask_home_assistant(const stage::CheckContext& context, const Service& service,
                                        const std::string& key);

/// Judges the body of an answer that has no error's status: what it leaves at 0 is filled in by ask_web().
using Judge = std::function<Answer(const std::string& body)>;

/// For a stage with a question of its own. Sets the request's time limits: `limit_ms` for all of it.
[[nodiscard]] Answer ask_web(http::Request request, const Judge& judge, std::int64_t limit_ms = 5'000);

/// The body is a JSON object with the member `name` ("data"), and no error that came with status 200.
[[nodiscard]] Judge expect_member(std::string name);
/// Server-sent events, of which one says `name`; none of them is an error.
[[nodiscard]] Judge expect_event(std::string name);

}  // namespace prot::services

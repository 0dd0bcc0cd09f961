#include "tools/hass_request.hpp"

#include <utility>

#include "base/error.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kLongestCommand = 500;
constexpr std::size_t kLongestSpeech = 800;

std::string command_of(json::View arguments) {
  const std::string_view command = arguments.get("command").as_string();
  if (command.find_first_not_of(" \t\r\n") == std::string_view::npos) throw Error("command must be text");
  if (command.size() > kLongestCommand) throw Error("command has more than 500 bytes");
  return std::string(command);
}

std::string speech_of(const json::Document& answer) {
  const json::View speech = answer.get("response").get("speech");
  for (const char* form : {"plain", "ssml"})
    if (const std::string_view said = speech.get(form).get("speech").as_string(); !said.empty())
      return std::string(text::truncate_utf8(said, kLongestSpeech));
  return {};
}

/// One use: the list of entities where there is none yet, then the request.
class AgentUse final : public ToolUse {
 public:
  AgentUse(std::shared_ptr<Home> home, std::shared_ptr<std::string> conversation, std::string command,
           bool agreed)
      : home_(std::move(home)),
        conversation_(std::move(conversation)),
        command_(std::move(command)),
        agreed_(agreed) {
    if (!agreed_ && !home_->catalog.entities()) tries_ = home_->catalog.refresh();
  }
  ~AgentUse() override {
    if (request_ != 0) home_->link.cancel(request_);
  }
  AgentUse(const AgentUse&) = delete;
  AgentUse& operator=(const AgentUse&) = delete;

  std::optional<std::string> poll(Nanos now) override {
    (void)now;
    if (consent_) return std::nullopt;
    if (request_ == 0 && !begin()) return std::nullopt;
    const std::optional<HomeAnswer> answer = home_->link.take(request_);
    if (!answer) return std::nullopt;
    request_ = 0;
    if (!answer->failure.empty()) throw Error(answer->failure);
    if (!answer->whole) throw Error("the agent's answer is longer than 256 KiB");
    const json::Document document = json::parse(answer->body);
    if (document.get("continue_conversation").as_bool())
      *conversation_ = document.get("conversation_id").as_string();
    return told_agent(answer->body);
  }
  const Consent* needs_consent() const override { return consent_ ? &*consent_ : nullptr; }

 private:
  // False: not yet, or not before a person agrees. Without the list nobody knows what a sentence names.
  bool begin() {
    if (!agreed_) {
      if (home_->catalog.tries() < tries_) return false;
      const std::shared_ptr<const Entities> entities = home_->catalog.entities();
      if (!entities) throw Error(home_->catalog.failure());
      consent_ = home_->consent.for_words(command_, *entities);
      if (consent_) return false;
    }
    const HomeOptions& options = home_->link.options();
    json::Writer out;
    out.begin_object().member("text", command_).member("language", options.language);
    if (!options.agent_id.empty()) out.member("agent_id", options.agent_id);
    if (!conversation_->empty()) out.member("conversation_id", *conversation_);
    conversation_->clear();
    request_ =
        home_->link.post("/api/conversation/process", out.end_object().str(), options.agent_time_limit);
    return true;
  }

  std::shared_ptr<Home> home_;
  std::shared_ptr<std::string> conversation_;
  std::string command_;
  bool agreed_;
  std::uint64_t tries_ = 0;
  std::optional<Consent> consent_;
  http::RequestId request_ = 0;
};

}  // namespace

HassRequestTool::HassRequestTool(std::shared_ptr<Home> home)
    : home_(std::move(home)), conversation_(std::make_shared<std::string>()) {
  description_.name = "hass_request";
  description_.description =
      "Tells the user's home what to do, or asks it, in plain words and the user's language; use it when the "
      "entity is not known.";
  description_.schema =
      R"({"type":"object","properties":{"command":{"type":"string",)"
      R"("description":"such as: turn on the light in the living room"}},"required":["command"]})";
}

Nanos HassRequestTool::time_limit() const { return home_->link.options().agent_time_limit; }

std::unique_ptr<ToolUse> HassRequestTool::start(json::View arguments, Nanos now) {
  (void)now;
  return std::make_unique<AgentUse>(home_, conversation_, command_of(arguments), false);
}

std::unique_ptr<ToolUse> HassRequestTool::start_agreed(json::View arguments, Nanos now) {
  (void)now;
  return std::make_unique<AgentUse>(home_, conversation_, command_of(arguments), true);
}

std::string told_agent(std::string_view answer_json) {
  const json::Document answer = json::parse(answer_json);
  const json::View response = answer.get("response");
  if (!response.is_object()) throw Error("the agent's answer makes no sense");
  const std::string said = speech_of(answer);
  if (response.get("response_type").as_string() == "error") {
    const std::string_view code = response.get("data").get("code").as_string("unknown");
    throw Error("the home could not do it (" + std::string(text::truncate_utf8(code, 40)) + ")" +
                (said.empty() ? "" : ": " + said));
  }
  json::Writer out;
  out.begin_object().member("result", said.empty() ? std::string("done, without a word") : said);
  const json::View failed = response.get("data").get("failed");
  if (failed.size() > 0) out.key("failed").begin_array();
  for (std::size_t i = 0; i < failed.size() && i < 8; ++i)
    out.value(text::truncate_utf8(failed.at(i).get("name").as_string(), 80));
  if (failed.size() > 0) out.end_array();
  return out.end_object().str();
}

}  // namespace prot::brain

#include "preemptive.hpp"

#include <utility>

#include "base/log.hpp"

namespace prot::brain {

Preemptive::When preemptive_when(const std::string& choice) noexcept {
  if (choice == "on") return Preemptive::When::kOn;
  return choice == "off" ? Preemptive::When::kOff : Preemptive::When::kAuto;
}

std::string request_key(const Request& request) {
  std::string key;
  const auto add = [&key](const std::string& text) { key += std::to_string(text.size()) + ':' + text; };
  for (const std::string& block : request.prompt) add(block);
  key += '|';
  for (const Message& message : request.messages) {
    key += static_cast<char>('0' + static_cast<int>(message.role));
    add(message.text);
    add(message.tool_call_id);
    for (const ToolCall& call : message.tool_calls) {
      add(call.id);
      add(call.name);
      add(call.arguments);
    }
    key += ';';
  }
  add(request.context);
  for (const Tool& tool : request.tools) {
    add(tool.name);
    add(tool.description);
    add(tool.schema);
  }
  add(request.json_schema);
  return key + std::to_string(request.max_tokens) + ' ' + std::to_string(request.temperature) +
         (request.lane == Lane::kVoice ? 'v' : 't') + (request.prefill ? 'p' : 'r') +
         (request.no_calls ? 'n' : 'c');
}

void Preemptive::begin() {
  cancel();
  tries_ = 0;
}

bool Preemptive::may_try(const Request& request) const {
  if (when_ == When::kOff || (when_ == When::kAuto && !model_->can_prefill())) return false;
  const bool question = !request.messages.empty() && request.messages.back().role == Role::kUser;
  return tries_ < kMostTries && question && !request.prefill;
}

void Preemptive::propose(const Request& request, Nanos now) {
  std::string key = request_key(request);
  if (id_ != 0 && key == key_) return;
  cancel();
  if (!may_try(request)) return;
  ++tries_;
  ++tried_;
  key_ = std::move(key);
  id_ = model_->start(request, now);
}

bool Preemptive::on_event(const ModelEvent& event) {
  if (id_ == 0 || event.id != id_) return false;
  over_ = event.kind == ModelEvent::Kind::kDone || event.kind == ModelEvent::Kind::kError;
  if (event.kind == ModelEvent::Kind::kError) {  // the real request will see for itself
    log_info("a preemptive request failed: {}", event.text);
    cancel();
    return true;
  }
  events_.push_back(event);
  return true;
}

std::optional<Preemptive::Taken> Preemptive::take(const Request& request) {
  if (id_ == 0) return std::nullopt;
  if (request_key(request) != key_) {
    cancel();
    return std::nullopt;
  }
  ++used_;
  Taken taken{std::exchange(id_, 0), std::exchange(events_, {}), over_};
  over_ = false;
  key_.clear();
  return taken;
}

void Preemptive::cancel() {
  if (id_ != 0) model_->cancel(id_);
  id_ = 0;
  over_ = false;
  key_.clear();
  events_.clear();
}

}  // namespace prot::brain

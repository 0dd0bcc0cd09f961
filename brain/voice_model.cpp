#include "voice_model.hpp"

#include <utility>

#include "base/log.hpp"

namespace prot::brain {

void VoiceModel::ask(Reply& reply, const std::string& context, Nanos now) {
  request_ = parts_.prompt.reply(parts_.conversations.at(reply.record().conversation), context, Lane::kVoice);
  parts_.prefill.give_way(request_);
  call_ = parts_.model.start(request_, now);
  reply.ask_model(now);
  reply.waterfall().recall_tokens = parts_.memory.block(Lane::kVoice).tokens;
}

VoiceModel::Progress VoiceModel::on_event(const ModelEvent& event, Reply* reply, Nanos now) {
  if (reply == nullptr || call_ == 0 || event.id != call_) return Progress::kNone;
  Waterfall& times = reply->waterfall();
  switch (event.kind) {
    case ModelEvent::Kind::kText:
      if (times.first_token == 0) {
        times.first_token = event.at;
        times.request = event.request_ns;
      }
      reply->add_text(event.text, now);
      return Progress::kNone;
    case ModelEvent::Kind::kUsage:
      times.prompt_tokens = event.usage.prompt_tokens;
      times.cached_tokens = event.usage.cached_tokens;
      return Progress::kNone;
    case ModelEvent::Kind::kToolCall:
      log_warn("the model calls a tool, but none is offered");
      log_content("tool '{}'", event.call.name);
      return Progress::kNone;
    case ModelEvent::Kind::kDone:
      call_ = 0;
      parts_.prefill.computed(request_);
      reply->finish_text(now);
      return Progress::kDone;
    case ModelEvent::Kind::kError:
      call_ = 0;
      reply->finish_text(now);
      failure_ = {event.error, event.text};
      return Progress::kFailed;
  }
  return Progress::kNone;
}

void VoiceModel::cancel() {
  if (call_ != 0) parts_.model.cancel(std::exchange(call_, 0));
}

}  // namespace prot::brain

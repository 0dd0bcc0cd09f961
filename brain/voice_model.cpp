#include "voice_model.hpp"

#include <utility>

#include "base/log.hpp"

namespace prot::brain {

void VoiceModel::ask(Reply& reply, const std::string& context, Nanos now) {
  request_ = parts_.prompt.reply(parts_.conversations.at(reply.record().conversation), context, Lane::kVoice);
  if (!tools_) tools_.emplace(parts_.toolbox);
  start(reply, now);
  reply.waterfall().recall_tokens = parts_.memory.block(Lane::kVoice).tokens;
}

void VoiceModel::carry_out(Reply& reply, const std::string& context, const ToolCall& call, Nanos now) {
  request_ = parts_.prompt.reply(parts_.conversations.at(reply.record().conversation), context, Lane::kVoice);
  if (!tools_) tools_.emplace(parts_.toolbox);
  parts_.preemptive.cancel();
  tools_->start_agreed(request_, call, now);
  tools_at_ = now;
  reply.use_tools(tools_->rounds().back(), now);
}

VoiceModel::Tools VoiceModel::ask_again(Reply& reply, Nanos now) {
  if (!tools_ || !tools_->poll(now)) return Tools::kRunning;
  const std::vector<ToolRound>& rounds = tools_->rounds();
  parts_.journal.round(static_cast<std::uint32_t>(rounds.size() - 1), rounds.back());
  question_ = tools_->take_question();
  if (question_) return Tools::kQuestion;
  const std::string context = request_.context;  // so that the request goes on where the last one ended
  request_ = parts_.prompt.reply(parts_.conversations.at(reply.record().conversation), context, Lane::kVoice);
  start(reply, now);
  return Tools::kAsked;
}

void VoiceModel::start(Reply& reply, Nanos now) {
  tools_->add_to(request_);
  answer_ = reply.given_text(reply.round());
  joint_.reset();
  if (!answer_.empty()) {
    request_ = going_on(std::move(request_), answer_, parts_.model.can_prefill());
    joint_.emplace(answer_);
  }
  reply.ask_model(now);
  reply.waterfall().model = parts_.model.name();
  if (std::optional<Preemptive::Taken> taken = parts_.preemptive.take(request_)) {
    reply.waterfall().preemptive = true;
    call_ = taken->id;
    early_ = std::move(taken->events);
    return;
  }
  parts_.prefill.give_way(request_);
  call_ = parts_.model.start(request_, now);
}

std::vector<ToolRound> VoiceModel::take_rounds(const Reply& reply) {
  if (!tools_) return {};
  std::vector<ToolRound> rounds = tools_->rounds();
  for (std::uint32_t i = 0; i < rounds.size(); ++i) rounds[i].text = reply.heard_text(i);
  tools_.reset();
  return rounds;
}

VoiceModel::Progress VoiceModel::on_event(const ModelEvent& event, Reply* reply, Nanos now) {
  if (reply == nullptr || !is_asked(event.id)) return Progress::kNone;
  Waterfall& times = reply->waterfall();
  switch (event.kind) {
    case ModelEvent::Kind::kText:
      times.model = parts_.model.name();
      if (times.first_token == 0) {
        times.first_token = event.at;
        times.request = event.request_ns;
      }
      add_text(*reply, joint_ ? joint_->push(event.text) : event.text, now);
      return Progress::kNone;
    case ModelEvent::Kind::kUsage:
      times.prompt_tokens = event.usage.prompt_tokens;
      times.cached_tokens = event.usage.cached_tokens;
      return Progress::kNone;
    case ModelEvent::Kind::kToolCall:
      tools_->call(event.call);
      return Progress::kNone;
    case ModelEvent::Kind::kDone:
      call_ = 0;
      parts_.prefill.computed(request_);
      if (joint_) add_text(*reply, joint_->finish(), now);
      if (tools_->start(request_, answer_, event.stop != StopReason::kLength, now, event.verbatim)) {
        tools_at_ = now;
        reply->use_tools(tools_->rounds().back(), now);
        return Progress::kTools;
      }
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

void VoiceModel::add_text(Reply& reply, const std::string& text, Nanos now) {
  answer_ += text;
  reply.add_text(text, now);
}

void VoiceModel::cancel() {
  if (call_ != 0) parts_.model.cancel(std::exchange(call_, 0));
  if (tools_) tools_->cancel();
  early_.clear();
}

}  // namespace prot::brain

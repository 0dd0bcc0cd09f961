#include "voice_consent.hpp"

#include <string>

#include "base/log.hpp"
#include "json/json.hpp"

namespace prot::brain {

Confirmation::Tell tell_of_consent(Parts& parts, const char* channel) {
  return [&parts, channel](std::string_view step, std::string_view matter) {
    log_info("consent ({}): {}", channel, step);
    log_content("consent ({}): {} '{}'", channel, step, matter);
    json::Writer out;
    out.begin_object().member("type", "consent").member("step", step).member("channel", channel);
    out.member("text", matter).member("at_ns", parts.context.clock().now());
    parts.publish(out.end_object().str());
    if (step != "asked" && step != "yes" && step != "dropped") return;
    ipc::Word& count = parts.context.counter("consents_" + std::string(step));
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  };
}

VoiceConsent::VoiceConsent(Parts& parts) : parts_(parts), confirmation_(tell_of_consent(parts, "voice")) {}

std::string_view VoiceConsent::language_of(const Reply& reply) const {
  return segment_language(reply.record().waterfall.heard, parts_.language);
}

void VoiceConsent::ask(Reply& reply, OpenCall call, Nanos now) {
  reply.add_text(call.question(language_of(reply)), now);
  confirmation_.ask(std::move(call), now);
}

void VoiceConsent::reply_over(const Reply& reply, Nanos now) {
  agreed_.reset();
  if (confirmation_.state() != Confirmation::State::kAsked) return;
  std::size_t whole = 0;
  std::size_t heard = 0;
  for (const SpokenSegment& segment : reply.record().segments) {
    if (segment.notice || segment.round != reply.round()) continue;
    whole += segment.text.size();
    heard += segment.heard_bytes;
  }
  if (heard > 0 && heard + OpenCall::ask(language_of(reply)).size() >= whole) confirmation_.heard(now);
}

bool VoiceConsent::asks_again(Reply& reply, std::string_view words, Nanos said, Nanos now) {
  switch (confirmation_.judge(words, said)) {
    case Confirmation::Answer::kNone:
    case Confirmation::Answer::kDropped:
      return false;
    case Confirmation::Answer::kYes:
      agreed_ = confirmation_.take();
      return false;
    case Confirmation::Answer::kAgain:
      reply.add_text(confirmation_.open().question(language_of(reply)), now);
      return true;
  }
  return false;
}

}  // namespace prot::brain

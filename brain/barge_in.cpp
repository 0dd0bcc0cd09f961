#include "barge_in.hpp"

namespace prot::brain {

bool BargeIn::allowed(Nanos began, const ReplyView& reply, Nanos now) const noexcept {
  if (!settings_.enabled || !reply.under_way) return false;
  if (reply.audible_at == 0 || began < reply.audible_at) return true;
  return settings_.headphones && now >= reply.audible_at + settings_.grace;
}

BargeAction BargeIn::on_hearing(const wire::Hearing& hearing, const ReplyView& reply, Nanos now) noexcept {
  switch (hearing.what) {
    case wire::Heard::kStarted:
      began_ = hearing.at_ns;
      if (suspected() || !allowed(began_, reply, now)) return BargeAction::kNone;
      hold_until_ = now + settings_.hold;
      return BargeAction::kHold;
    case wire::Heard::kConfirmed:
      if (began_ == 0) began_ = hearing.at_ns;
      if (!allowed(began_, reply, now)) return BargeAction::kNone;
      hold_until_ = 0;
      return BargeAction::kCancel;
    case wire::Heard::kEnded:
    case wire::Heard::kDiscarded:
      began_ = 0;
      if (!suspected()) return BargeAction::kNone;
      hold_until_ = 0;
      return BargeAction::kRelease;
    case wire::Heard::kPaused:
      return BargeAction::kNone;
  }
  return BargeAction::kNone;
}

BargeAction BargeIn::tick(Nanos now) noexcept {
  if (!suspected() || now < hold_until_) return BargeAction::kNone;
  hold_until_ = 0;
  return BargeAction::kRelease;
}

}  // namespace prot::brain

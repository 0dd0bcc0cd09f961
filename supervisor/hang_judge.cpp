#include "hang_judge.hpp"

#include <algorithm>

namespace prot::supervisor {
namespace {

constexpr Nanos kMostBusy = 60 * kSecond;  // no announcement is believed longer

}  // namespace

void HangJudge::forgive(Nanos now) noexcept {
  forgiven_ = now;
  since_rung_ = since_stopped_ = 0;
  has_first_ = false;
}

bool HangJudge::is_suspect(Nanos now, const Pulse& pulse) const noexcept {
  return now - std::max(pulse.heartbeat, forgiven_) > limit_ / 4;
}

// How long of the suspicion it wanted to run and could not. A wait that is under way is not in the kernel's
// sum yet: seen as a runnable process that got nothing since the scan before.
Nanos HangJudge::starved(Nanos now) const noexcept {
  if (!has_first_ || (last_.on_cpu == 0 && last_.waited == 0)) return 0;  // this kernel does not tell
  const Nanos under_way = last_.state == 'R' ? now - last_at_ : 0;
  return last_.waited - first_.waited + under_way + disk_time_;
}

bool HangJudge::look(Nanos now, const Pulse& pulse, const Scheduling* scheduling) noexcept {
  if (pulse.heartbeat != heartbeat_) {
    heartbeat_ = pulse.heartbeat;
    since_rung_ = since_stopped_ = 0;
    has_first_ = false;
  }
  if (scheduling == nullptr) return false;
  if (scheduling->is_traced || scheduling->state == 'Z' || scheduling->state == '\0') {
    forgive(now);
    return false;
  }
  if (!has_first_) {
    has_first_ = true;
    first_ = last_ = *scheduling;
    last_at_ = now;
    disk_time_ = 0;
  }
  if (scheduling->state == 'D' && last_.state == 'D') disk_time_ += now - last_at_;
  if (scheduling->state != 'R' || scheduling->on_cpu != last_.on_cpu) last_at_ = now;
  last_ = *scheduling;

  const Nanos progress = std::max(pulse.heartbeat, forgiven_);
  if (scheduling->state != 'T') since_stopped_ = 0;
  if (scheduling->state == 'T' && since_stopped_ == 0) since_stopped_ = now;
  const Nanos not_starved = now - starved(now);
  if (!pulse.is_rung || !pulse.asleep) since_rung_ = 0;
  if (pulse.is_rung && pulse.asleep && since_rung_ == 0) since_rung_ = not_starved;
  // What is first seen at a scan began before it; what follows at a scan comes later than it could.
  const Nanos long_enough = limit_ * 13 / 20;
  if (since_stopped_ != 0) return now - since_stopped_ >= long_enough && now - progress > limit_;

  const Nanos age = not_starved - progress;
  const Nanos busy = std::min(pulse.busy_until - progress, kMostBusy);
  if (!pulse.asleep) return age > std::max(limit_, busy);
  return since_rung_ != 0 && std::min(not_starved - since_rung_, age) >= std::max(long_enough, busy);
}

}  // namespace prot::supervisor

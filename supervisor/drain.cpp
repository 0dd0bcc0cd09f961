#include "drain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace prot::supervisor {
namespace {
constexpr Nanos kGraceAfterPress = 2 * kSecond;
constexpr Nanos kReportEvery = kSecond;
constexpr Nanos kFirstDelay = 10 * kMillisecond;  // before the second start, then doubled
}  // namespace

int DrainSequence::index_of(std::string_view stage) noexcept {
  for (std::size_t i = 0; i < kDrainSteps.size(); ++i)
    if (kDrainSteps[i].stage == stage) return static_cast<int>(i);
  return -1;
}

bool DrainSequence::done(std::string_view stage) const noexcept {
  const int step = index_of(stage);
  return step < 0 || progress_[static_cast<std::size_t>(step)].done;
}

void DrainSequence::begin(Nanos now, bool press_now) {
  begun_ = true;
  begun_at_ = now;
  report_at_ = now + kReportEvery;
  // Before anybody is told: an end of stream is no reason to start one that was stopped.
  std::array<bool, kDrainSteps.size()> needed{};
  for (std::size_t i = 0; i < kDrainSteps.size(); ++i) needed[i] = host_->input_pending(kDrainSteps[i].stage);
  host_->press(press_now ? ipc::Drain::kNow : ipc::Drain::kGraceful);
  pressing_ = press_now;
  for (std::size_t i = 0; i < kDrainSteps.size(); ++i)
    if (!host_->is_alive(kDrainSteps[i].stage)) lose(i, now, needed[i]);
  advance(now);
}

void DrainSequence::press(Nanos now) {
  if (pressing_) return;
  pressing_ = true;
  host_->press(ipc::Drain::kNow);
  for (std::size_t i = 0; i < kDrainSteps.size(); ++i)
    if (progress_[i].active)
      progress_[i].deadline = std::min(progress_[i].deadline, now + kDrainSteps[i].deadline_now);
}

void DrainSequence::advance(Nanos now) {
  for (std::size_t i = 0; i < kDrainSteps.size(); ++i) {
    Progress& step = progress_[i];
    if (step.done || step.active || !done(kDrainSteps[i].after)) continue;
    step.active = true;
    step.since = now;
    step.load = host_->load(kDrainSteps[i].stage);
    step.deadline = now + time_of(i);
  }
}

Nanos DrainSequence::time_of(std::size_t step) const noexcept {
  return pressing_ ? kDrainSteps[step].deadline_now : kDrainSteps[step].deadline;
}

void DrainSequence::finish(std::size_t step, Nanos now, const char* how) {
  Progress& progress = progress_[step];
  if (progress.done) return;
  progress.done = true;
  progress.active = false;
  progress.deadline = progress.restart_at = kNever;
  progress.report =
      fmt::format("{} {} after {} ms", kDrainSteps[step].stage, how, (now - begun_at_) / kMillisecond);
  // Two that end in the same moment are collected in any order; they are told in the order of the drain.
  for (Progress& before : progress_) {
    if (!before.done) break;
    if (!before.report.empty()) host_->say(std::exchange(before.report, {}));
  }
}

void DrainSequence::on_drained(std::string_view stage, Nanos now) {
  const int step = index_of(stage);
  if (step < 0 || !begun_) return;
  finish(static_cast<std::size_t>(step), now, "drained");
  advance(now);
}

void DrainSequence::on_lost(std::string_view stage, Nanos now) {
  const int index = index_of(stage);
  if (index < 0 || !begun_) return;
  const auto step = static_cast<std::size_t>(index);
  Progress& progress = progress_[step];
  // Frames may still come to one whose turn has not begun: it is needed as well.
  const bool turn_to_come = !progress.active && !kDrainSteps[step].after.empty();
  progress.owes |= host_->load(stage).queue > 0;
  lose(step, now, host_->input_pending(stage) || turn_to_come || progress.owes);
}

void DrainSequence::lose(std::size_t step, Nanos now, bool needed) {
  Progress& progress = progress_[step];
  if (progress.done) return;
  const std::string_view stage = kDrainSteps[step].stage;
  if (needed && progress.deaths < kDeathsInVain && progress.expired < 2 && now - begun_at_ < kDrainAtMost &&
      host_->can_start(stage)) {
    const unsigned before = progress.deaths++;
    if (progress.active) {
      const Nanos at_most = std::max(progress.since + kStepAtMost, now + kDrainSteps[step].deadline_now);
      progress.deadline = std::max(progress.deadline, std::min(now + time_of(step), at_most));
    }
    host_->say(fmt::format("{} ended before it was drained: started once more", stage));
    progress.restart_at = before == 0 ? now : now + (kFirstDelay << (before - 1));
    if (before > 0) return;
    progress.restart_at = kNever;
    host_->restart(stage);
    return;
  }
  finish(step, now, "given up");  // first: closing tells us again that it is lost
  host_->close(stage);
  advance(now);
}

void DrainSequence::expire(std::size_t step, Nanos now) {
  const DrainStep& rule = kDrainSteps[step];
  const bool feeder = blames_feeder(step) && host_->is_alive(rule.feeder) && !done(rule.feeder);
  const std::string_view blame = feeder ? rule.feeder : rule.stage;
  if (!pressing_) {
    host_->say(fmt::format("{} takes too long: the drain presses", blame));
    press(now);
    progress_[step].deadline = now + kGraceAfterPress;
    return;
  }
  const auto blamed = static_cast<std::size_t>(index_of(blame));
  host_->say(fmt::format("{} does not end: killed", blame));
  // A blamed feeder gets this step's time once more after its restart.
  progress_[step].deadline = now + rule.deadline_now;
  if (++progress_[blamed].expired > 1) return give_up(blamed, now);
  host_->kill(blame);
}

// It may be that nothing can end it, or that its place is held: the drain goes on all the same.
void DrainSequence::give_up(std::size_t step, Nanos now) {
  const std::string_view stage = kDrainSteps[step].stage;
  progress_[step].expired = 2;
  host_->kill(stage);
  if (progress_[step].done) return;
  finish(step, now, "given up");
  host_->close(stage);
  advance(now);
}

void DrainSequence::look_at_load(std::size_t step, Nanos now) {
  Progress& progress = progress_[step];
  const std::string_view stage = kDrainSteps[step].stage;
  const DrainLoad before = progress.load;
  progress.load = host_->load(stage);
  if (progress.load.queue == 0) progress.load.queue = before.queue;  // it has just started and not looked yet
  progress.owes |= progress.load.queue > 0;
  if (progress.load.input >= before.input && progress.load.queue >= before.queue) return;
  progress.deaths = 0;
  if (stage == "memory")
    progress.deadline =
        std::max(progress.deadline, std::min(now + kProgressBuys, progress.since + kStepAtMost));
}

void DrainSequence::on_time(Nanos now) {
  if (!begun_ || finished()) return;
  for (std::size_t i = 0; i < kDrainSteps.size(); ++i) {
    if (progress_[i].active) look_at_load(i, now);
    if (progress_[i].active && progress_[i].deadline <= now) expire(i, now);
    if (progress_[i].restart_at > now) continue;
    progress_[i].restart_at = kNever;
    host_->restart(kDrainSteps[i].stage);
  }
  if (now - begun_at_ >= kDrainAtMost)
    for (std::size_t i = 0; i < kDrainSteps.size(); ++i)
      if (!progress_[i].done) give_up(i, now);
  if (!pressing_ && now - begun_at_ >= kDrainPressesAfter) {
    host_->say(fmt::format("the drain takes {} s: it presses", (now - begun_at_) / kSecond));
    press(now);
  }
  if (report_at_ > now || finished()) return;
  report_at_ = now + kReportEvery;
  const std::string blocking = explain(now);
  if (!blocking.empty()) host_->say("waiting for " + blocking);
}

bool DrainSequence::blames_feeder(std::size_t step) const {
  const DrainStep& rule = kDrainSteps[step];
  return !rule.feeder.empty() && !host_->ring_pending(rule.feed_ring);
}

// "stt to recognise what was said last (2 s of at most 5 s)"
std::string DrainSequence::explain(Nanos now) const {
  std::string text;
  for (std::size_t i = 0; i < kDrainSteps.size(); ++i) {
    const Progress& step = progress_[i];
    if (!step.active) continue;
    const DrainStep& rule = kDrainSteps[i];
    const bool feeder = blames_feeder(i);
    const std::string_view who = feeder ? rule.feeder : rule.stage;
    const std::string left = host_->left_to_do(who);
    text += fmt::format("{}{} to {} ({}{} s of at most {} s)", text.empty() ? "" : ", ", who,
                        feeder ? rule.feeder_work : rule.work, left.empty() ? "" : left + " left, ",
                        (now - step.since) / kSecond, (step.deadline - step.since) / kSecond);
  }
  return text;
}

bool DrainSequence::finished() const noexcept {
  return begun_ && std::all_of(progress_.begin(), progress_.end(), [](const Progress& p) { return p.done; });
}

Nanos DrainSequence::next_deadline() const noexcept {
  if (!begun_ || finished()) return kNever;
  Nanos next = std::min(report_at_, begun_at_ + (pressing_ ? kDrainAtMost : kDrainPressesAfter));
  for (const Progress& progress : progress_)
    next = std::min({next, progress.active ? progress.deadline : kNever, progress.restart_at});
  return next;
}

std::vector<std::string> DrainSequence::blockers() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kDrainSteps.size(); ++i) {
    if (!progress_[i].active) continue;
    names.emplace_back(blames_feeder(i) ? kDrainSteps[i].feeder : kDrainSteps[i].stage);
  }
  return names;
}

}  // namespace prot::supervisor

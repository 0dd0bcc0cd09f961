#include "observe/stage_probe.hpp"

#include <algorithm>

#include "ipc/stage_pulse.hpp"
#include "observe/field_text.hpp"

namespace prot::observe {
namespace {

Nanos stamp(const ipc::Word& word) noexcept {
  return static_cast<Nanos>(word.load(std::memory_order_relaxed));
}

std::optional<double> rate(std::uint64_t now, std::uint64_t before, Nanos interval) noexcept {
  if (now < before) return std::nullopt;  // a new process counts from the beginning
  return static_cast<double>(now - before) * 1e9 / static_cast<double>(interval);
}

std::vector<CounterValue> read_counters(const ipc::StagePage& page) {
  std::vector<CounterValue> counters;
  const std::size_t count =
      std::min<std::size_t>(page.counter_count.load(std::memory_order_acquire), ipc::kMaxCounters);
  for (std::size_t i = 0; i < count; ++i)
    counters.push_back(
        {field_text(page.counters[i].label), page.counters[i].value.load(std::memory_order_relaxed)});
  return counters;
}

}  // namespace

StageProbe::StageProbe(const ipc::Board& board, std::size_t index)
    : board_(&board), index_(index), name_(field_text(board.header().programs[index])) {}

std::optional<StageRow> StageProbe::read(Nanos now, Nanos real_now) {
  const ipc::ProgramEntry& entry = board_->supervisor().programs[index_];
  const ipc::StagePage& page = board_->stage(index_);
  const auto state = static_cast<ipc::ProgramState>(entry.state.load(std::memory_order_acquire));
  StageRow row;
  row.generation = entry.generation.load(std::memory_order_relaxed);
  if (state == ipc::ProgramState::kDown && row.generation == 0) return std::nullopt;
  row.name = name_;
  row.engine = field_text(page.engine);
  row.state = ipc::to_string(state);
  row.pid = entry.pid.load(std::memory_order_relaxed);
  row.restarts = entry.restarts.load(std::memory_order_relaxed);
  if (row.generation > 1 || row.pid == 0) row.last_exit = entry.last_exit.load(std::memory_order_relaxed);
  const ipc::StagePulse pulse = ipc::read_pulse(page);
  if (pulse.heartbeat > 0 && row.pid != 0) row.heartbeat_age_ns = std::max<Nanos>(now - pulse.heartbeat, 0);
  row.asleep = pulse.asleep;
  row.counters = read_counters(page);
  if (const std::uint32_t timers = entry.timers.load(std::memory_order_relaxed); timers > 0)
    row.timers = timers - 1;
  read_process(row, real_now);
  if (const Nanos started = stamp(entry.started_ns); row.alive && started > 0)
    row.up_ns = std::max<Nanos>(now - started, 0);
  add_rates(row, page, now);
  return row;
}

void StageProbe::read_process(StageRow& row, Nanos real_now) {
  if (row.pid != facts_pid_ || real_now - facts_at_ >= kFactsFor) {
    facts_ = process_facts(row.pid);
    facts_pid_ = row.pid;
    facts_at_ = real_now;
  }
  row.alive = facts_.has_value();
  if (!facts_) return;
  row.process_state = facts_->state;
  row.rss_bytes = facts_->rss_bytes;
}

void StageProbe::add_rates(StageRow& row, const ipc::StagePage& page, Nanos now) {
  Totals totals{now, row.pid, page.loops.load(std::memory_order_relaxed),
                page.busy_ns.load(std::memory_order_relaxed), process_cpu(row.pid)};
  if (row.alive && before_ && before_->pid == row.pid && now > before_->at) {
    const Nanos interval = now - before_->at;
    if (totals.cpu_ns && before_->cpu_ns)
      row.cpu_percent =
          static_cast<double>(*totals.cpu_ns - *before_->cpu_ns) * 100 / static_cast<double>(interval);
    if (row.heartbeat_age_ns) {
      row.loops_per_s = rate(totals.loops, before_->loops, interval);
      if (const auto busy = rate(totals.busy_ns, before_->busy_ns, interval)) row.busy_percent = *busy / 1e7;
    }
  }
  before_ = totals;
}

}  // namespace prot::observe

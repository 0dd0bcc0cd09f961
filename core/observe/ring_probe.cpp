#include "observe/ring_probe.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "observe/field_text.hpp"

namespace prot::observe {
namespace {

std::uint64_t get(const ipc::Word& word) noexcept { return word.load(std::memory_order_relaxed); }
Nanos stamp(const ipc::Word& word) noexcept { return static_cast<Nanos>(get(word)); }

// A damaged stamp may be any number.
Nanos since(Nanos at, Nanos now) noexcept { return at < 0 || at > now ? 0 : now - at; }

const char* side_state(std::uint32_t state) noexcept {
  switch (static_cast<ipc::SideState>(state)) {
    case ipc::SideState::kNever:
      return "never";
    case ipc::SideState::kAttached:
      return "attached";
    case ipc::SideState::kFaulted:
      return "faulted";
  }
  return "unknown";
}

const char* policy_name(ipc::Policy policy) noexcept {
  switch (policy) {
    case ipc::Policy::kBlock:
      return "block";
    case ipc::Policy::kDropNewest:
      return "drop-newest";
    case ipc::Policy::kKeepLatest:
      return "keep-latest";
  }
  return "unknown";
}

double rate(std::uint64_t now, std::uint64_t before, Nanos interval) noexcept {
  return now > before ? static_cast<double>(now - before) * 1e9 / static_cast<double>(interval) : 0;
}

}  // namespace

void LagWindow::add(Nanos now, Nanos lag) {
  samples_.push_back({now, std::max<Nanos>(lag, 0)});
  if (samples_.size() > kMost) samples_.pop_front();
}

std::optional<Nanos> LagWindow::p99(Nanos now) {
  while (!samples_.empty() && now - samples_.front().at > kSpan) samples_.pop_front();
  if (samples_.empty()) return std::nullopt;
  std::vector<Nanos> lags;
  lags.reserve(samples_.size());
  for (const Sample& sample : samples_) lags.push_back(sample.lag);
  const auto rank = lags.begin() + static_cast<std::ptrdiff_t>((lags.size() * 99 + 99) / 100 - 1);
  std::nth_element(lags.begin(), rank, lags.end());
  return *rank;
}

RingProbe::RingProbe(const ipc::RingMemory& memory, const Clock& clock) : view_(memory), clock_(&clock) {
  identity_.name = field_text(memory.header->name);
  identity_.producer.name = field_text(memory.header->producer);
  identity_.consumer.name = field_text(memory.header->consumer);
  identity_.policy = policy_name(memory.header->policy);
  identity_.capacity_bytes = view_.capacity();
}

RingRow RingProbe::read() {
  RingRow row = identity_;
  const Positions positions = view_.positions();
  row.head = positions.head;
  row.tail = positions.tail;
  row.used_bytes = positions.used();
  read_counters(row);
  read_times(row, positions);
  add_rates(row, clock_->now());
  return row;
}

void RingProbe::read_counters(RingRow& row) const {
  const ipc::RingSupervisorPage& supervisor = *view_.memory().supervisor;
  const ipc::RingProducerPage& producer = *view_.memory().producer;
  const ipc::RingConsumerPage& consumer = *view_.memory().consumer;
  row.producer.pid = get(supervisor.producer_pid);
  row.producer.generation = supervisor.producer_generation.load(std::memory_order_relaxed);
  row.producer.closed = supervisor.producer_closed.load(std::memory_order_relaxed) != 0;
  row.producer.state = side_state(producer.state.load(std::memory_order_relaxed));
  row.consumer.pid = get(supervisor.consumer_pid);
  row.consumer.generation = supervisor.consumer_generation.load(std::memory_order_relaxed);
  row.consumer.closed = supervisor.consumer_closed.load(std::memory_order_relaxed) != 0;
  row.consumer.state = side_state(consumer.state.load(std::memory_order_relaxed));
  row.frames = get(producer.frames);
  row.bytes = get(producer.bytes);
  row.drops = get(producer.drops);
  row.full_events = get(producer.full_events);
  row.pressure_events = get(producer.pressure_events);
  row.blocked_ns = get(producer.blocked_ns);
  row.blocked = get(producer.space_ticket) % 2 == 1;
  row.high_water_bytes = std::max(get(producer.high_water_bytes), row.used_bytes);
  row.released = get(consumer.frames);
  row.skipped = get(consumer.skipped_frames);
  row.stale = get(consumer.stale_frames);
  row.faults = get(consumer.faults) + (get(producer.fault) != 0 ? 1 : 0);
  row.wakes = get(producer.wakes) + get(consumer.wakes);
  row.waits = get(producer.waits) + get(consumer.waits);
  row.late_wakes = get(producer.late_wakes) + get(consumer.late_wakes);
  row.max_lag_ns = get(consumer.max_lag_ns);
  row.in_hand = get(consumer.processing_seq) != 0;
  row.poison = supervisor.poison_frames.load(std::memory_order_acquire);
  for (const ipc::Word& sequence : supervisor.set_aside_seq)
    if (get(sequence) != 0) row.poison_sequences.push_back(get(sequence) - 1);
}

void RingProbe::read_times(RingRow& row, const Positions& positions) {
  const ipc::RingProducerPage& producer = *view_.memory().producer;
  const ipc::RingConsumerPage& consumer = *view_.memory().consumer;
  const Nanos published = stamp(producer.last_publish_ns);  // of the newest frame
  const Nanos taken = stamp(consumer.last_take_ns);
  const Nanos released = stamp(consumer.last_release_ns);
  const std::uint64_t processing = get(consumer.processing_seq);
  SeenRecord oldest;
  const bool waiting =
      positions.used() > 0 && view_.read(positions.head, positions.tail, oldest) == Look::kRecord;
  const Nanos now = clock_->now();
  if (published > 0) row.age_ns = since(published, now);

  Nanos of_taken = 0;  // commit of the newest frame that was taken
  if (positions.used() == 0 || processing == row.frames) of_taken = published;
  if (waiting && processing == oldest.header.sequence + 1) of_taken = oldest.header.published_ns;
  if (taken > 0 && of_taken > 0 && taken >= of_taken) row.wait_ns = taken - of_taken;
  if (!row.in_hand && taken > 0 && released >= taken) row.busy_ns = released - taken;

  if (waiting) {
    row.lag_ns = since(oldest.header.published_ns, now);
    if (row.frames > oldest.header.sequence) row.used_frames = row.frames - oldest.header.sequence;
    lags_.add(now, *row.lag_ns);
    sampled_ = oldest.header.sequence;  // when it is released, its whole stay is a sample, too
  } else if (positions.sane && positions.used() == 0) {
    row.used_frames = 0;
    if (row.frames > sampled_ && released >= published && published > 0) {
      lags_.add(now, released - published);
      sampled_ = row.frames;
    }
  }
  row.p99_lag_ns = lags_.p99(now);
}

void RingProbe::add_rates(RingRow& row, Nanos now) {
  if (before_ && now > before_->at) {
    const Nanos interval = now - before_->at;
    row.frames_per_s = rate(row.frames, before_->frames, interval);
    row.bytes_per_s = rate(row.bytes, before_->bytes, interval);
    row.released_per_s = rate(row.released, before_->released, interval);
    row.wakes_per_s = rate(row.wakes, before_->wakes, interval);
    row.blocked_ns_per_s = rate(row.blocked_ns, before_->blocked_ns, interval);
  }
  before_ = Totals{now, row.frames, row.bytes, row.released, row.wakes, row.blocked_ns};
}

}  // namespace prot::observe

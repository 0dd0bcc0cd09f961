#include "stage/context.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "ipc/pause.hpp"
#include "wire/topology.hpp"

namespace prot::stage {
namespace {
const ipc::Doorbell* find_bell(const StageEnvironment& env, std::string_view stage) {
  const auto it = env.bells.find(std::string(stage));
  return it == env.bells.end() ? nullptr : &it->second;
}

Error replaced(const StageEnvironment& env) {
  return Error(env.stage + ": generation " + std::to_string(env.generation) + " was replaced: ending");
}

/// A process that was replaced while it slept must not write a single byte of what it would attach to.
ipc::RingSegment attach(const StageEnvironment& env, const wire::RingInfo& ring, ipc::Role role) {
  ipc::RingSegment segment =
      ipc::RingSegment::open(ipc::segment_name(env.paths.instance, env.run_id, std::string(ring.name)), role);
  const ipc::RingSupervisorPage& page = *segment.memory().supervisor;
  const std::uint32_t assigned =
      role == ipc::Role::kProducer ? page.producer_generation.load() : page.consumer_generation.load();
  if (assigned != 0 && assigned != env.generation) throw replaced(env);
  return segment;
}
}  // namespace

StageContext::StageContext(StageEnvironment environment, const Clock& clock)
    : environment_(std::move(environment)),
      clock_(&clock),
      board_(ipc::Board::open(ipc::segment_name(environment_.paths.instance, environment_.run_id, "board"),
                              environment_.stage)) {
  const int program = board_.find(environment_.stage);
  bell_ = find_bell(environment_, environment_.stage);
  if (program < 0 || bell_ == nullptr) throw Error("the board does not know stage " + environment_.stage);
  program_ = static_cast<std::size_t>(program);
  for (const wire::RingInfo* ring : wire::inputs_of(environment_.stage))
    inputs_.emplace_back(attach(environment_, *ring, ipc::Role::kConsumer),
                         find_bell(environment_, ring->producer), clock, environment_.generation);
  for (const wire::RingInfo* ring : wire::outputs_of(environment_.stage))
    outputs_.emplace_back(attach(environment_, *ring, ipc::Role::kProducer),
                          find_bell(environment_, ring->consumer), clock, environment_.generation);
  page().pid.store(static_cast<std::uint32_t>(::getpid()));
}

ipc::Input& StageContext::input(std::string_view ring) { return inputs_.at(input_index(ring)); }

std::size_t StageContext::input_index(std::string_view ring) const {
  const auto it =
      std::find_if(inputs_.begin(), inputs_.end(), [&](const ipc::Input& i) { return i.name() == ring; });
  if (it == inputs_.end()) throw Error("bug: " + environment_.stage + " does not read " + std::string(ring));
  return static_cast<std::size_t>(it - inputs_.begin());
}

ipc::Output& StageContext::output(std::string_view ring) {
  const auto it =
      std::find_if(outputs_.begin(), outputs_.end(), [&](const ipc::Output& o) { return o.name() == ring; });
  if (it == outputs_.end())
    throw Error("bug: " + environment_.stage + " does not write " + std::string(ring));
  return *it;
}

void StageContext::set_engine(std::string_view name) {
  // Others may read it meanwhile: they then see a mixture, once.
  char text[sizeof(page().engine)] = {};
  std::memcpy(text, name.data(), std::min(name.size(), sizeof text - 1));
  for (std::size_t i = 0; i < sizeof text; ++i)
    std::atomic_ref<char>(page().engine[i]).store(text[i], std::memory_order_relaxed);
}

void StageContext::say_status(std::string_view line) const {
  constexpr std::size_t kLongest = 1000;
  if (!environment_.ready) return;
  std::string text = "STATUS=" + std::string(line.substr(0, kLongest)) + "\n";
  std::replace(text.begin(), text.end() - 1, '\n', ' ');
  if (::write(environment_.ready.get(), text.data(), text.size()) < 0 && errno != EAGAIN && errno != EPIPE)
    throw errno_error("cannot tell the status");
}

ipc::Drain StageContext::drain() const noexcept {
  return static_cast<ipc::Drain>(board_.supervisor().drain.load());
}

void StageContext::ring(std::string_view stage) const noexcept {
  if (const ipc::Doorbell* bell = find_bell(environment_, stage); bell != nullptr) bell->ring();
}

void StageContext::require_current() const {
  const auto current = [](const auto& end) { return end.is_current(); };
  if (!std::all_of(inputs_.begin(), inputs_.end(), current) ||
      !std::all_of(outputs_.begin(), outputs_.end(), current))
    throw replaced(environment_);
}

void StageContext::disarm() noexcept {
  for (ipc::Input& input : inputs_) input.disarm();
  for (ipc::Output& output : outputs_) output.disarm();
}

bool StageContext::last_look() const noexcept {
  ipc::pause(ipc::kLastLookPauses);
  return std::any_of(inputs_.begin(), inputs_.end(),
                     [](const ipc::Input& input) { return input.has_data(); });
}

bool StageContext::arm() noexcept {
  for (ipc::Input& input : inputs_) input.arm();
  for (ipc::Output& output : outputs_) output.arm();
  bool changed = false;
  for (ipc::Input& input : inputs_) changed |= input.changed();
  for (ipc::Output& output : outputs_) changed |= output.changed();
  return !changed;
}

void StageContext::count_wakes(bool timed_out) noexcept {
  // A time-out that finds something new means that a wake was lost: a bug, counted as late.
  for (ipc::Input& input : inputs_) input.count_wake(timed_out && input.changed());
  for (ipc::Output& output : outputs_) output.count_wake(timed_out && output.changed());
}

}  // namespace prot::stage

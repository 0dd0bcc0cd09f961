#include "tests/support/private_run.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.hpp"
#include "wire/topology.hpp"

namespace prot::test {
namespace {

constexpr const char* kRunId = "run1";

std::string fresh_instance() {
  static int count = 0;
  return "test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

}  // namespace

PrivateRun::PrivateRun(std::string stage, const Clock& clock, std::vector<std::string> overrides,
                       const std::map<std::string, std::uint64_t>& capacities)
    : stage_(std::move(stage)), clock_(clock), overrides_(std::move(overrides)), instance_(fresh_instance()) {
  for (const std::string_view name : wire::kDrainOrder) bells_.emplace(name, ipc::Doorbell::create());
  const std::vector<std::string> programs(wire::kPrograms.begin(), wire::kPrograms.end());
  const std::string board = ipc::segment_name(instance_, kRunId, "board");
  names_.push_back(board);
  boards_.emplace("supervisor", ipc::Board::create(instance_, kRunId, programs));
  for (const std::string_view writer : {"brain", "player", "stt"})
    if (writer != stage_) boards_.emplace(writer, ipc::Board::open(board, writer));

  const auto make = [&](const wire::RingInfo& ring) {
    ipc::RingSpec spec = wire::spec_of(ring);
    if (const auto smaller = capacities.find(std::string(ring.name)); smaller != capacities.end()) {
      spec.capacity = smaller->second;
      spec.max_frame = std::min<std::uint32_t>(spec.max_frame, static_cast<std::uint32_t>(spec.capacity / 4));
    }
    const std::string name = ipc::segment_name(instance_, kRunId, std::string(ring.name));
    names_.push_back(name);
    segments_.emplace(ring.name, ipc::RingSegment::create(name, spec, kRunId));
    return name;
  };
  const ipc::Doorbell* own = &bells_.at(stage_);
  for (const wire::RingInfo* ring : wire::inputs_of(stage_))
    outputs_.emplace(ring->name, std::make_unique<ipc::Output>(
                                     ipc::RingSegment::open(make(*ring), ipc::Role::kProducer), own, clock));
  for (const wire::RingInfo* ring : wire::outputs_of(stage_))
    inputs_.emplace(ring->name, std::make_unique<ipc::Input>(
                                    ipc::RingSegment::open(make(*ring), ipc::Role::kConsumer), own, clock));
}

PrivateRun::~PrivateRun() {
  for (const std::string& name : names_) ipc::unlink_segment(name);
}

std::unique_ptr<stage::StageContext> PrivateRun::attach() {
  stage::StageEnvironment environment;
  environment.stage = stage_;
  environment.paths = instance_paths(instance_);
  environment.run_id = kRunId;
  environment.generation = ++generation_;
  for (const auto& [name, bell] : bells_)
    environment.bells.emplace(name, ipc::Doorbell(UniqueFd(::fcntl(bell.fd(), F_DUPFD_CLOEXEC, 3))));
  environment.config = stage::Config::load("", overrides_);
  return std::make_unique<stage::StageContext>(std::move(environment), clock_);
}

std::uint64_t PrivateRun::counter(std::string_view label) {
  const ipc::Board& board = board_of("supervisor");
  return board.counter(static_cast<std::size_t>(board.find(stage_)), label).load();
}

void PrivateRun::assign(std::uint32_t generation) {
  for (const wire::RingInfo* ring : wire::inputs_of(stage_))
    segments_.at(std::string(ring->name)).supervisor_page()->consumer_generation.store(generation);
  for (const wire::RingInfo* ring : wire::outputs_of(stage_))
    segments_.at(std::string(ring->name)).supervisor_page()->producer_generation.store(generation);
}

void PrivateRun::close_producer(std::string_view ring) {
  segments_.at(std::string(ring)).supervisor_page()->producer_closed.store(1);
}
void PrivateRun::close_consumer(std::string_view ring) {
  segments_.at(std::string(ring)).supervisor_page()->consumer_closed.store(1);
}

}  // namespace prot::test

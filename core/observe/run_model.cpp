#include "observe/run_model.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "observe/field_text.hpp"
#include "observe/process_facts.hpp"

namespace prot::observe {
namespace {

constexpr int kNothingRuns = 3;
constexpr int kRefused = 4;
constexpr std::string_view kBoardSuffix = ".board";

// "/prot.INSTANCE.RUN.board" -> RUN
std::string run_of(std::string_view board_name) {
  board_name.remove_suffix(kBoardSuffix.size());
  return std::string(board_name.substr(board_name.rfind('.') + 1));
}

// The newest stamp that anybody of a run left.
Nanos last_sign(const RunView& run) {
  std::uint64_t newest = run.board.supervisor().heartbeat_ns.load();
  for (std::size_t i = 0; i < ipc::kMaxPrograms; ++i)
    newest = std::max(newest, run.board.stage(i).heartbeat_ns.load());
  for (const ipc::RingSegment& ring : run.rings)
    newest = std::max({newest, ring.memory().producer->last_publish_ns.load(),
                       ring.memory().consumer->last_take_ns.load(),
                       ring.memory().consumer->last_release_ns.load()});
  return static_cast<Nanos>(newest);
}

bool exists(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::unique_ptr<RunView> open_board(const std::string& name) {
  auto run = std::make_unique<RunView>(RunView{run_of(name), name, ipc::Board::open(name), {}, false, {}});
  run->alive = supervisor_alive(run->board);
  return run;
}

bool better(const RunView& a, const RunView& b) {
  if (a.alive != b.alive) return a.alive;
  return a.board.supervisor().started_wall_ns.load() > b.board.supervisor().started_wall_ns.load();
}

void open_rings(RunView& run, const std::string& instance, const std::vector<std::string>& names) {
  const std::string begin = ipc::segment_name(instance, run.id, "");
  for (const std::string& name : names)
    if (name.starts_with(begin) && name != run.board_name)
      run.rings.push_back(ipc::RingSegment::open(name, ipc::Role::kObserver));
  std::sort(run.rings.begin(), run.rings.end(), [](const auto& a, const auto& b) {
    return a.memory().header->ring_id < b.memory().header->ring_id;
  });
}

}  // namespace

bool supervisor_alive(const ipc::Board& board) {
  return is_alive(board.supervisor().pid.load(), board.supervisor().start_time.load());
}

std::unique_ptr<RunView> open_run(const std::string& instance) {
  const std::vector<std::string> names = ipc::list_segments(instance);
  std::unique_ptr<RunView> chosen;
  std::string refusal;
  for (const std::string& name : names) {
    if (!name.ends_with(kBoardSuffix)) continue;
    try {
      auto run = open_board(name);
      if (!chosen || better(*run, *chosen)) chosen = std::move(run);
    } catch (const Error& error) {
      refusal = full_message(error);
    }
  }
  try {
    if (chosen) open_rings(*chosen, instance, names);
  } catch (const Error& error) {
    refusal = full_message(error);
    if (exists(ipc::list_segments(instance), chosen->board_name)) throw Error(refusal, kRefused);
    chosen.reset();  // the run ended while it was opened
    refusal.clear();
  }
  if (!chosen && !refusal.empty()) throw Error(refusal, kRefused);
  if (!chosen)
    throw Error("no prot instance '" + instance + "' here, running or dead (start it with: prot up)",
                kNothingRuns);
  chosen->refused = refusal;
  return chosen;
}

RunModel::RunModel(const std::string& instance, const Clock& clock)
    : instance_(instance), clock_(&clock), run_clock_(clock) {
  attach(open_run(instance));
}

void RunModel::attach(std::unique_ptr<RunView> run) {
  stages_.clear();
  rings_.clear();
  run_ = std::move(run);
  removed_ = false;
  before_at_.reset();
  for (std::size_t i = 0; i < run_->board.header().program_count && i < ipc::kMaxPrograms; ++i)
    stages_.emplace_back(run_->board, i);
  for (const ipc::RingSegment& ring : run_->rings) rings_.emplace_back(ring.memory(), run_clock_);
}

void RunModel::look_around(Nanos now) {
  if (looked_at_ && now - *looked_at_ < kLookEvery) return;
  looked_at_ = now;
  run_->alive = supervisor_alive(run_->board);
  const std::vector<std::string> names = ipc::list_segments(instance_);
  const std::string begin = ipc::segment_name(instance_, run_->id, "");
  const auto own =
      std::count_if(names.begin(), names.end(), [&](const auto& n) { return n.starts_with(begin); });
  const bool whole = static_cast<std::size_t>(own) == run_->rings.size() + 1;
  removed_ = !exists(names, run_->board_name);
  if (run_->alive && whole) return;
  // Another run has taken over, or this one was still being set up when it was opened.
  try {
    auto found = open_run(instance_);
    if (found->id != run_->id || found->rings.size() > run_->rings.size()) attach(std::move(found));
  } catch (const Error&) {
    return;  // nothing better: what is mapped stays readable
  }
}

Snapshot RunModel::read() {
  look_around(clock_->now());
  run_clock_.set(run_->alive ? std::nullopt : std::optional(std::min(last_sign(*run_), clock_->now())));
  const Nanos now = run_clock_.now();
  const ipc::SupervisorPage& supervisor = run_->board.supervisor();
  Snapshot snapshot;
  snapshot.instance = instance_;
  snapshot.run = run_->id;
  snapshot.at_ns = now;
  if (before_at_ && now > *before_at_) snapshot.interval_ns = now - *before_at_;
  before_at_ = now;
  snapshot.supervisor_pid = static_cast<std::uint32_t>(supervisor.pid.load());
  snapshot.supervisor_alive = run_->alive;
  snapshot.removed = removed_;
  snapshot.supervisor_heartbeat_age_ns =
      std::max<Nanos>(clock_->now() - static_cast<Nanos>(supervisor.heartbeat_ns.load()), 0);
  const auto state = run_->board.conversation().state.load();
  snapshot.conversation = ipc::to_string(static_cast<ipc::ConversationState>(state));
  snapshot.turn = run_->board.conversation().voice_turn.load();
  snapshot.turns = ipc::read_turns(run_->board.conversation().turns);
  for (StageProbe& stage : stages_)
    if (auto row = stage.read(now, clock_->now())) snapshot.stages.push_back(std::move(*row));
  for (RingProbe& ring : rings_) snapshot.rings.push_back(ring.read());
  return snapshot;
}

void RunModel::clear() {
  for (RingProbe& ring : rings_) ring.clear();
}

}  // namespace prot::observe

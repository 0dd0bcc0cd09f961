#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "desk/desk.hpp"
#include "extraction/extractor.hpp"
#include "queue/database_task.hpp"
#include "queue/names_outlet.hpp"
#include "queue/outbox.hpp"
#include "queue/worker.hpp"
#include "recall/read_tally.hpp"
#include "recall/recall.hpp"
#include "stage/context.hpp"
#include "stage/stage.hpp"
#include "vectors/dense_leg.hpp"

namespace prot::memory {

/// prot-memory: keeps what `turns` brings, answers what to remember, extracts facts while nobody talks.
///
///   loop thread      rings, board, the index in memory, the extractor's decisions; never waits
///   database worker  the one connection, the spool, replays
///   model worker     one question to the language model at a time
///   memory.sock      what a person wants to see, or have forgotten (desk.hpp)
///
/// A frame is released when its message is committed or in the spool. READY does not wait for the database.
/// Drain: end-of-stream on `turns` -> everything stored -> extraction until memory.drain_model_s -> leases
/// handed back, connection closed, "DRAINED=n DEFERRED=m" on stdout -> finished.
class MemoryStage final : public stage::Stage {
 public:
  struct Parts {
    std::unique_ptr<MemoryStore> store;
    std::unique_ptr<ExtractionModel> model;  // null: no extraction
    std::string engine;                      // shown by status
    DenseLeg::Parts dense;                   // without an embedder: memories are found by words alone
  };
  MemoryStage(stage::StageContext& context, Parts parts);
  ~MemoryStage() override;

  void start() override;
  int do_work(Nanos now) override;
  [[nodiscard]] Nanos next_deadline(Nanos now) const override;
  [[nodiscard]] bool finished() const override { return phase_ == Phase::kFinished; }
  void stop() noexcept override;

 private:
  enum class Phase { kRunning, kStoring, kExtracting, kClosing, kFinished };
  struct Frame {
    std::uint64_t sequence;
    bool done;
  };
  struct Request {
    wire::RecallRequest head;
    std::string query;
  };
  struct OpenRequest {  // vectors or ranks may still come for it
    Request request;
    std::vector<MessageKey> found;  // what is being ranked
  };

  int intake(Nanos now);
  void take_frame(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now);
  void release_done();
  int take_told(Nanos now);
  void remember(const std::vector<Message>& messages);
  void on(told::Stored& stored, Nanos now);
  void on(told::Loaded& loaded, Nanos now);
  void on(told::Facts& facts, Nanos now);
  void on(told::Found& found, Nanos now);
  void on(told::History& history, Nanos now);
  void on(told::Claimed& claimed, Nanos now);
  void on(told::CommunityClaimed& claimed, Nanos now);
  void on(told::Communities& communities, Nanos now);
  void on(told::JobClosed& closed, Nanos now);
  void on(told::JobsDone& done, Nanos now);
  void on(told::Gauges& gauges, Nanos now);
  void on(told::Closed& closed, Nanos now);
  void on(told::Forgotten& forgotten, Nanos now);
  void on(told::Answer& answer, Nanos) { desk_.answer(answer); }
  void answer(const Request& request, Nanos now);
  [[nodiscard]] Desk::Ports desk_ports();
  [[nodiscard]] std::size_t index_bytes() const;
  [[nodiscard]] DatabaseTask::Folders database_folders() const;
  [[nodiscard]] ModelUse daily_budget() const;
  [[nodiscard]] RecallBudget block_limit(const wire::RecallRequest& request) const;
  // stage_vectors.cpp
  [[nodiscard]] std::vector<TurnIndex::Vote> votes_at_once(const Request& request);
  void ask_services(const Request& request, const std::vector<TurnIndex::Vote>& votes);
  void rank(OpenRequest& open, const std::vector<TurnIndex::Vote>& votes);
  int take_vectors(Nanos now);
  void answer_again(OpenRequest& open, const DenseLeg::Answer& answer, Nanos now);
  void count_reads();
  void publish_profile(Nanos now);
  void watch_board(Nanos now);
  [[nodiscard]] std::uint32_t generation_of(std::string_view program) const noexcept;
  void drain_step(Nanos now);
  void limit_storing(Nanos now);
  void count(std::string_view label, std::uint64_t value) { context_->counter(label).store(value); }

  stage::StageContext* context_;
  Parts parts_;
  ipc::Input* turns_;
  Outbox outbox_;
  NamesOutlet names_;
  Recall recall_;
  std::unique_ptr<DatabaseWorker> database_;
  std::unique_ptr<DenseLeg> dense_;  // null: there is none
  std::unique_ptr<ModelWorker> model_;
  std::unique_ptr<Extractor> extractor_;
  Desk desk_;

  Phase phase_ = Phase::kRunning;
  std::deque<Frame> in_hand_;
  std::optional<std::uint64_t> end_of_stream_;  // its sequence
  std::deque<Told> told_;
  std::optional<Request> last_request_;  // answered before everything was loaded
  bool loaded_ = false;
  std::uint64_t generation_ = 0;
  std::uint64_t recalls_ = 0;
  std::uint64_t recalls_by_vectors_ = 0;
  std::uint64_t recalls_by_database_ = 0;
  ReadTally reads_;
  std::deque<OpenRequest> open_;
  std::uint64_t model_calls_ = 0;
  told::Gauges gauges_{{}, false, 0, 0, 0, {}};
  Nanos quiet_since_ = kNever;
  Nanos reply_until_ = 0;  // a question was stored, the end of its reply was not
  std::uint64_t drained_ = 0;
  Nanos drain_began_ = 0;  // the database was told how long it has
  bool storing_hurried_ = false;
};

}  // namespace prot::memory

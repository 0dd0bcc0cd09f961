#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "memory/memory_stage.hpp"
#include "tests/support/private_run.hpp"
#include "tests/support/temp_folder.hpp"

namespace prot::test {

/// A model that answers as it is told, when it is told to.
class ScriptedModel final : public memory::ExtractionModel {
 public:
  /// What the test and the model's thread share.
  struct Script {
    std::mutex mutex;
    std::condition_variable changed;
    std::string answer = R"({"facts":[],"entities":[]})";
    bool hang = false;  // until it is cancelled
    int asked = 0;
    int cancelled = 0;
  };
  explicit ScriptedModel(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  std::string ask(std::string_view, std::string_view, std::string_view, std::stop_token stop) override;

 private:
  std::shared_ptr<Script> script_;
};

/// What came on `recall`.
struct Recalled {
  std::uint64_t request = 0;
  bool history = false;
  std::uint32_t tokens = 0;
  std::string text;
};

/// prot-memory on real rings with its real threads; the test is brain and supervisor. Each wait has a
/// deadline and is woken by the stage's bell.
class MemoryBench {
 public:
  using StoreMaker = std::function<std::unique_ptr<memory::MemoryStore>()>;
  explicit MemoryBench(StoreMaker store, std::vector<std::string> overrides = {});
  ~MemoryBench();

  /// A new process: the old one was killed (its frames in hand were not released) or asked to end.
  void start();
  void kill() { end(); }

  void send(const memory::TurnRecord& record);
  void send(const std::vector<memory::TurnRecord>& records) {
    for (const memory::TurnRecord& record : records) send(record);
  }
  void ask(std::uint64_t request, std::string_view question, const wire::ConversationId& conversation,
           std::uint32_t max_tokens = 120);
  void ask_history(std::uint64_t request, const wire::ConversationId& conversation);
  void ask_desk(std::uint64_t request, std::string_view command);
  void end_of_stream();

  /// Duty cycles until it is so, at most `limit`. False: it never was.
  bool until(const std::function<bool()>& condition, Nanos limit = 20 * kSecond);
  /// Duty cycles for a while: for what must not happen.
  void work_for(Nanos time) {
    (void)until([] { return false; }, time);
  }
  /// The answer to a request, within `limit`; an empty one with request 0 when none came.
  Recalled answer(std::uint64_t request, Nanos limit = 20 * kSecond);
  [[nodiscard]] std::uint64_t gauge(std::string_view label) { return run.counter(label); }
  /// Everything that was sent is released.
  bool all_released() {
    return until([this] { return run.into("turns").used() == 0; });
  }
  void set_conversation(ipc::ConversationState state) {
    run.board_of("brain").conversation().state.store(static_cast<std::uint32_t>(state));
  }
  std::filesystem::path spool(const std::string& whose) const;
  std::filesystem::path runtime_file(const std::string& name) const;
  /// What brain was told to forget: sequences.
  [[nodiscard]] const std::vector<std::uint64_t>& forgotten() const noexcept { return forgotten_; }

  TempFolder folder;  // of state and runtime; made before the run reads XDG_*
  SteadyClock clock;
  std::shared_ptr<ScriptedModel::Script> script = std::make_shared<ScriptedModel::Script>();
  bool with_model = true;
  std::function<memory::DenseLeg::Parts()> dense;  // empty: without vectors

 private:
  struct Environment {
    explicit Environment(const TempFolder& folder);
  };
  void end();
  void take_recall();

  Environment environment_;

 public:
  PrivateRun run;

 private:
  StoreMaker make_store_;
  std::unique_ptr<stage::StageContext> context_;

 public:
  std::unique_ptr<memory::MemoryStage> stage;

 private:
  std::map<std::uint64_t, Recalled> answers_;
  std::vector<std::uint64_t> forgotten_;
};

}  // namespace prot::test

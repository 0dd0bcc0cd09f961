#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "brain/brain_stage.hpp"
#include "fake_model.hpp"
#include "support/private_run.hpp"
#include "support/temp_folder.hpp"

namespace prot::test {

/// What went out on a ring: kind, turn, text, and the number in its head.
struct Sent {
  wire::Kind kind;
  std::uint32_t turn;
  std::string text;
  std::uint64_t number = 0;  // segment, message sequence or count
  bool interrupted = false;
  std::uint32_t most = 0, line = 0;  // of a recall request: tokens
  friend bool operator==(const Sent&, const Sent&) = default;
};
std::vector<Sent> of_kind(const std::vector<Sent>& all, wire::Kind kind);

/// A brain on a private run, driven by hand: the test is capture, stt, tts, player, memory, model and clock.
class BrainBench {
 public:
  using Tools = std::function<std::vector<std::unique_ptr<brain::ToolBackend>>()>;
  explicit BrainBench(std::vector<std::string> overrides = {},
                      const std::map<std::string, std::uint64_t>& capacities = {}, Tools tools = {});

  /// Duty cycles until nothing moves.
  void work();
  void advance(Nanos by) {
    clock.advance(by);
    work();
  }
  /// The brain dies as by SIGKILL and comes again; frames that it did not release come again too.
  void restart();

  void hear(wire::Heard what, std::uint32_t utterance, Nanos at = 0);
  void transcript(wire::TranscriptKind what, std::uint32_t utterance, std::string_view text,
                  Nanos speech_start = 0, Nanos speech_end = 0);
  /// A whole utterance, heard and recognised.
  void say(std::uint32_t utterance, std::string_view text);
  void play(wire::Played what, std::uint32_t turn, std::uint32_t segment = 0, std::uint32_t bytes = 0,
            std::uint32_t samples = 1000);
  void recall(std::uint64_t request, std::string_view block);
  void end_of_stream(std::string_view ring);

  /// What is new on an output ring.
  std::vector<Sent> sent(std::string_view ring);
  std::string spoken();  // the texts of new segments, each in <>
  ipc::ConversationState state() { return static_cast<ipc::ConversationState>(page().state.load()); }
  ipc::ConversationPage& page() { return run->board_of("supervisor").conversation(); }
  std::uint32_t turn() { return page().voice_turn.load(); }

  TempFolder folder;
  FakeClock clock;
  std::unique_ptr<PrivateRun> run;
  std::unique_ptr<stage::StageContext> context;
  FakeModel* model = nullptr;  // owned by the stage
  std::unique_ptr<brain::BrainStage> stage;

 private:
  void make();

  Tools tools_;
};

}  // namespace prot::test

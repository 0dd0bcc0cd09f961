#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heard_sound.hpp"
#include "ipc/board.hpp"
#include "ipc/channel.hpp"
#include "stage_process.hpp"
#include "tests/support/temp_folder.hpp"
#include "wire/speech_out.hpp"
#include "wire/topology.hpp"

namespace prot::test {

inline std::string tts_program;
inline std::string player_program;
inline const SteadyClock kClock;

/// The voice and the loudspeaker as processes; the test is brain and supervisor.
struct Rig {
  /// `sink`: of the player; empty: a WAV file. `piper_model`: empty: the installed one.
  explicit Rig(const std::string& voice, std::string sink = {}, const std::string& piper_model = {})
      : settings("tts.voice_en=" + voice + (piper_model.empty() ? "" : "\ntts.piper_model=" + piper_model) +
                 "\ntts.voice_ko=null\ngeneral.language=en"),
        sink_settings(std::move(sink)) {
    for (const std::string_view name : wire::kDrainOrder) bells.emplace(name, ipc::Doorbell::create());
    names.push_back(ipc::segment_name(instance, kRun, "board"));
    board.emplace(ipc::Board::create(instance, kRun, {wire::kPrograms.begin(), wire::kPrograms.end()}));
    brain_board.emplace(ipc::Board::open(names.front(), "brain"));
    for (const char* name : {"speech", "pcm", "playback", "echo"}) {
      names.push_back(ipc::segment_name(instance, kRun, name));
      segments.push_back(ipc::RingSegment::create(names.back(), wire::spec_of(*wire::find_ring(name)), kRun));
    }
    speech.emplace(ipc::RingSegment::open(names[1], ipc::Role::kProducer), &bells.at("tts"), kClock);
    playback.emplace(ipc::RingSegment::open(names[3], ipc::Role::kConsumer), &bells.at("player"), kClock);
    start_player();
    start_tts();
  }
  ~Rig() {
    tts.reset();
    player.reset();
    for (const std::string& name : names) ipc::unlink_segment(name);
  }

  void start_tts() {
    tts.reset();
    tts = std::make_unique<Process>("tts", tts_program, instance, ++generation, settings, bells);
  }
  void start_player() {
    player.reset();
    const std::string file = recording(++files);
    const std::string sink = sink_settings.empty() ? "player.sink=wav\nplayer.device=" + file : sink_settings;
    player = std::make_unique<Process>("player", player_program, instance, ++generation,
                                       settings + "\n" + sink, bells);
  }
  /// The WAV file of the nth player.
  [[nodiscard]] std::string recording(int number) const {
    return (folder.path() / ("heard" + std::to_string(number) + ".wav")).string();
  }
  void segment(std::uint32_t turn, std::uint32_t number, std::string_view text, std::uint32_t joins = 0) {
    REQUIRE(wire::send(*speech, wire::Segment{number, {'e', 'n', 0, 0}, joins}, wire::as_bytes(text),
                       {.turn = turn}) == ipc::PublishResult::kOk);
  }
  void turn_end(std::uint32_t turn, std::uint32_t count) {
    REQUIRE(wire::send(*speech, wire::TurnEnd{count, 0}, {}, {.turn = turn}) == ipc::PublishResult::kOk);
  }
  void end_of_stream() {
    REQUIRE(wire::send(*speech, wire::EndOfStream{}, {}, {}) == ipc::PublishResult::kOk);
  }
  /// Waits for a report of this kind; at most 20 s.
  wire::Playback wait_for(wire::Played what) {
    const Nanos deadline = monotonic_now() + 60 * kSecond;  // a voice may be read from the disk first
    while (monotonic_now() < deadline) {
      bells.at("brain").clear();
      ipc::FrameInfo info;
      std::span<const std::byte> payload;
      std::span<const std::byte> tail;
      while (playback->peek(info, payload) == ipc::TakeResult::kFrame) {
        wire::Playback head{};
        const bool is_report = wire::decode(info, payload, head, tail);
        ended |= wire::is<wire::EndOfStream>(info);
        playback->release();
        if (!is_report) continue;
        if (head.what != wire::Played::kHeard) seen.push_back(head.what);
        if (head.what == wire::Played::kSegmentDone) done.push_back(head);
        if (head.what == what) return head;
      }
      // Unarmed tickets ring no bell for us: look every few milliseconds.
      ::poll(nullptr, 0, 2);
    }
    FAIL("no report of kind " << static_cast<int>(what));
    return {};
  }
  /// Milliseconds of sound in all that was ever played.
  [[nodiscard]] double sound_ms() {
    player.reset();
    double total = 0;
    for (int i = 1; i <= files; ++i) total += test::sound_ms(recording(i));
    return total;
  }
  [[nodiscard]] std::vector<double> tones_ms() const { return test::tones_ms(recording(files)); }

  test::TempFolder folder;
  std::string instance = "voice-" + std::to_string(::getpid());
  std::string settings;
  std::string sink_settings;
  std::map<std::string, ipc::Doorbell> bells;
  std::vector<std::string> names;
  std::optional<ipc::Board> board;
  std::optional<ipc::Board> brain_board;
  std::vector<ipc::RingSegment> segments;
  std::optional<ipc::Output> speech;
  std::optional<ipc::Input> playback;
  std::unique_ptr<Process> tts;
  std::unique_ptr<Process> player;
  std::vector<wire::Played> seen;
  std::vector<wire::Playback> done;
  std::uint32_t generation = 0;
  int files = 0;
  bool ended = false;
};

}  // namespace prot::test

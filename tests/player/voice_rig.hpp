#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "ipc/board.hpp"
#include "ipc/channel.hpp"
#include "tests/support/temp_folder.hpp"
#include "wire/speech_out.hpp"
#include "wire/topology.hpp"

extern char** environ;

namespace prot::test {

inline constexpr const char* kRun = "run1";
inline std::string tts_program;
inline std::string player_program;
inline const SteadyClock kClock;

/// One stage's process; dies with the object.
class Process {
 public:
  Process(const std::string& stage, const std::string& program, const std::string& instance,
          std::uint32_t generation, const std::string& settings,
          const std::map<std::string, ipc::Doorbell>& bells) {
    int ready[2];
    int lifeline[2];
    if (::pipe2(ready, O_CLOEXEC) != 0 || ::pipe2(lifeline, O_CLOEXEC) != 0) throw errno_error("pipe");
    ready_.reset(ready[0]);
    lifeline_.reset(lifeline[1]);
    const UniqueFd ready_child(ready[1]);
    const UniqueFd lifeline_child(lifeline[0]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // High numbers, so that no descriptor lands on one that is still to be copied.
    int next = 200;
    const auto give = [&](int fd) {
      posix_spawn_file_actions_adddup2(&actions, fd, next);
      return std::to_string(next++);
    };
    std::vector<std::string> environment;
    for (char** one = environ; *one != nullptr; ++one)
      if (!std::string_view(*one).starts_with("PROT_")) environment.emplace_back(*one);
    environment.push_back("PROT_INSTANCE=" + instance);
    environment.push_back(std::string("PROT_RUN=") + kRun);
    environment.push_back("PROT_GENERATION=" + std::to_string(generation));
    environment.push_back("PROT_READY_FD=" + give(ready_child.get()));
    environment.push_back("PROT_LIFELINE_FD=" + give(lifeline_child.get()));
    std::string list;
    for (const auto& [name, bell] : bells) list += (list.empty() ? "" : ",") + name + "=" + give(bell.fd());
    environment.push_back("PROT_BELLS=" + list);
    environment.push_back("PROT_CONFIG=");
    environment.push_back("PROT_SET=" + settings);
    std::vector<char*> envp;
    for (std::string& one : environment) envp.push_back(one.data());
    envp.push_back(nullptr);
    std::string argv0 = program;
    char* argv[] = {argv0.data(), nullptr};
    const Nanos begin = monotonic_now();
    const int error = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw errno_error("cannot start " + program, error);
    pollfd wait{ready_.get(), POLLIN, 0};
    char line[16] = {};
    if (::poll(&wait, 1, 20'000) != 1 || ::read(ready_.get(), line, sizeof line) <= 0)
      throw Error(stage + " does not get ready");
    start_ms = (monotonic_now() - begin) / kMillisecond;
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { end(SIGKILL); }

  /// The exit code, or -signal.
  int end(int signal) {
    if (pid_ <= 0) return 0;
    if (signal != 0) ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  Nanos start_ms = 0;

 private:
  pid_t pid_ = -1;
  UniqueFd ready_;
  UniqueFd lifeline_;
};

struct Rig {
  /// `sink`: of the player; empty: a WAV file.
  explicit Rig(const std::string& voice, std::string sink = {})
      : settings("tts.voice_en=" + voice + "\ntts.voice_ko=null\ngeneral.language=en"),
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
    const Nanos deadline = monotonic_now() + 20 * kSecond;
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
    for (int i = 1; i <= files; ++i) {
      audio::WavReader reader(recording(i));
      const std::vector<std::int16_t> samples = reader.read_all();
      // By windows of 5 ms: a tone crosses zero.
      const std::size_t window = reader.rate() / 200;
      for (std::size_t at = 0; at + window <= samples.size(); at += window)
        if (std::any_of(samples.begin() + static_cast<std::ptrdiff_t>(at),
                        samples.begin() + static_cast<std::ptrdiff_t>(at + window),
                        [](std::int16_t s) { return std::abs(static_cast<int>(s)) > 600; }))
          total += 5;
    }
    return total;
  }

  /// How long each tone was in the newest recording: runs of sound, parted by 20 ms of silence.
  [[nodiscard]] std::vector<double> tones_ms() const {
    audio::WavReader reader(recording(files));
    const std::vector<std::int16_t> samples = reader.read_all();
    const std::size_t gap = reader.rate() / 50;
    std::vector<double> tones;
    std::size_t begin = 0;
    std::size_t last = 0;  // loud
    bool in_tone = false;
    const auto end_tone = [&] {
      if (in_tone) tones.push_back(static_cast<double>(last - begin) * 1000 / reader.rate());
      in_tone = false;
    };
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (std::abs(static_cast<int>(samples[i])) <= 200) {
        if (in_tone && i - last > gap) end_tone();
        continue;
      }
      if (!in_tone) begin = i;
      in_tone = true;
      last = i;
    }
    end_tone();
    return tones;
  }

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

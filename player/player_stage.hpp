#pragma once

#include <deque>
#include <memory>

#include "audio_thread.hpp"
#include "feeder.hpp"
#include "stage/context.hpp"
#include "stage/stage.hpp"
#include "timeline.hpp"

namespace prot::player {

/// pcm -> loudspeaker -> playback, echo: keeps the audio thread's queue about 100 ms ahead and says what has
/// been heard, by the device's own account. Single-threaded (the loop); the audio thread is behind Playout.
/// Invariants: frames of a segment stay in the ring until the whole segment was heard, so a restarted player
/// goes on at the sample of the playback page; of a cancelled turn nothing is queued; every turn ends with
/// kTurnDone or kCutAt, the latter also for one of which nothing came.
///
///   frame        | turn cancelled | else
///   start        | drop           | pause between segments, then a new span (or the rest of a restarted one)
///   audio, align | drop           | queued, up to 100 ms ahead
///   segment end  | drop           | kSegmentDone and release when its last sample was heard
///   turn end     | drop           | kTurnDone when all before it was heard
///   end of stream| -              | forwarded when all was heard: finished
class PlayerStage final : public stage::Stage {
 public:
  /// `context` must outlive it.
  PlayerStage(stage::StageContext& context, std::shared_ptr<Playout> playout,
              std::unique_ptr<PlayoutRunner> runner);

  void start() override;
  int do_work(Nanos now) override;
  [[nodiscard]] Nanos next_deadline(Nanos now) const override;
  [[nodiscard]] bool finished() const override { return finished_; }
  void stop() noexcept override;

 private:
  struct HeldFrame {
    std::uint64_t sequence;
    std::uint32_t turn;
    std::uint64_t end;  // position behind its samples
  };
  struct TurnEnd {
    std::uint32_t turn;
    std::uint32_t segments;
    std::uint64_t sequence;
  };
  struct Position {
    std::uint32_t turn = 0;
    std::uint32_t segment = 0;
    std::uint32_t rate = 0;
    Span::Place place;
  };

  [[nodiscard]] int read_reports(Nanos now);
  void obey(const Report& report, Nanos now);
  void send_echo(const Report& report);
  void announce_echo(std::uint32_t turn, Nanos now);
  void cut(std::uint64_t cancelled, std::uint64_t heard, Nanos now);
  [[nodiscard]] bool cut_pending(Nanos now);

  [[nodiscard]] int feed(Nanos now);
  [[nodiscard]] bool wants_more() const;
  void take(const ipc::FrameInfo& info, std::span<const std::byte> payload, Nanos now);
  [[nodiscard]] Nanos quiet_since(std::uint32_t turn) const;
  void make_room(std::uint64_t heard);

  [[nodiscard]] int tell(Nanos now);
  void tell_started(std::uint64_t heard, const Span& span);
  void tell_segment_done(const Span& span);
  [[nodiscard]] int tell_turns_done(Nanos now);
  void tell_position(std::uint64_t heard, Nanos now);
  [[nodiscard]] bool say(const wire::Playback& head, std::uint32_t turn, std::uint64_t covers = 0);
  void show(Nanos now, bool playing);
  void finish();
  void release_through(std::uint64_t sequence);
  [[nodiscard]] bool all_heard(Nanos now);

  stage::StageContext* context_;
  std::shared_ptr<Playout> playout_;
  std::unique_ptr<PlayoutRunner> runner_;
  ipc::Input* pcm_;
  ipc::Output* playback_;
  ipc::Output* echo_;
  std::size_t source_;
  Timeline timeline_;
  PlayoutClock clock_;
  Feeder feeder_;
  Report report_;
  std::deque<HeldFrame> in_hand_;
  std::deque<TurnEnd> turn_ends_;
  Position position_;               // last one shown
  std::uint64_t cut_through_ = 0;   // turns <= this were cut
  Nanos cut_seen_ns_ = 0;           // when a cancel was seen that the audio thread has not answered; 0: none
  Nanos hold_seen_ns_ = 0;          // on the board
  bool held_ = false;               // a hold was seen, and its end not yet
  std::uint32_t turn_done_ = 0;     // newest turn that was heard to its end
  std::uint32_t turn_started_ = 0;  // newest turn that kStarted was said of
  Nanos heard_said_ns_ = 0;
  Nanos last_end_ns_ = 0;  // when the newest segment ended at the DAC; kNever: not known yet
  std::uint32_t last_end_turn_ = 0;
  std::uint64_t end_of_stream_ = 0;  // 1 + its sequence; 0: not yet
  bool input_over_ = false;
  bool playing_ = false;
  bool echo_resync_ = false;
  bool finished_ = false;
};

/// The stage with the loudspeaker that the configuration names. Throws UsageError.
[[nodiscard]] std::unique_ptr<stage::Stage> make_player_stage(stage::StageContext& context);

}  // namespace prot::player

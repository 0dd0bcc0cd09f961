#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "synthesizer.hpp"

namespace prot::tts {

/// What all voices of services have in common: one segment at a time, and what is ready of it. Threads: the
/// owner's; a transport may have a worker. Invariants: what came of a segment that was given up is not
/// polled; while something waits to be polled, nothing more is taken from the service, so that the rest stays
/// on the network (back-pressure).
///
///   the segment ...                               | does
///   fails before its first sound, and that passes | is asked for once more, when the service wants it
///   fails later, or again, or for good            | kFailed
///   is complete                                   | kDone
class ServiceVoice : public Synthesizer {
 public:
  void start() override {}
  void begin(const SpeechRequest& request) final;
  [[nodiscard]] bool poll(Piece& piece) final;
  void cancel() noexcept final;
  void stop() noexcept override { cancel(); }
  [[nodiscard]] Nanos next_deadline() const override { return ask_at_; }
  /// Without the model: the board has 47 characters for both languages.
  [[nodiscard]] std::string name() const final { return std::string(name_); }

 protected:
  /// `clock`: null: CLOCK_MONOTONIC; else it must outlive the voice.
  ServiceVoice(std::string_view name, const Clock* clock);

  /// Asks for request(); what came of it before is forgotten.
  virtual void ask() = 0;
  /// Takes what has come.
  virtual void receive() = 0;
  /// Behind receive(), or where that was not called for something is still to be polled (`held`).
  virtual void look_at_time(Nanos /*now*/, bool /*held*/) {}
  /// Ends what is under way at the service: it is of no use.
  virtual void hang_up() noexcept = 0;
  /// The same for a segment that nobody wants any more.
  virtual void give_up() noexcept { hang_up(); }
  [[nodiscard]] virtual bool has_audio() const = 0;
  [[nodiscard]] virtual Piece piece(Piece::Kind kind) const = 0;

  [[nodiscard]] const SpeechRequest& request() const noexcept { return request_; }
  [[nodiscard]] Nanos began() const noexcept { return began_; }
  [[nodiscard]] Nanos now() const noexcept { return clock_->now(); }
  [[nodiscard]] std::deque<Piece>& pieces() noexcept { return pieces_; }
  /// A segment is under way.
  [[nodiscard]] bool is_speaking() const noexcept { return speaking_; }
  /// It was asked for, and has not failed since.
  [[nodiscard]] bool is_expected() const noexcept { return speaking_ && ask_at_ == kNever; }
  [[nodiscard]] bool may_ask_again() const { return !again_ && !has_audio(); }
  /// kDone is among the pieces.
  void finished() noexcept { speaking_ = false; }
  void fail(VoiceError error, const std::string& why, Nanos retry_after = 0);

 private:
  const std::string_view name_;
  SteadyClock steady_;
  const Clock* clock_;
  SpeechRequest request_;
  std::deque<Piece> pieces_;
  Nanos began_ = 0;
  Nanos ask_at_ = kNever;
  bool speaking_ = false;
  bool again_ = false;  // it was asked for twice
};

}  // namespace prot::tts

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "outbox.hpp"
#include "text/sentence_splitter.hpp"
#include "turn_journal.hpp"
#include "wire/speech_out.hpp"

namespace prot::brain {

/// One voice reply under way: model text in, segments out to the voice and to memory, and what was heard of
/// it.
///
///   phase   | left by
///   recall  | memory's answer or its time is over -> model
///   model   | the model's last word, a failure or a notice -> playing; a tool's call -> tools
///   tools   | the last result -> model; what was said before the call is spoken on meanwhile
///   playing | the player's "turn done" -> over
///   cut     | the player's "cut at", or 200 ms -> over          (cancelled in any phase before)
///
/// Every turn that got here ends with one TurnEnd in `speech`. One thread.
class Reply {
 public:
  enum class Phase { kRecall, kModel, kTools, kPlaying, kCut };
  struct Links {
    Outbox* speech;
    Outbox* turns;
    TurnJournal* journal;
    std::string language;                                  // of a segment that does not tell
    const std::function<void(std::string_view)>* publish;  // events for subscribers
  };

  /// REQUIRES: the record is in the journal. `phase`: where a predecessor left it.
  Reply(TurnRecord record, Links links, Phase phase);

  /// Text of the model. Segments go out as soon as they are complete.
  void add_text(std::string_view delta, Nanos now);
  /// Something prot says by itself; it is no part of the conversation.
  void say(std::string_view notice, Nanos now);
  /// The same, because the answer takes long.
  void say_wait(std::string_view notice, Nanos now);
  /// What a predecessor wrote down, but did not give to the voice.
  void say_again(const std::vector<SpokenSegment>& lost, Nanos now);
  /// The model has said its last: what the splitter holds goes out.
  void finish_text(Nanos now);
  /// The model waits for tools: what it said so far goes out; what comes next is another round's. -> tools
  void use_tools(const ToolRound& round, Nanos now);
  /// Nothing more to say: TurnEnd. -> playing
  void end(Nanos now);
  /// A predecessor had ended it already. -> playing
  void resume_playing() noexcept { phase_ = Phase::kPlaying; }
  /// Cancelled: what waits is dropped, TurnEnd is said. -> cut
  void cut(Nanos now, Nanos deadline);
  void ask_model(Nanos request_ns) noexcept;  // -> model

  /// The player's account: `segment` was heard up to `bytes` of its text, those before it wholly.
  void heard(std::uint32_t segment, std::uint32_t bytes);
  /// `segment` is over; a voice that failed leaves samples and bytes at 0.
  void segment_done(std::uint32_t segment, std::uint32_t bytes, std::uint32_t samples);
  void heard_all();
  /// Exactly what was heard, without notices.
  [[nodiscard]] std::string heard_text() const;
  /// The same of one round; the last one is behind all tools.
  [[nodiscard]] std::string heard_text(std::uint32_t round) const;

  [[nodiscard]] Phase phase() const noexcept { return phase_; }
  [[nodiscard]] bool silent() const noexcept { return record_.segments.empty(); }
  /// The same as it was given to the voice, heard or not.
  [[nodiscard]] std::string given_text(std::uint32_t round) const;
  /// A predecessor may have read that they are over: what was heard wholly is.
  void assume_done();
  /// All that was given so far is over; true when nothing was.
  [[nodiscard]] bool spoken_out() const noexcept;
  /// It was said to its end, and all of it was heard: a cancel that came behind that has interrupted nothing.
  [[nodiscard]] bool wholly_heard() const noexcept;
  /// Tool rounds begun.
  [[nodiscard]] std::uint32_t round() const noexcept { return round_; }
  /// Some of the model's words were given to the voice.
  [[nodiscard]] bool answers() const noexcept;
  [[nodiscard]] Nanos cut_deadline() const noexcept { return cut_deadline_; }
  [[nodiscard]] const TurnRecord& record() const noexcept { return record_; }
  [[nodiscard]] Waterfall& waterfall() noexcept { return record_.waterfall; }
  [[nodiscard]] std::uint32_t turn() const noexcept { return record_.waterfall.turn; }

 private:
  void emit(std::string_view text, bool notice, Nanos now);
  void push_end();

  TurnRecord record_;
  Links links_;
  Phase phase_;
  text::SentenceSplitter splitter_;
  std::vector<bool> done_;     // by segment: the player said how it ended
  bool sentence_over_ = true;  // with the newest segment
  Nanos cut_deadline_ = 0;
  std::uint32_t round_ = 0;
};

/// "ko" when the text has Hangul, "en" when it has Latin letters, else `fallback`.
[[nodiscard]] std::string_view segment_language(std::string_view text, std::string_view fallback) noexcept;

}  // namespace prot::brain

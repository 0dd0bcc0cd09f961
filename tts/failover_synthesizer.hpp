#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/back_off.hpp"
#include "synthesizer.hpp"

namespace prot::tts {

/// The voices of each language in the order in which they are to speak; when one fails or is silent, the next
/// one takes over with the segment, and player goes on with the first word that it has not. When none is
/// left, two falling tones say so, once a turn. Thread safety: as Synthesizer. Invariants: of a request at
/// most one voice is at work; while one is at work, none is probed.
///
///   the voice ...          | before its first sample          | later
///   fails                  | once more, then the next one     | the next one
///   refuses, or has tried  | the next one                     | the next one
///   again by itself        |                                  |
///   is silent for the time | the next one                     | the next one
///   falls behind by it     | -                                | the next one; if there is none, after 4
///   times it there is no next one   | the tones, then failed           | the tones, then failed
///
/// A voice that failed says a word in the background, heard by nobody, while there is nothing to say; when it
/// does, it has the next turn on trial (BackOff; a voice that changes within one is worse). Only when no
/// other is left it is tried by a turn itself.
class FailoverSynthesizer final : public Synthesizer {
 public:
  using Chain = std::vector<std::shared_ptr<Synthesizer>>;
  /// `voices` by language, each at least one; `fallback`: the language of requests in any other. `silence`: a
  /// voice that makes no sound for this time, or lags as much behind who hears it, has failed.
  FailoverSynthesizer(const std::map<std::string, Chain>& voices, std::string fallback, Nanos silence,
                      const Clock& clock);

  /// Loads the first voice of each language. One that does not load is told and left for later.
  void start() override;
  void begin(const SpeechRequest& request) override;
  [[nodiscard]] bool poll(Piece& piece) override;
  void tend() override;
  void cancel() noexcept override;
  void stop() noexcept override;
  [[nodiscard]] Nanos next_deadline() const override;
  /// "en: piper joe, ko: espeak-ng ko"; a voice that took over is followed by a "!".
  [[nodiscard]] std::string name() const override;

 private:
  enum class Rank { kWell, kWellAgain, kPerhaps, kNo };  // who is asked first
  struct Candidate {
    std::shared_ptr<Synthesizer> voice;
    BackOff back_off;
    Nanos probe_until = 0;  // 0: none under way
    std::optional<std::uint32_t> failed_turn{};
    std::optional<std::uint32_t> spoken_turn{};  // the newest one in which it has not failed
  };
  struct Speaker {
    std::vector<Candidate> candidates;
    std::size_t used = 0;  // of the newest request
  };

  [[nodiscard]] Speaker& speaker_for(const std::string& language);
  [[nodiscard]] Rank rank_of(const Candidate& candidate, Nanos now) const;
  void fail(Candidate& candidate, const std::string& why, Nanos now);
  void probe(Candidate& candidate, const std::string& language, Nanos now);
  void probe_failed(Candidate& candidate, const std::string& why, Nanos now);
  void break_probes(Nanos now) noexcept;
  void spoke(Candidate& candidate) const noexcept;
  void judge_turn() noexcept;
  /// Hands the request to the first voice that may speak. False: there is none.
  [[nodiscard]] bool hand_to(Nanos now);
  [[nodiscard]] bool look(Piece& piece, Nanos now);
  [[nodiscard]] bool take_over(Piece& piece, const std::string& why, Nanos now);
  [[nodiscard]] Nanos longest_lag(Nanos now) const;
  void give_up(const std::string& why);

  std::map<std::string, Speaker> speakers_;
  std::string fallback_;
  Nanos silence_;
  const Clock* clock_;

  SpeechRequest request_;
  Speaker* speaker_ = nullptr;  // of the request under way; null: there is none
  bool heard_ = false;          // the voice at work has given samples
  bool retried_ = false;
  Nanos silent_since_ = 0;         // the first look that found nothing; 0: none yet
  Nanos looked_ = 0;               // the newest one
  bool waits_ = false;             // it found nothing
  Nanos lag_ = 0;                  // of the sound, since its first sample; negative: ahead of who hears it
  std::vector<Piece> last_words_;  // of a request that no voice says, newest first
  std::uint32_t notice_turn_ = 0;  // that the tones were played in
};

/// Two falling tones, 300 ms.
[[nodiscard]] std::vector<std::int16_t> notice_tones(unsigned rate);

}  // namespace prot::tts

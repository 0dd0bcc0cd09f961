// VoiceTurns: what a person says to memory itself.
#include <utility>

#include "voice_turns.hpp"

namespace prot::brain {

MemoryTalk::Result VoiceTurns::talk_of_memory(std::string_view words, Nanos began, Nanos now) {
  if (words.empty() || !answering_) return {};
  return parts_.talks.take(parts_.journal.conversation(), words, segment_language(words, parts_.language),
                           began, now);
}

VoiceTurns::Taken VoiceTurns::say_of_memory(const std::vector<std::string>& pieces, TurnRecord record,
                                            Nanos now) {
  model_.consent().drop();  // a yes can only be to one question
  preparation_.give_up();
  say_own(pieces, std::move(record), now);
  return Taken::kDone;
}

// The words are over when the wish is in `turns`: a restarted brain does not obey them again.
VoiceTurns::Taken VoiceTurns::obey(MemoryWish wish, const ipc::FrameInfo& info,
                                   const wire::Transcript& transcript, std::string_view words, Nanos now) {
  TurnRecord record = new_record(info, transcript);
  wire::SendOptions options;
  options.turn = record.waterfall.turn;
  options.sources.seq[parts_.context.input_index("transcript")] = info.sequence + 1;
  transcript_held_ = true;
  const Obeyed done = carry_out(parts_, wish, record.conversation, segment_language(words, parts_.language),
                                options, [this, sequence = info.sequence] {
                                  parts_.context.input("transcript").release_through(sequence);
                                  transcript_held_ = false;
                                });
  if (!done.pushed) transcript_held_ = false;
  if (answering_) {
    preparation_.give_up();
    say_own({done.words}, std::move(record), now);
  } else {
    give_up_listening();
  }
  return done.pushed ? Taken::kHeld : Taken::kDone;
}

}  // namespace prot::brain

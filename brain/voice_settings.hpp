#pragma once

#include <string>
#include <vector>

#include "barge_in.hpp"

namespace prot::brain {

struct VoiceSettings {
  BargeInSettings barge_in;
  std::vector<std::string> backchannels;  // empty: the built-in ones
  std::vector<std::string> stop_words;
  Nanos active_timeout = 30 * kSecond;
  Nanos recall_wait = 50 * kMillisecond;    // at most this for memory's answer to the final transcript
  Nanos least_speech = 400 * kMillisecond;  // shorter: nothing is said when nothing was understood
  Nanos wait_notice = 3 * kSecond;          // nothing to hear for so long: "one moment"; 0: never
  Nanos tool_notice = 1500 * kMillisecond;  // the same when a tool takes longer; 0: never
  std::string turns_file;                   // turns.jsonl
};

struct VoiceCounts {
  std::uint64_t own_voice = 0;  // utterances that were prot itself
  std::uint64_t holds = 0;
  std::uint64_t interruptions = 0;
  std::uint64_t backchannels = 0;  // that were no turn
};

/// The person's newest utterance, as capture tells it.
struct Utterance {
  std::uint32_t number = 0;
  Nanos began = 0;
  Nanos ended = 0;  // known to be; 0: it goes on
  Nanos silent_since = 0;
  bool confirmed = false;
  bool known = false;  // its words
  // Words of a lull may come before the pause that shows that they are all.
  Words early = Words::kNone;
  Nanos early_end = 0;  // of the speech that they are of; 0: there are none
};

}  // namespace prot::brain

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "journal_file.hpp"
#include "tool_round.hpp"
#include "waterfall.hpp"
#include "wire/memory.hpp"

namespace prot::brain {

/// One piece of a reply that was given to the voice.
struct SpokenSegment {
  std::string text;
  bool notice = false;            // said by prot itself, no part of the conversation
  std::uint32_t round = 0;        // after so many tool rounds
  std::uint64_t frame = 0;        // its sequence in `speech`: published when that ring is past it
  std::uint32_t heard_bytes = 0;  // of text
};

/// What a brain must know to go on with the reply of a predecessor that died.
struct TurnRecord {
  std::uint32_t attempt = 1;
  wire::ConversationId conversation;
  bool has_message = true;  // false: only a notice is said
  std::uint64_t user_sequence = 0;
  std::uint64_t reply_sequence = 0;
  std::uint64_t user_frame = 0;  // sequence of its UserMessage in `turns`
  bool accepted = false;         // memory has it, or the spool: not only the ring can tell
  Waterfall waterfall;           // turn, utterance, heard and the stamps up to the transcript
  std::vector<SpokenSegment> segments;
  std::vector<ToolRound> rounds;  // of a predecessor
  bool ended = false;
  bool whole = false;           // and nothing was cut off: all that was to be said is in the segments
  std::uint64_t end_frame = 0;  // sequence of its TurnEnd in `speech`
};

/// The voice conversation and the reply under way, as a few lines in the runtime folder: what a ring's resume
/// slot cannot hold. It survives the death of the process; another run's journal is ignored. Each line is
/// written before the frame that it announces, with that frame's sequence: the ring then says whether the
/// frame came to be. One thread.
class TurnJournal {
 public:
  TurnJournal(std::string path, std::string run_id);

  /// Reads what a predecessor left. `fallback`: the conversation when there is nothing. Returns true and
  /// fills `record` when a reply was under way.
  bool load(const wire::ConversationId& fallback, TurnRecord& record);
  [[nodiscard]] const wire::ConversationId& conversation() const noexcept { return conversation_; }

  void set_conversation(const wire::ConversationId& id);
  /// With all that is in it: a reply that is gone on with is never in the file without what it had said.
  void begin(const TurnRecord& record);
  /// Its message left for memory, by whatever way; nothing when another turn is in the journal by now.
  void accepted(std::uint32_t turn);
  void segment(const SpokenSegment& segment);
  /// A tool round: when its calls begin, and again with their results.
  void round(std::uint32_t number, const ToolRound& round);
  /// `whole`: by its own end, not by a cancel.
  void turn_end(std::uint64_t frame, bool whole);
  /// The turn is committed; nothing when another one is in the journal by now.
  void clear(std::uint32_t turn);

 private:
  [[nodiscard]] std::string session_line() const;

  JournalFile file_;
  std::string run_id_;
  wire::ConversationId conversation_;
  std::uint32_t turn_ = 0;  // in the journal; 0: none
};

}  // namespace prot::brain

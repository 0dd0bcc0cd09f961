// TextTurns: what a person writes to memory itself. In prot's own words, which are no part of the
// conversation.
#include "reply.hpp"
#include "text_turns.hpp"

namespace prot::brain {

// What is to be forgotten may be known to memory only.
Nanos TextTurns::wish_until() const {
  if (turn_ || waiting_.empty()) return 0;
  const auto awaited = awaited_.find(to_string(waiting_.front().conversation));
  return awaited == awaited_.end() || memory_wish(waiting_.front().content) != MemoryWish::kForget
             ? 0
             : awaited->second;
}

// One that comes again is answered as it was taken first.
MemoryTalk::Result TextTurns::talk_of_memory(const Message& message, Nanos now) {
  if (!message.id.empty() && parts_.text_journal.find(message.id) != nullptr) return {};
  return parts_.talks.take(message.conversation, message.content,
                           segment_language(message.content, parts_.language), now, now);
}

void TextTurns::say_of_memory(const Message& message, const std::vector<std::string>& pieces, Nanos now) {
  std::string words;
  for (const std::string& piece : pieces) words.append(words.empty() ? "" : " ").append(piece);
  if (const auto open = confirmations_.find(to_string(message.conversation)); open != confirmations_.end())
    open->second.drop();  // a yes can only be to one question
  note_own(message, {});
  say_own(message, words);
  parts_.talks.over(message.conversation, true, now);  // what was sent counts as read
}

void TextTurns::obey(const Message& message, MemoryWish wish) {
  const std::string_view language = segment_language(message.content, parts_.language);
  const bool again = !message.id.empty() && parts_.text_journal.find(message.id) != nullptr;
  std::string words(plain_words(wish, language));
  if (!again) words = carry_out(parts_, wish, message.conversation, language, {}, {}).words;
  if (!again) note_own(message, plain_words(wish, language));
  say_own(message, words);
}

/// `kept`: what the same message is answered when it comes again; a file may hold it.
void TextTurns::note_own(const Message& message, std::string_view kept) {
  if (message.id.empty()) return;
  parts_.text_journal.accept({message.id, message.conversation, parts_.numbers.next(), false, {}});
  parts_.text_journal.done(message.id, kept);
}

void TextTurns::say_own(const Message& message, const std::string& words) {
  server_.send(message.client, chat_line("chunk", message.conversation, words));
  send_done(message, words, false);
}

}  // namespace prot::brain

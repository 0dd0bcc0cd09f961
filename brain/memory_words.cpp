#include "memory_words.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "json/json.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kMostBytes = 120;   // a longer utterance says more than such a wish
constexpr std::size_t kQuoteBytes = 150;  // of what was forgotten, said back

struct Phrase {
  std::string_view words;  // as text::words() has them, without spaces
  MemoryWish wish;
};
constexpr std::array kEnglish = {
    Phrase{"forgetthat", MemoryWish::kForget},
    Phrase{"forgetthatagain", MemoryWish::kForget},
    Phrase{"forgetwhatisaid", MemoryWish::kForget},
    Phrase{"forgetwhatijustsaid", MemoryWish::kForget},
    Phrase{"forgetwhatijusttoldyou", MemoryWish::kForget},
    Phrase{"forgetwhatitoldyou", MemoryWish::kForget},
    Phrase{"dontrememberthat", MemoryWish::kForget},
    Phrase{"dontrememberthis", MemoryWish::kForget},
    Phrase{"forgetthis", MemoryWish::kForget},
    Phrase{"forgetaboutthat", MemoryWish::kForget},
    Phrase{"forgetthelastthingisaid", MemoryWish::kForget},
    Phrase{"canyouforgetthat", MemoryWish::kForget},
    Phrase{"couldyouforgetthat", MemoryWish::kForget},
    Phrase{"youcanforgetthat", MemoryWish::kForget},
    Phrase{"canyouforgetwhatijustsaid", MemoryWish::kForget},
    Phrase{"couldyouforgetwhatijustsaid", MemoryWish::kForget},
    Phrase{"deletewhatijustsaid", MemoryWish::kForget},
    Phrase{"erasewhatijustsaid", MemoryWish::kForget},
    Phrase{"offtherecord", MemoryWish::kOffRecord},
    Phrase{"goofftherecord", MemoryWish::kOffRecord},
    Phrase{"thisisofftherecord", MemoryWish::kOffRecord},
    Phrase{"letsgoofftherecord", MemoryWish::kOffRecord},
    Phrase{"keepthisofftherecord", MemoryWish::kOffRecord},
    Phrase{"dontrecordthis", MemoryWish::kOffRecord},
    Phrase{"dontrecordwhatisay", MemoryWish::kOffRecord},
    Phrase{"stoprecording", MemoryWish::kOffRecord},
    Phrase{"ontherecord", MemoryWish::kOnRecord},
    Phrase{"ontherecordagain", MemoryWish::kOnRecord},
    Phrase{"backontherecord", MemoryWish::kOnRecord},
    Phrase{"gobackontherecord", MemoryWish::kOnRecord},
    Phrase{"startrecordingagain", MemoryWish::kOnRecord},
    Phrase{"resumerecording", MemoryWish::kOnRecord},
    Phrase{"youcanrecordagain", MemoryWish::kOnRecord},
};
constexpr std::array kKorean = {
    Phrase{"잊어", MemoryWish::kForget},
    Phrase{"잊어라", MemoryWish::kForget},
    Phrase{"잊어줘", MemoryWish::kForget},
    Phrase{"잊어줘요", MemoryWish::kForget},
    Phrase{"잊어주라", MemoryWish::kForget},
    Phrase{"잊어주세요", MemoryWish::kForget},
    Phrase{"잊어주실래요", MemoryWish::kForget},
    Phrase{"잊어줄래", MemoryWish::kForget},
    Phrase{"잊어버려", MemoryWish::kForget},
    Phrase{"잊어버려줘", MemoryWish::kForget},
    Phrase{"잊어버려주세요", MemoryWish::kForget},
    Phrase{"잊어버려요", MemoryWish::kForget},
    Phrase{"잊어버리세요", MemoryWish::kForget},
    Phrase{"잊으세요", MemoryWish::kForget},
    Phrase{"기억하지마", MemoryWish::kForget},
    Phrase{"기억하지마요", MemoryWish::kForget},
    Phrase{"기억하지마세요", MemoryWish::kForget},
    Phrase{"기억하지말아줘", MemoryWish::kForget},
    Phrase{"기억하지말아줘요", MemoryWish::kForget},
    Phrase{"기억하지말아주세요", MemoryWish::kForget},
    Phrase{"기록하지마", MemoryWish::kOffRecord},
    Phrase{"기록하지마요", MemoryWish::kOffRecord},
    Phrase{"기록하지마세요", MemoryWish::kOffRecord},
    Phrase{"기록하지말자", MemoryWish::kOffRecord},
    Phrase{"기록그만해", MemoryWish::kOffRecord},
    Phrase{"기록그만해줘", MemoryWish::kOffRecord},
    Phrase{"기록멈춰", MemoryWish::kOffRecord},
    Phrase{"기록멈춰줘", MemoryWish::kOffRecord},
    Phrase{"기록하지말아줘", MemoryWish::kOffRecord},
    Phrase{"기록하지말아주세요", MemoryWish::kOffRecord},
    Phrase{"기록하지말고들어줘", MemoryWish::kOffRecord},
    Phrase{"오프더레코드", MemoryWish::kOffRecord},
    Phrase{"오프더레코드야", MemoryWish::kOffRecord},
    Phrase{"오프더레코드로하자", MemoryWish::kOffRecord},
    Phrase{"오프더레코드로해줘", MemoryWish::kOffRecord},
    Phrase{"다시기록해", MemoryWish::kOnRecord},
    Phrase{"다시기록해줘", MemoryWish::kOnRecord},
    Phrase{"다시기록해도돼", MemoryWish::kOnRecord},
    Phrase{"다시기록해주세요", MemoryWish::kOnRecord},
    Phrase{"다시기록시작해", MemoryWish::kOnRecord},
    Phrase{"다시기록시작해줘", MemoryWish::kOnRecord},
    Phrase{"기록다시시작해", MemoryWish::kOnRecord},
    Phrase{"기록다시시작해줘", MemoryWish::kOnRecord},
    Phrase{"이제다시기록해", MemoryWish::kOnRecord},
    Phrase{"이제다시기록해줘", MemoryWish::kOnRecord},
    Phrase{"이제기록해줘", MemoryWish::kOnRecord},
    Phrase{"이제기록해도돼", MemoryWish::kOnRecord},
};
/// Of words that were said; a timer may be deleted, too.
constexpr auto kDelete = std::to_array<std::string_view>(
    {"지워", "지워줘", "지워줘요", "지워주세요", "지워버려", "삭제해", "삭제해줘", "삭제해주세요"});
/// What was said, before a Korean wish; longer ones first.
constexpr auto kSaid = std::to_array<std::string_view>(
    {"내가방금말한거", "내가방금한얘기", "제가방금한얘기", "내가방금한말", "제가방금한말", "방금내가한말",
     "방금말한거",     "방금말한것",     "방금한얘기",     "방금한말",     "방금그말",     "방금말",
     "지금한얘기",     "지금한말",       "내가말한거",     "내가한얘기",   "내가한말",     "제가한말",
     "그얘기",         "이얘기",         "그말",           "이말"});
/// What else may stand there.
constexpr auto kWhat = std::to_array<std::string_view>(
    {"방금그거", "지금부터", "이제부터", "여기부터", "그거", "그건", "그것", "이거", "이건"});
constexpr auto kBefore = std::to_array<std::string_view>({"아니", "아", "저기", "그냥", "음"});
constexpr std::array<std::string_view, 5> kParticles = {"은", "는", "을", "를", "좀"};

MemoryWish find(const auto& phrases, std::string_view said) {
  const auto found =
      std::find_if(phrases.begin(), phrases.end(), [&](const Phrase& p) { return p.words == said; });
  return found == phrases.end() ? MemoryWish::kNone : found->wish;
}

std::string_view without(std::string_view said, const auto& beginnings) {
  for (const std::string_view what : beginnings)
    if (said.starts_with(what)) return said.substr(what.size());
  return said;
}

Obeyed forget_last(Parts& parts, const wire::ConversationId& conversation, bool korean,
                   const wire::SendOptions& options, std::function<void()>&& published) {
  const Conversation::Last last = parts.conversations.at(conversation).forget_last();
  Obeyed done;
  if (last.text.empty()) {
    done.words = korean ? "잊을 것이 없어요." : "There is nothing to forget.";
    return done;
  }
  done.words = korean ? "하신 말씀을 잊었어요: \"" + shortened(last.text) + "\""
                      : "I have forgotten what you said: \"" + shortened(last.text) + "\"";
  parts.memory.drop_blocks();
  if (last.number == 0) return done;  // it was off the record
  parts.rounds_journal.forget(conversation, {&last.number, 1});
  parts.text_journal.forget(conversation, {&last.number, 1});
  wire::ForgetRequest wish{};
  wish.conversation = conversation;
  wish.first = last.number;
  wish.last = parts.numbers.next();
  wish.wall_ns = wall_now();
  done.pushed = true;
  parts.turns.push(wish, {}, options, std::move(published));
  return done;
}

}  // namespace

std::string shortened(std::string_view text) {
  std::string out(text::truncate_utf8(text, kQuoteBytes));
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out.size() < text.size() ? out + "..." : out;
}

std::string bare_words(std::string_view text) {
  if (text.size() > kMostBytes) return {};
  std::vector<std::string> words = text::words(text);
  while (!words.empty() && (words.front() == "please" || words.front() == "prot" || words.front() == "okay" ||
                            words.front() == "ok"))
    words.erase(words.begin());
  while (!words.empty() && (words.back() == "please" || words.back() == "now")) words.pop_back();
  std::string said;
  for (const std::string& word : words) said += word;
  return said;
}

MemoryWish memory_wish(std::string_view text) {
  const std::string said = bare_words(text);
  if (said.empty()) return MemoryWish::kNone;
  if (const MemoryWish wish = find(kEnglish, said); wish != MemoryWish::kNone) return wish;
  if (const MemoryWish wish = find(kKorean, said); wish != MemoryWish::kNone) return wish;
  const std::string_view rest = without(without(said, kBefore), kBefore);  // "아니, 그냥"
  const std::string_view behind = without(rest, kSaid);
  const std::string_view wish = without(behind, kParticles);
  if (behind.size() < rest.size() && std::find(kDelete.begin(), kDelete.end(), wish) != kDelete.end())
    return MemoryWish::kForget;
  return find(kKorean, without(without(wish, kWhat), kParticles));
}

std::string_view plain_words(MemoryWish wish, std::string_view language) noexcept {
  const bool korean = language == "ko";
  switch (wish) {
    case MemoryWish::kForget:
      return korean ? "잊었어요." : "I have forgotten it.";
    case MemoryWish::kOffRecord:
      return korean ? "지금부터는 기록하지 않을게요." : "Off the record from now on.";
    case MemoryWish::kOnRecord:
      return korean ? "지금부터 다시 기록할게요." : "On the record again.";
    case MemoryWish::kNone:
      break;
  }
  return {};
}

Obeyed carry_out(Parts& parts, MemoryWish wish, const wire::ConversationId& conversation,
                 std::string_view language, const wire::SendOptions& options,
                 std::function<void()>&& published) {
  if (wish == MemoryWish::kForget)
    return forget_last(parts, conversation, language == "ko", options, std::move(published));
  set_record(parts, wish == MemoryWish::kOffRecord);
  return {std::string(plain_words(wish, language)), false};
}

void set_record(Parts& parts, bool off) {
  parts.record.set(off);
  parts.turns.set_off_the_record(off);
  json::Writer out;
  parts.publish(out.begin_object().member("type", "record").member("on", !off).end_object().str());
}

void forget(Parts& parts, const MemoryClient::ForgottenNews& news) {
  parts.talks.drop();  // they may quote it
  if (news.everything) {
    parts.rounds_journal.forget_all();
    parts.text_journal.forget_all();
    return parts.conversations.forget_all();
  }
  parts.rounds_journal.forget(news.conversation, news.sequences);
  parts.text_journal.forget(news.conversation, news.sequences);
  // What is left of it, memory knows.
  if (!parts.conversations.has(news.conversation)) return;
  parts.conversations.at(news.conversation).forget_answered();
  (void)parts.memory.request_history(news.conversation);
}

}  // namespace prot::brain

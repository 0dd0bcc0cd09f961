#include "tests/memory/eval/corpus.hpp"

#include <chrono>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "json/json.hpp"

namespace prot::eval {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // some editors begin a file with it
constexpr int kFirstYear = 1678;                             // what nanoseconds in 64 bits reach
constexpr int kLastYear = 2261;

/// Takes a time apart from the left.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : whole_(text), rest_(text) {}
  /// Exactly so many digits.
  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') fail();
      value = 10 * value + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void need(char c) {
    if (!take(c)) fail();
  }
  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  /// Parts of a second; only the first nine count.
  Nanos fraction() {
    Nanos value = 0;
    Nanos unit = kSecond;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      unit /= 10;
      value += unit * (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  [[noreturn]] void fail() const { throw Error("'" + std::string(whole_) + "' is no ISO 8601 time"); }

 private:
  std::string_view whole_;
  std::string_view rest_;
};

Nanos zone(TimeReader& reader) {
  if (reader.done() || reader.take('Z')) return 0;
  const int sign = reader.take('-') ? -1 : 1;
  if (sign == 1) reader.need('+');
  const int hours = reader.digits(2);
  (void)reader.take(':');
  const int minutes = reader.done() ? 0 : reader.digits(2);
  return sign * (hours * 3600 + minutes * 60) * kSecond;
}

/// A name that is a number is one all the same ("category": 2).
std::optional<std::string> name_of(json::View value) {
  if (value.is_string()) return std::string(value.as_string());
  if (value.is_number()) return value.to_json();
  return std::nullopt;
}

std::string need_text(json::View object, std::string_view name) {
  const json::View value = object.get(name);
  if (!value.is_string()) throw Error("'" + std::string(name) + "' must be a text");
  return std::string(value.as_string());
}

std::string need_name(json::View object, std::string_view name) {
  std::optional<std::string> found = name_of(object.get(name));
  if (!found) throw Error("'" + std::string(name) + "' must be a text");
  return *std::move(found);
}

std::vector<std::string> ids(json::View object, std::string_view name, bool needed) {
  const json::View list = object.get(name);
  if (!list && !needed) return {};
  if (!list.is_array()) throw Error("'" + std::string(name) + "' must be a list of ids");
  std::vector<std::string> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::optional<std::string> id = name_of(list.at(i));
    if (!id) throw Error("'" + std::string(name) + "' must be a list of ids");
    out.push_back(*std::move(id));
  }
  return out;
}

/// Without a number of its own it is the first one's.
std::int64_t session_of(json::View object) {
  const json::View session = object.get("session");
  if (session && !session.is_number()) throw Error("'session' must be a number");
  return session.is_number() ? session.as_int() : 0;
}

/// What may be missing: then it is empty.
std::string text_if_any(json::View object, std::string_view name) {
  return object.get(name) ? need_text(object, name) : std::string();
}
std::string name_if_any(json::View object, std::string_view name) {
  return object.get(name) ? need_name(object, name) : std::string();
}

Message message_of(json::View object) {
  const std::string at = text_if_any(object, "at");
  return {need_name(object, "id"), session_of(object), need_text(object, "speaker"),
          need_text(object, "text"), at.empty() ? kNoTime : parse_time(at)};
}

Facts facts_of(json::View object) {
  const json::View items = object.get("items");
  if (!items.is_array()) throw Error("'items' must be a list");
  Facts facts;
  for (std::size_t i = 0; i < items.size(); ++i)
    facts.items.push_back({text_if_any(items.at(i), "subject"), need_text(items.at(i), "text"),
                           ids(items.at(i), "sources", true)});
  return facts;
}

Line line_of(const std::string& text) {
  const json::Document document = json::parse(text);
  const json::View object = document.root();
  if (!object.is_object()) throw Error("this is no JSON object");
  const std::string type = need_text(object, "type");
  const std::string conversation = need_name(object, "conversation");
  if (type == "message") return {conversation, message_of(object)};
  if (type == "facts") return {conversation, facts_of(object)};
  if (type == "forget") return {conversation, Forget{need_name(object, "id")}};
  if (type != "question") throw Error("'" + type + "' is no type: message, facts, question and forget are");
  return {conversation, Question{need_text(object, "text"), ids(object, "evidence", true),
                                 ids(object, "absent", false), name_if_any(object, "category")}};
}

}  // namespace

Nanos parse_time(std::string_view text) {
  using namespace std::chrono;
  TimeReader reader(text);
  const int years = reader.digits(4);
  reader.need('-');
  const auto months = static_cast<unsigned>(reader.digits(2));
  reader.need('-');
  const auto days = static_cast<unsigned>(reader.digits(2));
  const year_month_day date{year{years}, month{months}, day{days}};
  if (!date.ok() || years < kFirstYear || years > kLastYear) reader.fail();
  Nanos at = static_cast<Nanos>(sys_days{date}.time_since_epoch().count()) * 86'400 * kSecond;
  if (reader.done()) return at;
  if (!reader.take(' ')) reader.need('T');
  const int hours = reader.digits(2);
  reader.need(':');
  const int minutes = reader.digits(2);
  const int seconds = reader.take(':') ? reader.digits(2) : 0;
  if (hours > 24 || minutes > 59 || seconds > 60) reader.fail();
  at += (hours * 3600 + minutes * 60 + seconds) * kSecond;
  if (reader.take('.')) at += reader.fraction();
  at -= zone(reader);
  if (!reader.done()) reader.fail();
  return at;
}

namespace {

/// Gives messages without a time one: a minute after the one before, in another session a day.
class Calendar {
 public:
  void date(Line& line) {
    auto* const message = std::get_if<Message>(&line.what);
    if (message == nullptr) return;
    const auto [last, first] = last_.try_emplace(line.conversation, kBegin, message->session);
    if (message->at == kNoTime) {
      const Nanos later = message->session == last->second.second ? 60 * kSecond : 86'400 * kSecond;
      message->at = last->second.first + (first ? 0 : later);
    }
    last->second = {message->at, message->session};
  }

 private:
  static constexpr Nanos kBegin = Nanos{1'704'103'200} * kSecond;  // 2024
  std::map<std::string, std::pair<Nanos, std::int64_t>> last_;
};

/// Refuses what would be said twice, or forgotten before it was said.
class Register {
 public:
  void check(const Line& line) {
    std::set<std::string>& known = ids_[line.conversation];
    if (const auto* const message = std::get_if<Message>(&line.what);
        message != nullptr && !known.insert(message->id).second)
      throw Error("the message '" + message->id + "' is there twice in its conversation");
    if (const auto* const forget = std::get_if<Forget>(&line.what);
        forget != nullptr && !known.contains(forget->id))
      throw Error("the message '" + forget->id + "' to forget is not there");
  }

 private:
  std::map<std::string, std::set<std::string>> ids_;
};

}  // namespace

std::vector<Line> read_corpus(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw errno_error("cannot read " + path);
  std::vector<Line> lines;
  Calendar calendar;
  Register known;
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    if (number == 1 && text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      lines.push_back(line_of(text));
      known.check(lines.back());
      calendar.date(lines.back());
    } catch (const Error& e) {
      throw Error(path + ":" + std::to_string(number) + ": " + e.what());
    }
  }
  if (file.bad()) throw errno_error("cannot read " + path);
  if (lines.empty()) throw Error(path + ": there is nothing in it");
  return lines;
}

}  // namespace prot::eval

#include "text_journal.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/log.hpp"
#include "conversation.hpp"
#include "json/json.hpp"

namespace prot::brain {
namespace {

void put(TextRecord& record, std::size_t number, ToolRound round) {
  if (number < record.rounds.size()) record.rounds.resize(number);
  record.rounds.push_back(std::move(round));
}

}  // namespace

void TextJournal::load() {
  std::ifstream file(file_.path(), std::ios::binary);
  std::string text;
  while (std::getline(file, text)) {
    try {
      read_line(text);
    } catch (const std::exception& error) {  // cut off by the death of its writer
      log_warn("text journal: {}", error.what());
    }
  }
  lines_ = 4 * kMost;  // the next line writes it anew
}

void TextJournal::read_line(const std::string& text) {
  const json::Document line = json::parse(text);
  const std::string_view id = line.get("id").as_string();
  if (line.get("what").as_string() == "message") {
    TextRecord record;
    record.id = id;
    if (!parse_conversation(line.get("conversation").as_string(), record.conversation)) return;
    record.user_sequence = static_cast<std::uint64_t>(line.get("user_sequence").as_int());
    records_.push_back(std::move(record));
    if (records_.size() > kMost) records_.pop_front();
  } else if (TextRecord* const record = look_up(id); record != nullptr && line.get("round")) {
    put(*record, static_cast<std::size_t>(line.get("number").as_int()), read_round(line.get("round")));
  } else if (record != nullptr) {
    record->done = true;
    record->reply = line.get("reply").as_string();
    record->rounds.clear();
  }
}

TextRecord* TextJournal::look_up(std::string_view id) noexcept {
  const auto it = std::find_if(records_.rbegin(), records_.rend(), [&](const auto& r) { return r.id == id; });
  return it == records_.rend() ? nullptr : &*it;
}

const TextRecord* TextJournal::find(std::string_view id) const noexcept {
  return const_cast<TextJournal*>(this)->look_up(id);
}

void TextJournal::accept(const TextRecord& record) {
  if (find(record.id) != nullptr) return;
  records_.push_back(record);
  if (records_.size() > kMost) records_.pop_front();
  append(accepted_line(record));
}

void TextJournal::done(std::string_view id, std::string_view reply) {
  TextRecord* const record = look_up(id);
  if (record == nullptr) return;
  record->done = true;
  record->reply = reply;
  record->rounds.clear();
  append(done_line(*record));
}

void TextJournal::round(std::string_view id, std::size_t number, const ToolRound& round) {
  TextRecord* const record = look_up(id);
  if (record == nullptr) return;
  put(*record, number, round);
  append(round_line(*record, record->rounds.size() - 1));
}

void TextJournal::append(const std::string& line) {
  if (lines_ < 4 * kMost) {
    ++lines_;
    return file_.append(line);
  }
  write_anew();
}

void TextJournal::forget(const wire::ConversationId& conversation,
                         std::span<const std::uint64_t> user_sequences) {
  bool found = false;
  for (TextRecord& record : records_) {
    const bool meant =
        record.conversation == conversation &&
        std::find(user_sequences.begin(), user_sequences.end(), record.user_sequence) != user_sequences.end();
    if (!meant) continue;
    found = true;
    record.reply.clear();
    record.rounds.clear();
  }
  if (found) write_anew();
}

void TextJournal::forget_all() {
  for (TextRecord& record : records_) {
    record.reply.clear();
    record.rounds.clear();
  }
  write_anew();
}

void TextJournal::write_anew() {
  std::string content;
  lines_ = 0;
  for (const TextRecord& record : records_) {
    content += accepted_line(record) + "\n";
    if (record.done) content += done_line(record) + "\n";
    for (std::size_t i = 0; i < record.rounds.size(); ++i) content += round_line(record, i) + "\n";
    lines_ += (record.done ? 2 : 1) + record.rounds.size();
  }
  file_.replace(content);
}

std::string TextJournal::accepted_line(const TextRecord& record) {
  json::Writer out;
  out.begin_object().member("what", "message").member("id", record.id);
  out.member("conversation", to_string(record.conversation));
  return out.member("user_sequence", record.user_sequence).end_object().str();
}

std::string TextJournal::done_line(const TextRecord& record) {
  json::Writer out;
  out.begin_object().member("what", "done").member("id", record.id);
  return out.member("reply", record.reply).end_object().str();
}

std::string TextJournal::round_line(const TextRecord& record, std::size_t number) {
  json::Writer out;
  out.begin_object().member("what", "round").member("id", record.id).member("number", number).key("round");
  write_round(out, record.rounds[number]);
  return out.end_object().str();
}

}  // namespace prot::brain

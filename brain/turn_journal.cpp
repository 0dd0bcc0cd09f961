#include "turn_journal.hpp"

#include <fstream>
#include <utility>

#include "base/log.hpp"
#include "conversation.hpp"
#include "json/json.hpp"

namespace prot::brain {
namespace {

void read_turn(json::View line, TurnRecord& record) {
  record = {};
  record.attempt = static_cast<std::uint32_t>(line.get("attempt").as_int());
  record.has_message = line.get("has_message").as_bool();
  record.user_sequence = static_cast<std::uint64_t>(line.get("user_sequence").as_int());
  record.reply_sequence = static_cast<std::uint64_t>(line.get("reply_sequence").as_int());
  record.user_frame = static_cast<std::uint64_t>(line.get("user_frame").as_int());
  record.waterfall = Waterfall::from_json(line.get("waterfall"));
}

// False: nothing that follows can be trusted.
bool read_line(const std::string& text, TurnRecord& record, bool& open) {
  try {
    const json::Document document = json::parse(text);
    const json::View line = document.root();
    const std::string_view what = line.get("what").as_string();
    if (what == "turn") {
      open = parse_conversation(line.get("conversation").as_string(), record.conversation);
      const wire::ConversationId conversation = record.conversation;
      read_turn(line, record);
      record.conversation = conversation;
    } else if (what == "segment" && open) {
      SpokenSegment segment;
      segment.text = line.get("text").as_string();
      segment.notice = line.get("notice").as_bool();
      segment.round = static_cast<std::uint32_t>(line.get("round").as_int());
      segment.frame = static_cast<std::uint64_t>(line.get("frame").as_int());
      record.segments.push_back(std::move(segment));
    } else if (what == "round" && open) {
      const auto number = static_cast<std::size_t>(line.get("number").as_int());
      if (number < record.rounds.size()) record.rounds.resize(number);
      record.rounds.push_back(read_round(line.get("round")));
    } else if (what == "accepted" && open) {
      record.accepted = true;
    } else if (what == "end" && open) {
      record.ended = true;
      record.whole = line.get("whole").as_bool();
      record.end_frame = static_cast<std::uint64_t>(line.get("frame").as_int());
    }
    return true;
  } catch (const std::exception& error) {  // cut off by the death of its writer
    log_warn("turn journal: {}", error.what());
    return false;
  }
}

std::string accepted_line() {
  json::Writer out;
  return out.begin_object().member("what", "accepted").end_object().str();
}

std::string segment_line(const SpokenSegment& segment) {
  json::Writer out;
  out.begin_object().member("what", "segment").member("text", segment.text);
  out.member("notice", segment.notice).member("round", segment.round);
  return out.member("frame", segment.frame).end_object().str();
}

std::string round_line(std::uint32_t number, const ToolRound& round) {
  json::Writer out;
  out.begin_object().member("what", "round").member("number", number).key("round");
  write_round(out, round);
  return out.end_object().str();
}

}  // namespace

TurnJournal::TurnJournal(std::string path, std::string run_id)
    : file_(std::move(path)), run_id_(std::move(run_id)) {}

bool TurnJournal::load(const wire::ConversationId& fallback, TurnRecord& record) {
  conversation_ = fallback;
  bool open = false;
  std::ifstream file(file_.path(), std::ios::binary);
  std::string text;
  if (!std::getline(file, text)) return false;
  try {
    const json::Document session = json::parse(text);
    if (session.get("run").as_string() != run_id_) return false;
    wire::ConversationId id;
    if (parse_conversation(session.get("conversation").as_string(), id)) conversation_ = id;
  } catch (const std::exception& error) {
    log_warn("turn journal {}: {}", file_.path(), error.what());
    return false;
  }
  while (std::getline(file, text))
    if (!read_line(text, record, open)) break;
  turn_ = open ? record.waterfall.turn : 0;
  return open;
}

std::string TurnJournal::session_line() const {
  json::Writer out;
  out.begin_object().member("what", "session").member("run", run_id_);
  return out.member("conversation", to_string(conversation_)).end_object().str() + "\n";
}

void TurnJournal::set_conversation(const wire::ConversationId& id) {
  conversation_ = id;
  turn_ = 0;
  file_.replace(session_line());
}

void TurnJournal::begin(const TurnRecord& record) {
  json::Writer out;
  out.begin_object().member("what", "turn").member("attempt", record.attempt);
  out.member("conversation", to_string(record.conversation)).member("has_message", record.has_message);
  out.member("user_sequence", record.user_sequence).member("reply_sequence", record.reply_sequence);
  out.member("user_frame", record.user_frame).key("waterfall").raw(record.waterfall.to_json()).end_object();
  std::string lines = session_line() + out.str() + "\n";
  if (record.accepted) lines += accepted_line() + "\n";
  for (const SpokenSegment& segment : record.segments) lines += segment_line(segment) + "\n";
  for (std::uint32_t i = 0; i < record.rounds.size(); ++i) lines += round_line(i, record.rounds[i]) + "\n";
  turn_ = record.waterfall.turn;
  file_.replace(lines);
}

void TurnJournal::accepted(std::uint32_t turn) {
  if (turn == turn_) file_.append(accepted_line());
}

void TurnJournal::segment(const SpokenSegment& segment) { file_.append(segment_line(segment)); }

void TurnJournal::round(std::uint32_t number, const ToolRound& round) {
  file_.append(round_line(number, round));
}

void TurnJournal::turn_end(std::uint64_t frame, bool whole) {
  json::Writer out;
  out.begin_object().member("what", "end").member("frame", frame).member("whole", whole);
  file_.append(out.end_object().str());
}

void TurnJournal::clear(std::uint32_t turn) {
  if (turn == turn_) file_.replace(session_line());
}

}  // namespace prot::brain

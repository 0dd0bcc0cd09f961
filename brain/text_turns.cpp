#include "text_turns.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "json/json.hpp"
#include "reply.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kRecallWait = 50 * kMillisecond;
constexpr Nanos kHistoryWait = 300 * kMillisecond;
constexpr std::string_view kNoConversation = "a conversation is 32 hexadecimal digits";

// Memory may be away, and the history with it.
bool has_round(const std::vector<Message>& messages, const ToolRound& round) {
  const std::string& id = round.exchanges.front().call.id;
  return std::any_of(messages.begin(), messages.end(),
                     [&](const auto& one) { return one.tool_call_id == id; });
}

bool ends_in_space(std::string_view text) noexcept {
  return text.empty() || text.ends_with(' ') || text.ends_with('\n');
}

}  // namespace

std::string chat_line(const char* type, const wire::ConversationId& conversation, std::string_view content) {
  json::Writer out;
  out.begin_object().member("type", type).member("conversation", to_string(conversation));
  return out.member("content", content).end_object().str();
}

void TextTurns::on_request(const ChatRequest& request, ipc::ConversationState voice, Nanos now) {
  switch (request.kind) {
    case ChatRequest::Kind::kHello:
      return hello(request, voice, now);
    case ChatRequest::Kind::kMessage:
      return take(request, now);
    case ChatRequest::Kind::kStop:
      return stop_client(request.client, false);
    case ChatRequest::Kind::kGone:
      return stop_client(request.client, true);
    case ChatRequest::Kind::kSubscribe:
    case ChatRequest::Kind::kNewConversation:
    case ChatRequest::Kind::kRecord:
      return;
  }
}

void TextTurns::take(const ChatRequest& request, Nanos now) {
  Message message{request.client, {}, text::sanitize_utf8(request.content), request.id};
  const auto refuse = [&](std::string_view why) {
    server_.send_error(request.client, request.conversation, why);
  };
  if (!request.conversation.empty() && !parse_conversation(request.conversation, message.conversation))
    return refuse(kNoConversation);
  if (request.conversation.empty()) message.conversation = new_conversation_id();
  if (message.content.find_first_not_of(" \t\r\n") == std::string::npos)
    return refuse("the message is empty");
  if (message.content.size() > kMaxContent) return refuse("the message is longer than 32 KiB");
  if (message.id.size() > TextJournal::kMaxId) return refuse("an id has at most 64 bytes");
  if (known(message)) return;
  if (stopping_) return refuse("prot is shutting down");
  if (waiting_.size() >= kMostWaiting) return refuse("too many messages are waiting; try again");
  if (!request.conversation.empty()) ask_history(message.conversation, now);
  waiting_.push_back(std::move(message));
}

// A person who stops one reply does not want those that wait behind it either.
void TextTurns::stop_client(ClientId client, bool gone) {
  for (const Message& message : waiting_)
    if (message.client == client && !gone) send_done(message, {}, true);
  std::erase_if(waiting_, [&](const Message& m) { return m.client == client; });
  if (!turn_ || turn_->message.client != client) return;
  const Message message = turn_->message;
  const std::string reply = turn_->reply;
  finish(true);
  if (gone) return;
  parts_.conversations.at(message.conversation).leave_unanswered(Lane::kText);
  send_done(message, reply, true);
}

// Known only to memory: from before a restart of brain, or of the machine.
void TextTurns::ask_history(const wire::ConversationId& conversation, Nanos now) {
  if (parts_.conversations.has(conversation)) return;
  std::erase_if(awaited_, [now](const auto& one) { return one.second <= now; });
  const std::string key = to_string(conversation);
  if (!awaited_.contains(key) && parts_.memory.request_history(conversation))
    awaited_.emplace(key, now + kHistoryWait);
}

// A message that comes again under its id: answered already, or under way for a connection that broke.
bool TextTurns::known(const Message& message) {
  if (message.id.empty()) return false;
  const auto same = [&](const Message& other) { return other.id == message.id; };
  if (turn_ && same(turn_->message)) {
    turn_->message.client = message.client;
    if (!turn_->reply.empty())
      server_.send(message.client, chat_line("chunk", turn_->message.conversation, turn_->reply));
    return true;
  }
  if (const auto it = std::find_if(waiting_.begin(), waiting_.end(), same); it != waiting_.end()) {
    it->client = message.client;
    return true;
  }
  const TextRecord* const record = parts_.text_journal.find(message.id);
  if (record == nullptr || !record->done) return false;
  Message answered = message;
  answered.conversation = record->conversation;
  send_done(answered, record->reply, false);
  return true;
}

void TextTurns::hello(const ChatRequest& request, ipc::ConversationState voice, Nanos now) {
  wire::ConversationId id;
  const bool known = parse_conversation(request.conversation, id);
  if (!request.conversation.empty() && !known)
    return server_.send_error(request.client, request.conversation, kNoConversation);
  if (known) ask_history(id, now);
  if (!known) id = new_conversation_id();
  if (!known) static_cast<void>(parts_.conversations.at(id));  // memory has nothing of it
  json::Writer out;
  out.begin_object().member("type", "hello").member("conversation", to_string(id));
  out.member("state", ipc::to_string(voice)).member("record", !parts_.record.off());
  server_.send(request.client, out.end_object().str());
}

int TextTurns::tick(bool voice_first, Nanos now) {
  for (auto& one : confirmations_) one.second.tick(now);
  std::erase_if(confirmations_,
                [](const auto& one) { return one.second.state() == Confirmation::State::kNone; });
  if (!turn_) {
    if (waiting_.empty() || voice_first || now < wish_until()) return 0;
    const MemoryTalk::Result talk = talk_of_memory(waiting_.front(), now);
    if (talk.what == MemoryTalk::Taken::kLater) return 0;
    Message next = std::move(waiting_.front());
    waiting_.pop_front();
    if (talk.what == MemoryTalk::Taken::kSay) {
      say_of_memory(next, talk.pieces, now);
    } else {
      begin(std::move(next), now);
    }
    return 1;
  }
  switch (turn_->phase) {
    case Phase::kMemory:
      if (now < memory_until()) return 0;
      ask_model(now);
      return 1;
    case Phase::kModel:
      return 0;
    case Phase::kTools:
      if (!turn_->tools.poll(now)) return 0;
      note_round();
      if (std::optional<OpenCall> question = turn_->tools.take_question()) {
        ask_person(std::move(*question), now);
      } else {
        ask_model(now);
      }
      return 1;
  }
  return 0;
}

Nanos TextTurns::memory_until() const {
  Nanos until = 0;
  if (!parts_.memory.answered(Lane::kText, turn_->recall)) until = turn_->recall_until;
  if (awaited_.contains(to_string(turn_->message.conversation)))
    until = std::max(until, turn_->history_until);
  return until;
}

Nanos TextTurns::next_deadline() const {
  Nanos deadline = kNever;
  for (const auto& one : confirmations_) deadline = std::min(deadline, one.second.next_deadline());
  if (const Nanos wish = wish_until(); wish != 0) deadline = std::min(deadline, wish);
  if (!turn_ || turn_->phase == Phase::kModel) return deadline;
  return std::min(deadline, turn_->phase == Phase::kMemory ? memory_until() : turn_->tools.next_deadline());
}

Confirmation& TextTurns::confirmation(const wire::ConversationId& conversation) {
  return confirmations_.try_emplace(to_string(conversation), tell_of_consent(parts_, "text")).first->second;
}

// In prot's own words; the reply ends with them.
void TextTurns::ask_person(OpenCall call, Nanos now) {
  const Message message = turn_->message;
  turn_->round_at = turn_->reply.size();
  turn_->phase = Phase::kModel;
  say(call.question(segment_language(message.content, parts_.language)));
  const std::string reply = turn_->reply;
  Confirmation& asked = confirmation(message.conversation);
  asked.ask(std::move(call), now);
  asked.heard(now);  // what was sent counts as read
  finish(false, [this, message, reply] { send_done(message, reply, false); });
}

void TextTurns::ask_model(Nanos now) {
  Turn& turn = *turn_;
  const Conversation& conversation = parts_.conversations.at(turn.message.conversation);
  if (turn.phase == Phase::kMemory) {
    turn.request.context = parts_.prompt.context(wall_now(), parts_.memory.block(Lane::kText).text,
                                                 conversation.timeline(), Lane::kText);
  }
  turn.request = parts_.prompt.reply(conversation, turn.request.context, Lane::kText);
  for (const ToolRound& round : turn.told)
    if (!has_round(turn.request.messages, round)) append_messages(round, turn.request.messages);
  if (turn.agreed) {
    turn.tools.start_agreed(turn.request, std::exchange(turn.agreed, std::nullopt)->call, now);
    turn.phase = Phase::kTools;
    return;
  }
  turn.tools.add_to(turn.request);
  turn.round_at = turn.reply.size();
  turn.phase = Phase::kModel;
  turn.call = parts_.model.start(turn.request, now);
}

void TextTurns::begin(Message message, Nanos now) {
  if (const MemoryWish wish = memory_wish(message.content); wish != MemoryWish::kNone)
    return obey(message, wish);
  log_content("asked '{}'", message.content);
  const TextRecord* const seen = message.id.empty() ? nullptr : parts_.text_journal.find(message.id);
  if (seen != nullptr) message.conversation = seen->conversation;
  wire::UserMessage user{};
  user.conversation = message.conversation;
  user.sequence = seen != nullptr ? seen->user_sequence : parts_.numbers.next();
  user.wall_ns = wall_now();
  user.channel = wire::Channel::kText;
  if (!message.id.empty())
    parts_.text_journal.accept({message.id, message.conversation, user.sequence, false, {}});
  parts_.turns.push(user, message.content, {});
  Conversation& conversation = parts_.conversations.at(message.conversation);
  const std::uint64_t number = parts_.record.off() ? 0 : user.sequence;
  if (seen != nullptr) conversation.add_user_again(message.content, user.wall_ns, Lane::kText, number);
  if (seen == nullptr) conversation.add_user(message.content, user.wall_ns, Lane::kText, number);
  const auto history = awaited_.find(to_string(message.conversation));
  // Of attempts that failed, the history has the rounds already; behind them those of a predecessor that
  // died.
  std::vector<ToolRound> told = parts_.rounds_journal.find(message.conversation, user.sequence);
  std::vector<ToolRound> before;
  if (seen != nullptr && seen->rounds.size() > told.size())
    before.assign(seen->rounds.begin() + static_cast<std::ptrdiff_t>(told.size()), seen->rounds.end());
  turn_.emplace(std::move(message), parts_.toolbox, std::move(before));
  turn_->told = std::move(told);
  turn_->user_sequence = user.sequence;
  for (const ToolRound& round : turn_->tools.rounds()) {  // of a predecessor; its tools are not used again
    turn_->round_at = turn_->reply.size();
    say(round.text);
  }
  turn_->reply_sequence = parts_.numbers.next();
  turn_->recall = parts_.memory.request(turn_->message.conversation, turn_->message.content, Lane::kText);
  turn_->recall_until = now + kRecallWait;
  if (history != awaited_.end()) turn_->history_until = history->second;
  if (confirmations_.contains(to_string(turn_->message.conversation))) {
    Confirmation& open = confirmation(turn_->message.conversation);
    if (open.judge(turn_->message.content, now) == Confirmation::Answer::kYes) turn_->agreed = open.take();
  }
}

void TextTurns::on_model(const ModelEvent& event, Nanos now) {
  if (!turn_ || turn_->call == 0 || event.id != turn_->call) return;
  switch (event.kind) {
    case ModelEvent::Kind::kText:
      return say(turn_->assembler.push(event.text));
    case ModelEvent::Kind::kToolCall:
      return turn_->tools.call(event.call);
    case ModelEvent::Kind::kDone:
      return answered(event, now);
    case ModelEvent::Kind::kError: {
      const Message message = turn_->message;
      log_warn("a text turn failed ({}): {}", http::to_string(event.error), event.text);
      turn_->call = 0;
      finish(true);
      return server_.send_error(message.client, to_string(message.conversation),
                                notice_text(notice_for(event.error), parts_.language));
    }
    case ModelEvent::Kind::kUsage:
      return;
  }
}

// When its calls begin, and again with their results.
void TextTurns::note_round() {
  const std::vector<ToolRound>& rounds = turn_->tools.rounds();
  if (!turn_->message.id.empty())
    parts_.text_journal.round(turn_->message.id, turn_->told.size() + rounds.size() - 1, rounds.back());
}

void TextTurns::say(const std::string& text) {
  if (text.empty()) return;
  Turn& turn = *turn_;
  std::string piece = text;
  // What the model says after a tool is a sentence of its own.
  const bool opens = turn.reply.size() == turn.round_at;
  if (opens && !ends_in_space(turn.reply) && !piece.starts_with(' ') && !piece.starts_with('\n')) {
    piece.insert(0, " ");
    ++turn.round_at;
  }
  turn.reply += piece;
  server_.send(turn.message.client, chat_line("chunk", turn.message.conversation, piece));
}

void TextTurns::answered(const ModelEvent& event, Nanos now) {
  Turn& turn = *turn_;
  say(turn.assembler.flush());
  turn.call = 0;
  if (turn.tools.start(turn.request, turn.reply.substr(turn.round_at), event.stop != StopReason::kLength, now,
                       event.verbatim)) {
    turn.phase = Phase::kTools;
    note_round();
    return;
  }
  if (turn.reply.empty()) {
    const Message message = turn.message;
    finish(true);
    return server_.send_error(message.client, to_string(message.conversation),
                              notice_text(Notice::kNoAnswer, parts_.language));
  }
  const Message message = turn.message;
  const std::string reply = turn.reply;
  finish(false, [this, message, reply] { send_done(message, reply, false); });
}

void TextTurns::finish(bool interrupted, std::function<void()> accepted) {
  Turn turn = std::move(*turn_);
  turn_.reset();
  if (turn.call != 0) parts_.model.cancel(turn.call);
  turn.tools.cancel();
  const wire::ConversationId& conversation = turn.message.conversation;
  const std::size_t last = turn.phase == Phase::kTools ? turn.reply.size() : turn.round_at;
  std::vector<ToolRound> all = std::move(turn.told);
  all.insert(all.end(), turn.tools.rounds().begin(), turn.tools.rounds().end());
  if (!parts_.record.off()) parts_.rounds_journal.keep(conversation, turn.user_sequence, all);
  parts_.conversations.at(conversation)
      .add_reply(turn.reply.substr(last), interrupted, turn.tools.rounds(), Lane::kText);
  wire::ReplyEnd end{};
  end.conversation = conversation;
  end.sequence = turn.reply_sequence;
  end.wall_ns = wall_now();
  end.interrupted = interrupted ? 1 : 0;
  end.channel = wire::Channel::kText;
  log_content("replied '{}'", turn.reply);
  // Whoever is told that it is done may rely on it: the frames of the turn are in the ring, or in the spool.
  const std::string id = interrupted ? std::string() : turn.message.id;
  const std::string kept = parts_.record.off() ? std::string() : turn.reply;
  parts_.turns.push(end, turn.reply, {}, [this, id, kept, accepted = std::move(accepted)] {
    if (!id.empty()) parts_.text_journal.done(id, kept);
    if (accepted) accepted();
  });
}

void TextTurns::send_done(const Message& message, std::string_view reply, bool interrupted) {
  json::Writer out;
  out.begin_object().member("type", "done").member("conversation", to_string(message.conversation));
  out.member("content", reply).member("interrupted", interrupted);
  server_.send(message.client, out.end_object().str());
}

void TextTurns::stop(bool now_too) {
  stopping_ = true;
  for (const Message& message : waiting_)
    server_.send_error(message.client, to_string(message.conversation), "prot is shutting down");
  waiting_.clear();
  if (!now_too || !turn_) return;
  server_.send_error(turn_->message.client, to_string(turn_->message.conversation), "prot is shutting down");
  finish(true);
}

}  // namespace prot::brain

#include "text_turns.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "json/json.hpp"
#include "text/utf8.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kRecallWait = 50 * kMillisecond;

std::string chat_line(const char* type, const wire::ConversationId& conversation, std::string_view content) {
  json::Writer out;
  out.begin_object().member("type", type).member("conversation", to_string(conversation));
  return out.member("content", content).end_object().str();
}

}  // namespace

void TextTurns::on_request(const ChatRequest& request, ipc::ConversationState voice, Nanos now) {
  (void)now;
  if (request.kind == ChatRequest::Kind::kHello) return hello(request, voice);
  if (request.kind == ChatRequest::Kind::kGone) {
    std::erase_if(waiting_, [&](const Message& m) { return m.client == request.client; });
    if (turn_ && turn_->message.client == request.client) finish(true);
    return;
  }
  if (request.kind != ChatRequest::Kind::kMessage) return;
  Message message{request.client, {}, text::sanitize_utf8(request.content), request.id};
  const auto refuse = [&](std::string_view why) {
    server_.send_error(request.client, request.conversation, why);
  };
  if (!request.conversation.empty() && !parse_conversation(request.conversation, message.conversation))
    return refuse("a conversation is 32 hexadecimal digits");
  if (request.conversation.empty()) message.conversation = new_conversation_id();
  if (message.content.find_first_not_of(" \t\r\n") == std::string::npos)
    return refuse("the message is empty");
  if (message.content.size() > kMaxContent) return refuse("the message is longer than 32 KiB");
  if (message.id.size() > TextJournal::kMaxId) return refuse("an id has at most 64 bytes");
  if (known(message)) return;
  if (stopping_) return refuse("prot is shutting down");
  if (waiting_.size() >= kMostWaiting) return refuse("too many messages are waiting; try again");
  waiting_.push_back(std::move(message));
}

// A message that comes again under its id: answered already, or under way for a connection that broke.
bool TextTurns::known(const Message& message) {
  if (message.id.empty()) return false;
  const auto same = [&](const Message& other) { return other.id == message.id; };
  if (turn_ && same(turn_->message)) {
    turn_->message.client = message.client;
    if (!turn_->reply.empty())
      server_.send(message.client, chat_line("chunk", message.conversation, turn_->reply));
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
  send_done(answered, record->reply);
  return true;
}

void TextTurns::hello(const ChatRequest& request, ipc::ConversationState voice) {
  wire::ConversationId id;
  const bool known = parse_conversation(request.conversation, id);
  if (!request.conversation.empty() && !known)
    return server_.send_error(request.client, request.conversation,
                              "a conversation is 32 hexadecimal digits");
  if (!known) id = new_conversation_id();
  if (known && !parts_.conversations.has(id)) parts_.memory.request_history(id);
  json::Writer out;
  out.begin_object().member("type", "hello").member("conversation", to_string(id));
  server_.send(request.client, out.member("state", ipc::to_string(voice)).end_object().str());
}

int TextTurns::tick(bool voice_first, Nanos now) {
  if (!turn_) {
    if (waiting_.empty() || voice_first) return 0;
    Message next = std::move(waiting_.front());
    waiting_.pop_front();
    begin(std::move(next), now);
    return 1;
  }
  if (turn_->call != 0 || (now < turn_->until && !parts_.memory.answered(Lane::kText, turn_->recall)))
    return 0;
  const std::string context = parts_.prompt.context(wall_now(), parts_.memory.block(Lane::kText).text);
  turn_->call = parts_.model.start(
      parts_.prompt.reply(parts_.conversations.at(turn_->message.conversation), context, Lane::kText), now);
  return 1;
}

void TextTurns::begin(Message message, Nanos now) {
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
  parts_.conversations.at(message.conversation).add_user(message.content);
  Turn turn;
  turn.reply_sequence = parts_.numbers.next();
  turn.recall = parts_.memory.request(message.conversation, message.content, Lane::kText);
  turn.until = now + kRecallWait;
  turn.message = std::move(message);
  turn_ = std::move(turn);
}

void TextTurns::on_model(const ModelEvent& event, Nanos now) {
  (void)now;
  if (!turn_ || turn_->call == 0 || event.id != turn_->call) return;
  const Message& message = turn_->message;
  switch (event.kind) {
    case ModelEvent::Kind::kText:
      turn_->reply += event.text;
      return server_.send(message.client, chat_line("chunk", message.conversation, event.text));
    case ModelEvent::Kind::kDone:
      turn_->call = 0;
      return finish(false);
    case ModelEvent::Kind::kError:
      log_warn("a text turn failed ({}): {}", http::to_string(event.error), event.text);
      server_.send_error(message.client, to_string(message.conversation),
                         notice_text(notice_for(event.error), parts_.language));
      turn_->call = 0;
      return finish(true);
    case ModelEvent::Kind::kToolCall:
    case ModelEvent::Kind::kUsage:
      return;
  }
}

void TextTurns::finish(bool interrupted) {
  Turn turn = *std::exchange(turn_, std::nullopt);
  if (turn.call != 0) parts_.model.cancel(turn.call);
  const wire::ConversationId& conversation = turn.message.conversation;
  parts_.conversations.at(conversation).add_reply(turn.reply, interrupted);
  wire::ReplyEnd end{};
  end.conversation = conversation;
  end.sequence = turn.reply_sequence;
  end.wall_ns = wall_now();
  end.interrupted = interrupted ? 1 : 0;
  end.channel = wire::Channel::kText;
  parts_.turns.push(end, turn.reply, {});
  log_content("replied '{}'", turn.reply);
  if (interrupted) return;
  if (!turn.message.id.empty()) parts_.text_journal.done(turn.message.id, turn.reply);
  send_done(turn.message, turn.reply);
}

void TextTurns::send_done(const Message& message, std::string_view reply) {
  json::Writer out;
  out.begin_object().member("type", "done").member("conversation", to_string(message.conversation));
  out.member("content", reply).member("interrupted", false);
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

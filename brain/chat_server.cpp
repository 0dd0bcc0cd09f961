#include "chat_server.hpp"

#include <utility>

#include "base/error.hpp"
#include "json/json.hpp"
#include "text/utf8.hpp"

namespace prot::brain {

void ChatServer::understand(ClientId id, std::string_view line, std::vector<ChatRequest>& requests) {
  try {
    const json::Document document = json::parse(line);
    if (!document.root().is_object()) return send_error(id, {}, "a line must be one JSON object");
    const std::string_view type = document.get("type").as_string();
    ChatRequest request;
    request.client = id;
    request.conversation = document.get("conversation").as_string();
    for (const char* member : {"conversation", "content", "id"})
      if (const json::View value = document.get(member); value && !value.is_string())
        return send_error(id, request.conversation, std::string(member) + " must be text");
    request.content = document.get("content").as_string();
    request.id = document.get("id").as_string();
    if (type == "hello") {
      request.kind = ChatRequest::Kind::kHello;
    } else if (type == "message") {
      request.kind = ChatRequest::Kind::kMessage;
    } else if (type == "stop") {
      request.kind = ChatRequest::Kind::kStop;
    } else if (type == "subscribe") {
      request.kind = ChatRequest::Kind::kSubscribe;
    } else if (type == "new_conversation") {
      request.kind = ChatRequest::Kind::kNewConversation;
    } else if (type == "record") {
      request.kind = ChatRequest::Kind::kRecord;
      if (const json::View on = document.get("on"); on.is_bool()) {
        request.record = on.as_bool() ? ChatRequest::Record::kOn : ChatRequest::Record::kOff;
      } else if (on) {
        return send_error(id, {}, "on must be true or false");
      }
    } else {
      const std::string shown(text::truncate_utf8(type, 40));
      return send_error(id, request.conversation, "unknown type '" + shown + "'");
    }
    requests.push_back(std::move(request));
  } catch (const std::exception& error) {
    send_error(id, {}, error.what());
  }
}

std::vector<ChatRequest> ChatServer::take() {
  std::vector<ChatRequest> requests;
  for (const stage::LineServer::Event& event : lines_.take()) {
    switch (event.kind) {
      case stage::LineServer::Event::Kind::kLine:
        understand(event.client, event.line, requests);
        break;
      case stage::LineServer::Event::Kind::kTooLong:
        send_error(event.client, {}, "the line is longer than 256 KiB and was not read");
        break;
      case stage::LineServer::Event::Kind::kGone: {
        subscribed_.erase(event.client);
        ChatRequest gone;
        gone.client = event.client;
        gone.kind = ChatRequest::Kind::kGone;
        requests.push_back(std::move(gone));
        break;
      }
    }
  }
  return requests;
}

void ChatServer::broadcast(std::string_view line) {
  for (const ClientId id : subscribed_) lines_.send(id, line);
}

void ChatServer::send_error(ClientId client, std::string_view conversation, std::string_view message) {
  json::Writer out;
  out.begin_object().member("type", "error").member("conversation", conversation);
  send(client, out.member("message", message).end_object().str());
}

}  // namespace prot::brain

#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.hpp"
#include "support/web_socket_server.hpp"
#include "text/base64.hpp"

/// ElevenLabs' voice as a service whose every word is scripted.
namespace prot::tts::test {

using prot::test::WebSocketPeer;
using prot::test::WebSocketServer;

inline constexpr unsigned kRate = 16'000;
inline constexpr std::size_t kCharacter = kRate / 100;  // samples: 10 ms each

inline std::vector<std::int16_t> sound(std::size_t characters, int first = 1) {
  std::vector<std::int16_t> samples(characters * kCharacter);
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = static_cast<std::int16_t>(first + static_cast<int>(i % 1000));
  return samples;
}

inline std::string encoded(std::string_view bytes) { return text::base64(std::as_bytes(std::span(bytes))); }
inline std::string bytes_of(const std::vector<std::int16_t>& samples) {
  std::string bytes(samples.size() * 2, '\0');
  std::memcpy(bytes.data(), samples.data(), bytes.size());
  return bytes;
}

/// The characters of ASCII text, 10 ms each from `begin_ms` on; the names as in the socket's messages.
inline std::string alignment(std::string_view characters, int begin_ms = 0) {
  json::Writer writer;
  writer.begin_object().key("chars").begin_array();
  for (const char c : characters) writer.value(std::string(1, c));
  writer.end_array().key("charStartTimesMs").begin_array();
  for (std::size_t i = 0; i < characters.size(); ++i) writer.value(begin_ms + static_cast<int>(i) * 10);
  writer.end_array().key("charDurationsMs").begin_array();
  for (std::size_t i = 0; i < characters.size(); ++i) writer.value(10);
  return writer.end_array().end_object().str();
}

/// One connection, as the service sees it.
class Service {
 public:
  explicit Service(WebSocketPeer& peer) : peer_(peer) { peer.upgrade(); }
  struct Message {
    std::string context;
    std::string text;
    bool settings = false;
    bool flush = false;
    bool close = false;
  };
  [[nodiscard]] std::optional<Message> next(int milliseconds = 10'000) {
    const std::optional<std::string> raw = peer_.receive_text(milliseconds);
    if (!raw) return std::nullopt;
    const json::Document document = json::parse(*raw);
    return Message{std::string(document.get("context_id").as_string()),
                   std::string(document.get("text").as_string()), document.get("voice_settings").is_object(),
                   document.get("flush").as_bool(), document.get("close_context").as_bool()};
  }
  /// Reads until there is a text to be spoken. Nothing: the client is gone.
  [[nodiscard]] std::optional<Message> next_text() {
    while (std::optional<Message> message = next())
      if (message->flush) return message;
    return std::nullopt;
  }
  void audio(const std::string& context, std::string_view bytes, const std::string& times = "null") {
    peer_.send_text(R"({"audio":")" + encoded(bytes) +
                    R"(","isFinal":null,"normalizedAlignment":null,"contextId":)" + json::escape(context) +
                    R"(,"alignment":)" + times + "}");
  }
  /// All of a text, in two chunks.
  void speak(const Message& message) {
    const std::size_t half = message.text.size() / 2;
    audio(message.context, bytes_of(sound(half)), alignment(message.text.substr(0, half)));
    audio(message.context, bytes_of(sound(message.text.size() - half)), alignment(message.text.substr(half)));
  }
  void final(const std::string& context) {
    peer_.send_text(R"({"isFinal":true,"contextId":)" + json::escape(context) + "}");
  }
  void error(const std::string& code) {
    peer_.send_text(R"({"message":"loopback says so","error":")" + code + R"(","code":1008})");
    peer_.send_close(1008, "loopback");
  }
  void stay() { (void)peer_.closed_within(20'000); }

 private:
  WebSocketPeer& peer_;
};

}  // namespace prot::tts::test

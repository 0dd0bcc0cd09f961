#pragma once

#include <doctest/doctest.h>

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "json/json.hpp"
#include "stt/engines/scribe_protocol.hpp"
#include "stt/speech_recognizer.hpp"
#include "support/web_socket_server.hpp"
#include "text/base64.hpp"

/// The engine "elevenlabs" and a service whose every word is scripted.
namespace prot::stt {

using test::WebSocketPeer;
using test::WebSocketServer;

/// One session, as the service sees it.
class Service {
 public:
  explicit Service(WebSocketPeer& peer, bool start = true) : peer_(peer) {
    peer.upgrade();
    if (start) peer.send_text(R"({"message_type":"session_started","session_id":"s","config":null})");
  }
  /// Reads until a commit. False: the client is gone.
  [[nodiscard]] bool until_commit() {
    samples.clear();
    while (next())
      if (committed) return true;
    return false;
  }
  [[nodiscard]] bool next(int milliseconds = 10'000) {
    const std::optional<std::string> message = peer_.receive_text(milliseconds);
    if (!message) return false;
    const json::Document document = json::parse(*message);
    complete = document.get("message_type").as_string() == "input_audio_chunk" &&
               document.get("audio_base_64").is_string() && document.get("commit").is_bool() &&
               document.get("sample_rate").as_int() == 16'000 && document.root().size() <= 5;
    const std::string bytes = text::from_base64(document.get("audio_base_64").as_string()).value_or("");
    const std::size_t before = samples.size();
    samples.resize(before + bytes.size() / 2);
    std::memcpy(samples.data() + before, bytes.data(), bytes.size());
    if (document.get("previous_text").is_string()) previous = document.get("previous_text").as_string();
    longest = std::max(longest, bytes.size() / 2);
    committed = document.get("commit").as_bool();
    ++messages;
    return true;
  }
  void say(const std::string& kind, const std::string& words) {
    peer_.send_text(R"({"message_type":")" + kind + R"(","text":)" + json::escape(words) + "}");
  }
  void final(const std::string& words) { say("committed_transcript", words); }
  void error(const std::string& code) {
    peer_.send_text(R"({"message_type":")" + code + R"(","error":"loopback"})");
  }
  /// Until the client ends it.
  void stay() { (void)peer_.closed_within(20'000); }

  std::vector<std::int16_t> samples;  // since the last commit
  std::string previous;
  std::size_t longest = 0;
  int messages = 0;
  bool committed = false;
  bool complete = false;

 private:
  WebSocketPeer& peer_;
};

/// An engine and its loop: sleeps until the engine wakes it, or its deadline comes.
class Bench {
 public:
  explicit Bench(const WebSocketServer& server) {
    options.url = server.url();
    options.model_name = "scribe_v2_realtime";
    options.language = "ko";
    options.api_key = "sk-secret";
    options.wake = [this] {
      const std::lock_guard lock(mutex_);
      woken_ = true;
      changed_.notify_all();
    };
  }
  void start() { recognizer = make_recognizer("elevenlabs", options); }
  /// Polls until `done`; false: not within 10 s.
  template <typename Done>
  bool until(Done done, Nanos patience = 10 * kSecond) {
    const Nanos end = monotonic_now() + patience;
    while (!done()) {
      if (monotonic_now() > end) return false;
      if (std::optional<Recognition> answer = recognizer->poll()) {
        (answer->partial ? partials : answers).push_back(*answer);
        continue;
      }
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(5), [this] { return woken_; });
      woken_ = false;
    }
    return true;
  }
  Recognition answer() {
    REQUIRE(until([this] { return !answers.empty(); }));
    Recognition first = answers.front();
    answers.erase(answers.begin());
    return first;
  }
  Recognition recognise(const std::vector<std::int16_t>& samples) {
    if (!recognizer) start();
    recognizer->begin();
    recognizer->push(samples);
    recognizer->finish();
    return answer();
  }

  RecognizerOptions options;
  std::vector<Recognition> answers;
  std::vector<Recognition> partials;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;

 public:
  std::unique_ptr<SpeechRecognizer> recognizer;  // last: its worker wakes
};

inline std::vector<std::int16_t> speech(std::size_t count = 16'000, int seed = 0) {
  std::vector<std::int16_t> samples(count);
  for (std::size_t i = 0; i < count; ++i)
    samples[i] = static_cast<std::int16_t>((static_cast<int>(i) * 31 + seed) % 6000 - 3000);
  return samples;
}

}  // namespace prot::stt

// Events as other implementations of Wyoming write them, and bytes that are none.
#include "wyoming/event.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "base/error.hpp"

namespace prot::wyoming {
namespace {

/// As the Python package 1.9.0 writes it.
const std::string kTranscript =
    "{\"type\": \"transcript\", \"version\": \"1.9.0\", \"data_length\": 40}\n"
    "{\"text\": \"불 켜줘\", \"language\": \"ko\"}";
const std::string kChunk =
    "{\"type\": \"audio-chunk\", \"version\": \"1.9.0\", \"data_length\": 61, \"payload_length\": 4}\n"
    "{\"rate\": 16000, \"width\": 2, \"channels\": 1, \"timestamp\": null}\x01\x02\n\x04";

}  // namespace

TEST_CASE("events come out whole, wherever their bytes are split") {
  const std::string bytes = kTranscript + kChunk + "{\"type\": \"describe\"}\n" + kTranscript;
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    Reader reader;
    std::vector<Event> events;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.push(std::string_view(bytes).substr(at, piece));
      while (std::optional<Event> event = reader.next()) events.push_back(std::move(*event));
      if (at + piece == kTranscript.size()) CHECK(reader.at_boundary());
    }
    REQUIRE(events.size() == 4);
    CHECK(reader.at_boundary());
    CHECK(events[0].type == "transcript");
    CHECK(events[0].get("text").as_string() == "불 켜줘");
    CHECK(events[1].get("rate").as_int() == 16'000);
    CHECK(events[1].get("timestamp").is_null());
    CHECK(events[1].payload == "\x01\x02\n\x04");
    CHECK(events[2].type == "describe");
    CHECK(events[3].get("language").as_string() == "ko");
  }
}

TEST_CASE("data within the line counts where the data behind it says nothing") {
  Reader reader;
  reader.push(
      "{\"type\":\"transcript\",\"data\":{\"text\":\"old\",\"language\":\"en\"},\"data_length\":14}\n"
      "{\"text\":\"new\"}");
  const std::optional<Event> event = reader.next();
  REQUIRE(event.has_value());
  CHECK(event->get("text").as_string() == "new");
  CHECK(event->get("language").as_string() == "en");
  CHECK(event->get("nothing").is_null());
}

TEST_CASE("what is written can be read, and lengths are of bytes") {
  const std::string bytes = encoded("synthesize", R"({"text":"안녕"})", {"\0\n\xff", 3});
  CHECK(bytes == "{\"type\":\"synthesize\",\"data_length\":17,\"payload_length\":3}\n{\"text\":\"안녕\"}" +
                     std::string("\0\n\xff", 3));
  Reader reader;
  reader.push(bytes);
  const std::optional<Event> event = reader.next();
  REQUIRE(event.has_value());
  CHECK(event->get("text").as_string() == "안녕");
  CHECK(event->payload.size() == 3);
  CHECK(encoded("describe") == "{\"type\":\"describe\"}\n");
}

TEST_CASE("what is no event is told at once, not waited for") {
  const std::vector<std::string> wrong = {
      "\n",
      "HTTP/1.1 400 Bad Request\r\n",
      "{\"type\": 7}\n",
      "{}\n",
      "{\"type\":\"a\",\"data_length\":-1}\n",
      "{\"type\":\"a\",\"data_length\":\"7\"}\n",
      "{\"type\":\"a\",\"payload_length\":1.5}\n",
      "{\"type\":\"a\",\"payload_length\":99999999999}\n",
      "{\"type\":\"a\",\"data_length\":3}\n{\"text\":\"cut\"}",
      std::string(1U << 20U, 'x'),
      "{\"type\":\"" + std::string(1U << 20U, 'x') + "\"}\n",
  };
  for (const std::string& bytes : wrong) {
    CAPTURE(bytes.substr(0, 60));
    Reader reader;
    reader.push(bytes);
    CHECK_THROWS_AS((void)reader.next(), Error);
  }
}

TEST_CASE("20,000 damaged streams give events or an error, and nothing else") {
  std::mt19937 random(7);
  const std::string whole = kTranscript + kChunk + "{\"type\": \"describe\"}\n" + kTranscript;
  int errors = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    for (unsigned flips = random() % 4; flips > 0; --flips) {
      const std::size_t at = random() % bytes.size();
      if (random() % 3 == 0)
        bytes.erase(at, 1 + random() % 5);
      else
        bytes[at] = static_cast<char>(random() % 256);
    }
    Reader reader;
    int events = 0;
    try {
      for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t size = std::min<std::size_t>(1 + random() % 40, bytes.size() - at);
        reader.push(std::string_view(bytes).substr(at, size));
        at += size;
        while (reader.next()) ++events;
      }
    } catch (const Error&) {
      ++errors;
    }
    CHECK(events <= 5);
    if (bytes == whole) CHECK(events == 4);
  }
  CHECK(errors > 1'000);
}

TEST_CASE("an event that is not whole yet is none, and no place to end") {
  Reader reader;
  for (const char c : kChunk.substr(0, kChunk.size() - 1)) {
    reader.push({&c, 1});
    CHECK_FALSE(reader.next().has_value());
    CHECK_FALSE(reader.at_boundary());
  }
}

}  // namespace prot::wyoming

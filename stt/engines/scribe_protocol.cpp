#include "engines/scribe_protocol.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/log.hpp"
#include "http/masking.hpp"
#include "http/url.hpp"
#include "json/json.hpp"
#include "text/base64.hpp"

namespace prot::stt::scribe {
namespace {

constexpr std::string_view kPath = "/v1/speech-to-text/realtime";
constexpr int kRate = 16'000;

struct Code {
  std::string_view name;
  FailureClass failure;  // kNone: the segment is empty, and all is well
};
constexpr auto kCodes = std::to_array<Code>({
    {"auth_error", FailureClass::kAuth},
    {"unaccepted_terms", FailureClass::kAuth},
    {"quota_exceeded", FailureClass::kQuota},
    {"invalid_request", FailureClass::kFatal},
    {"input_error", FailureClass::kFatal},
    {"chunk_size_exceeded", FailureClass::kFatal},
    {"rate_limited", FailureClass::kRetry},
    {"resource_exhausted", FailureClass::kRetry},
    {"queue_overflow", FailureClass::kRetry},
    {"transcriber_error", FailureClass::kRetry},
    {"session_time_limit_exceeded", FailureClass::kRetry},
    {"error", FailureClass::kRetry},
    {"commit_throttled", FailureClass::kNone},
    {"insufficient_audio_activity", FailureClass::kNone},
});

constexpr std::string_view kSuffix = "_error";

std::string_view without_suffix(std::string_view name) {
  return name.substr(0, name.size() - (name.ends_with(kSuffix) ? kSuffix.size() : 0));
}

// Clients and documents disagree on "_error" at the end of a name.
const Code* find_code(std::string_view name) {
  const auto* found = std::find_if(kCodes.begin(), kCodes.end(), [&](const Code& code) {
    return without_suffix(name) == without_suffix(code.name);
  });
  return found == kCodes.end() ? nullptr : found;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

// Its text may quote a key, or what was said: only names get into messages.
Message error_of(std::string_view type, json::View root) {
  Message message;
  message.kind = Message::Kind::kError;
  message.failure = FailureClass::kRetry;
  const std::string_view says = root.get("error").as_string();
  const Code* code = find_code(says);  // {"message_type":"error","error":"input_error"}
  if (code == nullptr) code = find_code(type);
  if (code != nullptr) {
    message.failure = code->failure;
    if (code->failure == FailureClass::kNone) message.kind = Message::Kind::kEmpty;
  }
  message.code = code != nullptr ? code->name : http::is_plain_name(type) ? type : "error";
  message.text = message.code;
  if (code == nullptr || code->name != says)
    if (http::is_plain_name(says)) message.text += " (" + std::string(says) + ")";
  return message;
}

}  // namespace

std::string session_url(const RecognizerOptions& options) {
  const http::Url url = http::parse_url(options.url);
  if (url.is_exposed() && !options.plain_http)
    throw UsageError(
        url.shown() +
        " would get what is said unencrypted; use https, or allow it with stt.plain_http = true");
  std::string address = url.shown();
  while (address.ends_with('/')) address.pop_back();
  if (!address.ends_with(kPath)) address += kPath;
  address += "?model_id=" + http::percent_encoded(options.model_name) +
             "&commit_strategy=manual&audio_format=pcm_16000&language_code=" +
             http::percent_encoded(options.language);
  std::size_t count = 0;
  for (const std::string& term : options.key_terms) {
    if (term.empty()) continue;
    if (count == kMostKeyTerms || characters(term) > kLongestKeyTerm) {
      log_warn("stt.key_terms: '{}' is left out: the service takes {} of at most {} characters", term,
               kMostKeyTerms, kLongestKeyTerm);
      continue;
    }
    address += "&keyterms=" + http::percent_encoded(term);
    ++count;
  }
  return address;
}

std::string audio_message(std::span<const std::int16_t> samples, bool commit, std::string_view previous) {
  json::Writer writer;
  writer.begin_object()
      .member("message_type", "input_audio_chunk")
      .member("audio_base_64", text::base64(std::as_bytes(samples)))
      .member("commit", commit)
      .member("sample_rate", kRate);
  if (!previous.empty()) writer.member("previous_text", previous);
  return writer.end_object().str();
}

std::string previous_text(std::string_view text) {
  while (characters(text) > kLongestPrevious) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return {};  // one word, cut anywhere, would be another one
    text.remove_prefix(space + 1);
  }
  return std::string(text);
}

Message parse(std::string_view json) {
  try {
    const json::Document document = json::parse(json);
    const json::View root = document.root();
    const std::string_view type = root.get("message_type").as_string();
    Message message;
    message.text = root.get("text").as_string();
    if (type == "session_started") {
      message.kind = Message::Kind::kStarted;
    } else if (type == "partial_transcript" || type == "final_transcript" ||
               type == "final_transcript_with_timestamps") {
      message.kind = Message::Kind::kPartial;  // a final one is settled, and not committed yet
    } else if (type == "committed_transcript" || type == "committed_transcript_with_timestamps") {
      message.kind = Message::Kind::kCommitted;
      message.timed = type.ends_with("timestamps");
    } else if (root.get("error").is_string() || find_code(type) != nullptr || type.ends_with(kSuffix)) {
      return error_of(type, root);
    } else if (http::is_plain_name(type) || type == "warning") {
      message.code = type;
    }
    return message;
  } catch (const Error& error) {
    Message message;
    message.kind = Message::Kind::kError;
    message.failure = FailureClass::kRetry;
    message.code = "malformed";
    message.text = error.what();
    return message;
  }
}

std::string_view without_repeats(std::string_view text) {
  for (const std::size_t times : {std::size_t{3}, std::size_t{2}}) {
    if ((text.size() + 1) % times != 0) continue;
    const std::size_t length = (text.size() + 1) / times - 1;
    const std::string_view first = text.substr(0, length);
    if (first.find(' ') == std::string_view::npos) continue;  // "no no" is speech
    bool same = true;
    for (std::size_t i = 1; same && i < times; ++i)
      same = text[i * (length + 1) - 1] == ' ' && text.substr(i * (length + 1), length) == first;
    if (same) return first;
  }
  return text;
}

}  // namespace prot::stt::scribe

#include "waterfall.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "json/json.hpp"

namespace prot::brain {
namespace {

struct Stamp {
  const char* name;
  Nanos Waterfall::*field;
};
constexpr Stamp kStamps[] = {
    {"speech_start_ns", &Waterfall::speech_start},
    {"speech_end_ns", &Waterfall::speech_end},
    {"end_decided_ns", &Waterfall::end_decided},
    {"decode_start_ns", &Waterfall::decode_start},
    {"decode_end_ns", &Waterfall::decode_end},
    {"final_transcript_ns", &Waterfall::final_transcript},
    {"request_ns", &Waterfall::request},
    {"first_token_ns", &Waterfall::first_token},
    {"first_segment_ns", &Waterfall::first_segment},
    {"synthesis_start_ns", &Waterfall::synthesis_start},
    {"first_pcm_ns", &Waterfall::first_pcm},
    {"written_ns", &Waterfall::written},
    {"audible_ns", &Waterfall::audible},
    {"interrupt_onset_ns", &Waterfall::interrupt_onset},
    {"interrupt_decided_ns", &Waterfall::interrupt_decided},
};

}  // namespace

std::string Waterfall::to_json() const {
  json::Writer out;
  out.begin_object().member("type", "turn").member("turn", turn).member("utterance", utterance);
  out.member("channel", "voice").member("heard", heard).member("reply", reply);
  out.member("interrupted", interrupted).member("failed", failed);
  for (const Stamp& stamp : kStamps) out.member(stamp.name, this->*stamp.field);
  out.member("end_wait_ms", end_wait_ms).member("end_probability", std::round(end_probability * 1e3) / 1e3);
  out.member("recall_tokens", recall_tokens).member("prompt_tokens", prompt_tokens);
  return out.member("cached_tokens", cached_tokens).end_object().str();
}

Waterfall Waterfall::from_json(json::View object) {
  Waterfall made;
  made.turn = static_cast<std::uint32_t>(object.get("turn").as_int());
  made.utterance = static_cast<std::uint32_t>(object.get("utterance").as_int());
  made.heard = object.get("heard").as_string();
  for (const Stamp& stamp : kStamps) made.*stamp.field = object.get(stamp.name).as_int();
  made.end_wait_ms = static_cast<std::uint32_t>(object.get("end_wait_ms").as_int());
  made.end_probability = static_cast<float>(object.get("end_probability").as_double(-1));
  return made;
}

void append_line(const std::string& path, std::string_view line) {
  constexpr off_t kLargest = 4 << 20;  // one older file is kept beside it
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && info.st_size > kLargest)
    ::rename(path.c_str(), (path + ".1").c_str());
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string bytes = std::string(line) + "\n";
  if (!file || ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    log_warn("{}", errno_error("cannot append to " + path, errno).what());
}

}  // namespace prot::brain

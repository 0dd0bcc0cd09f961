#include "waterfall.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <iterator>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "json/json.hpp"

namespace prot::brain {
namespace {

// In the order of ipc::TurnStamp, by which they are named.
constexpr Nanos Waterfall::*kStamps[] = {
    &Waterfall::speech_start,    &Waterfall::speech_end,      &Waterfall::end_decided,
    &Waterfall::decode_start,    &Waterfall::decode_end,      &Waterfall::final_transcript,
    &Waterfall::request,         &Waterfall::first_token,     &Waterfall::first_segment,
    &Waterfall::synthesis_start, &Waterfall::first_pcm,       &Waterfall::written,
    &Waterfall::audible,         &Waterfall::interrupt_onset, &Waterfall::interrupt_decided,
    &Waterfall::notice};
static_assert(std::size(kStamps) == ipc::kTurnStamps);

}  // namespace

std::string Waterfall::to_json() const {
  json::Writer out;
  out.begin_object().member("type", "turn").member("turn", turn).member("utterance", utterance);
  out.member("channel", "voice").member("heard", heard).member("reply", reply);
  out.member("interrupted", interrupted).member("failed", failed);
  out.member("preemptive", preemptive).member("model", model);
  for (std::size_t i = 0; i < ipc::kTurnStamps; ++i)
    out.member(ipc::turn_stamp_names()[i], this->*kStamps[i]);
  out.member("end_wait_ms", end_wait_ms).member("end_probability", std::round(end_probability * 1e3) / 1e3);
  out.member("recall_tokens", recall_tokens).member("prompt_tokens", prompt_tokens);
  return out.member("cached_tokens", cached_tokens).end_object().str();
}

Waterfall Waterfall::from_json(json::View object) {
  Waterfall made;
  made.turn = static_cast<std::uint32_t>(object.get("turn").as_int());
  made.utterance = static_cast<std::uint32_t>(object.get("utterance").as_int());
  made.heard = object.get("heard").as_string();
  for (std::size_t i = 0; i < ipc::kTurnStamps; ++i)
    made.*kStamps[i] = object.get(ipc::turn_stamp_names()[i]).as_int();
  made.end_wait_ms = static_cast<std::uint32_t>(object.get("end_wait_ms").as_int());
  made.end_probability = static_cast<float>(object.get("end_probability").as_double(-1));
  return made;
}

ipc::TurnTimes Waterfall::times() const {
  ipc::TurnTimes made;
  made.turn = turn;
  made.utterance = utterance;
  made.flags = (interrupted ? ipc::kTurnInterrupted : 0U) | (failed ? ipc::kTurnFailed : 0U) |
               (preemptive ? ipc::kTurnPreemptive : 0U);
  made.prompt_tokens = prompt_tokens;
  made.cached_tokens = cached_tokens;
  made.recall_tokens = recall_tokens;
  for (std::size_t i = 0; i < ipc::kTurnStamps; ++i) made.stamps[i] = this->*kStamps[i];
  made.model = model;
  made.wait_ms = end_wait_ms;
  if (end_probability > 0)
    made.end_probability = static_cast<std::uint32_t>(std::lround(end_probability * 1e3F));
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

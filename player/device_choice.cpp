#include "device_choice.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "pcm_sink.hpp"

namespace prot::player {
namespace {

constexpr const char* kPlugIn =
    "plug a loudspeaker in, start PulseAudio or PipeWire, name one with player.device, or set player.sink to "
    "\"null\" to go on without";

std::vector<stage::DeviceRow> rows_of(const audio::DeviceList& list) {
  std::vector<stage::DeviceRow> rows;
  for (const audio::DeviceList::Row& row : list.rows)
    rows.push_back({static_cast<int>(rows.size()), row.spec, row.description, row.is_default, false});
  return rows;
}

}  // namespace

std::vector<std::string> sink_candidates(const stage::Config& config) {
  const std::string& sink = config.get_string("player.sink");
  const std::string& device = config.get_string("player.device");
  const std::string suffix = device.empty() ? "" : ":" + device;
  if (sink != "auto") return {sink + suffix};
  std::vector<std::string> candidates;
  const std::vector<std::string> built_in = sink_names();
  for (const char* name : {"pulse", "alsa"})
    if (std::find(built_in.begin(), built_in.end(), name) != built_in.end())
      candidates.push_back(name + suffix);
  return candidates;
}

std::vector<stage::DeviceRow> player_rows(const stage::CheckContext& context) {
  std::vector<stage::DeviceRow> rows = rows_of(list_sinks());
  mark_used(rows, sink_candidates(context.config));
  return rows;
}

stage::Findings check_player(const stage::CheckContext& context) {
  const std::string what = "loudspeaker";
  const std::string& sink = context.config.get_string("player.sink");
  const std::string& device = context.config.get_string("player.device");
  const std::vector<std::string> candidates = sink_candidates(context.config);
  try {
    for (const std::string& candidate : candidates) static_cast<void>(make_sink(candidate));  // known?
  } catch (const Error& error) {
    return {{stage::Verdict::kFail, what, full_message(error), kPlugIn}};
  }
  if (sink == "null") return {{stage::Verdict::kOk, what, "none (player.sink = null)"}};
  if (sink == "wav") return {{stage::Verdict::kOk, what, "the file " + device}};
  const audio::DeviceList list = list_sinks();
  std::vector<stage::DeviceRow> rows = rows_of(list);
  const int used = mark_used(rows, candidates);
  if (used >= 0) return {{stage::Verdict::kOk, what, rows[static_cast<std::size_t>(used)].spec}};
  const std::string problems = list.problems.empty() ? "" : " (" + list.problems + ")";
  if (!device.empty() && candidates.back().starts_with("alsa:"))
    return {
        {stage::Verdict::kWarn, what, candidates.back() + " is tried; it is in no list" + problems, kPlugIn}};
  return {{stage::Verdict::kFail, what,
           (device.empty() ? "there is none" : "there is no " + candidates.front()) + problems, kPlugIn}};
}

}  // namespace prot::player

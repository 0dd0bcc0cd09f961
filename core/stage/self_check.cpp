#include "stage/self_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "json/json.hpp"

namespace prot::stage {
namespace {

std::string member(const json::Document& document, std::string_view name) {
  return std::string(document.get(name).as_string());
}

// What the set-up wrote down: "NAME SIZE TIME" a line. 0: it knows nothing of this file.
std::uintmax_t checked_size(const std::filesystem::path& path) {
  std::ifstream list(path.parent_path() / ".checked");
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    std::string name;
    std::uintmax_t size = 0;
    if (words >> name >> size && name == path.filename()) return size;
  }
  return 0;
}

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "fail";
  }
  return "?";
}

std::string to_json(const Finding& finding) {
  json::Writer out;
  out.begin_object()
      .member("verdict", to_string(finding.verdict))
      .member("what", finding.what)
      .member("finding", finding.finding)
      .member("mend", finding.mend)
      .end_object();
  return out.str();
}

std::string to_json(const DeviceRow& row) {
  json::Writer out;
  out.begin_object()
      .member("row", row.row)
      .member("device", row.spec)
      .member("description", row.description)
      .member("default", row.is_default)
      .member("used", row.is_used)
      .end_object();
  return out.str();
}

Finding finding_from_json(std::string_view line) {
  const json::Document document = json::parse(line);
  const std::string verdict = member(document, "verdict");
  return {verdict == "ok"     ? Verdict::kOk
          : verdict == "warn" ? Verdict::kWarn
                              : Verdict::kFail,
          member(document, "what"), member(document, "finding"), member(document, "mend")};
}

DeviceRow device_from_json(std::string_view line) {
  const json::Document document = json::parse(line);
  return {static_cast<int>(document.get("row").as_int(-1)), member(document, "device"),
          member(document, "description"), document.get("default").as_bool(), document.get("used").as_bool()};
}

int mark_used(std::vector<DeviceRow>& rows, const std::vector<std::string>& candidates) {
  for (const std::string& candidate : candidates) {
    const bool names_one = candidate.find(':') != std::string::npos;
    const auto fits = [&](const DeviceRow& row) {
      return names_one ? row.spec == candidate : row.spec.starts_with(candidate + ":") && row.is_default;
    };
    auto row = std::find_if(rows.begin(), rows.end(), fits);
    if (row == rows.end() && !names_one)
      row = std::find_if(rows.begin(), rows.end(),
                         [&](const DeviceRow& one) { return one.spec.starts_with(candidate + ":"); });
    if (row == rows.end()) continue;
    row->is_used = true;
    return static_cast<int>(row - rows.begin());
  }
  return -1;
}

Finding check_file(std::string what, const std::string& path, std::string_view magic, std::string mend) {
  const auto fail = [&](const std::string& why) {
    return Finding{Verdict::kFail, std::move(what), path + " " + why, std::move(mend)};
  };
  std::error_code error;
  const std::uintmax_t found = std::filesystem::file_size(path, error);
  if (error) return fail("cannot be used: " + error.message());
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(std::string("cannot be read: ") + std::strerror(errno));
  std::string begin(magic.size(), '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  if (found == 0) return fail("is empty");
  if (!file || begin != magic) return fail("is no file of this kind (its first bytes are others)");
  const std::uintmax_t size = checked_size(path);
  if (size != 0 && found != size)
    return fail(fmt::format("has {} bytes instead of {}: cut short?", found, size));
  return {Verdict::kOk, std::move(what), fmt::format("{} ({} MiB)", path, (found + (1U << 19U)) >> 20U)};
}

}  // namespace prot::stage

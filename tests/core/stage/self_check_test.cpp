#include "stage/self_check.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/temp_folder.hpp"

using namespace prot::stage;

TEST_CASE("a candidate without a device leads to its backend's default, else to its first") {
  std::vector<DeviceRow> rows{{0, "pulse:a", "", false, false},
                              {1, "pulse:b", "", true, false},
                              {2, "alsa:c", "", false, false},
                              {3, "alsa:pulse:x", "", false, false}};
  auto used = [&](const std::vector<std::string>& candidates) {
    std::vector<DeviceRow> copy = rows;
    const int row = mark_used(copy, candidates);
    for (const DeviceRow& one : copy) CHECK(one.is_used == (one.row == row));
    return row;
  };
  CHECK(used({"pulse", "alsa"}) == 1);
  CHECK(used({"alsa"}) == 2);
  CHECK(used({"pulse:a", "alsa:a"}) == 0);
  CHECK(used({"pulse:c", "alsa:c"}) == 2);
  CHECK(used({"pulse:nosuch"}) == -1);
  CHECK(used({"jack"}) == -1);
  CHECK(used({}) == -1);
}

TEST_CASE("findings and rows survive the way over a pipe") {
  for (const Verdict verdict : {Verdict::kOk, Verdict::kWarn, Verdict::kFail}) {
    const Finding finding = finding_from_json(to_json(Finding{verdict, "a \"b\"", "c\nd", "e"}));
    CHECK(finding.verdict == verdict);
    CHECK(finding.what == "a \"b\"");
    CHECK(finding.finding == "c\nd");
    CHECK(finding.mend == "e");
  }
  const DeviceRow row = device_from_json(to_json(DeviceRow{7, "pulse:x", "y", true, true}));
  CHECK(row.row == 7);
  CHECK(row.spec == "pulse:x");
  CHECK(row.description == "y");
  CHECK(row.is_default);
  CHECK(row.is_used);
  CHECK_THROWS(static_cast<void>(finding_from_json("hello")));
}

TEST_CASE("a model's file is looked at from outside") {
  const prot::test::TempFolder folder;
  const std::string path = (folder.path() / "model.bin").string();
  auto verdict = [&] { return check_file("model", path, "GGUF", "fetch it"); };
  CHECK(verdict().verdict == Verdict::kFail);
  std::ofstream(path) << "GGUF and more";
  CHECK(verdict().verdict == Verdict::kOk);
  CHECK(verdict().mend.empty());
  std::ofstream(folder.path() / ".checked") << "other.bin 1 now\nmodel.bin 13 now\n";
  CHECK(verdict().verdict == Verdict::kOk);
  std::ofstream(folder.path() / ".checked") << "model.bin 14 now\n";
  CHECK(verdict().finding.find("13 bytes instead of 14") != std::string::npos);
  CHECK(verdict().mend == "fetch it");
  std::ofstream(path) << "GG";
  CHECK(verdict().finding.find("no file of this kind") != std::string::npos);
}

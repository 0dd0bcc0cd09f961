// Reports of deaths: what is in them, where they are, how many, and that they cost the restart nothing.
#include "crash_report.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/error.hpp"
#include "build_id.hpp"
#include "crash_watch.hpp"
#include "json/json.hpp"
#include "run_segments.hpp"
#include "wire/memory.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Run {
  Run() {
    char name[] = "/tmp/prot-crash-test-XXXXXX";
    folder = ::mkdtemp(name);
    instance = "c" + std::to_string(::getpid());
    segments.emplace(instance, "0123456789ab");
    logs.emplace(folder / "log", clock);
    watch.emplace(segments->rings(), *logs, folder / "crashes", "0123456789ab", clock);
  }
  ~Run() {
    for (const std::string& name : ipc::list_segments(instance)) ipc::unlink_segment(name);
    fs::remove_all(folder);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // brain puts messages on `turns`, memory of `generation` takes `taken` of them and dies with the last.
  void take_turns(int count, int taken, std::uint32_t generation) {
    const std::string name = ipc::segment_name(instance, "0123456789ab", "turns");
    ipc::Output turns(ipc::RingSegment::open(name, ipc::Role::kProducer), nullptr, clock);
    for (int n = 1; n <= count; ++n) {
      wire::UserMessage message{};
      wire::SendOptions options;
      options.turn = 7;
      REQUIRE(wire::send(turns, message, wire::as_bytes("a private sentence"), options) ==
              ipc::PublishResult::kOk);
    }
    ipc::Input memory(ipc::RingSegment::open(name, ipc::Role::kConsumer), nullptr, clock, generation);
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    for (int n = 0; n < taken; ++n) {
      if (n > 0) memory.release();
      REQUIRE(memory.peek(info, payload) == ipc::TakeResult::kFrame);
    }
  }
  CrashWatch::Death death(std::uint32_t generation, int code) const {
    return {.stage = "memory",
            .generation = generation,
            .pid = 4711,
            .status = {.code = code},
            .what = "was killed by SIGSEGV",
            .started_at = clock.now() - 3 * kSecond,
            .was_ready = true};
  }
  std::string write() {
    return watch->write([](const std::string&) -> std::optional<CrashWatch::Aftermath> {
      return CrashWatch::Aftermath{"restarted at once", "/proc/self/exe"};
    });
  }
  json::Document newest() const {
    const auto files = crash_reports_in(folder / "crashes");
    REQUIRE_FALSE(files.empty());
    return json::parse(text_of(files.front()));
  }

  fs::path folder;
  std::string instance;
  FakeClock clock;
  std::optional<RunSegments> segments;
  std::optional<LogStore> logs;
  std::optional<CrashWatch> watch;
};

TEST_CASE_FIXTURE(Run,
                  "a report has who, how, when, where the rings stood, the frame's header, the last lines") {
  segments->set_generation("memory", 2, 4711);
  take_turns(5, 3, 2);
  logs->set_process("memory", 4711, 2);
  logs->append("memory",
               "working\ncrash: SIGSEGV (code 1) at 0x0, thread 9\n"
               "crash: #0 /usr/bin/prot-memory+0x1234\ncrash: #1 /lib/libc.so.6+0xabc\n");
  watch->on_death(death(2, -SIGSEGV));
  logs->append_line("memory", "of the successor");
  CHECK(write().empty());

  const auto files = crash_reports_in(folder / "crashes");
  REQUIRE(files.size() == 1);
  CHECK(files[0].filename() == "crash-memory-2-0123456789ab.json");
  CHECK((fs::status(files[0]).permissions() & fs::perms::mask) == fs::perms(0600));
  const std::string text = text_of(files[0]);
  CHECK(text.find("private") == std::string::npos);

  const json::Document document = json::parse(text);
  const json::View r = document.root();
  CHECK(r.get("id").as_string() == "memory-2-0123456789ab");
  CHECK(r.get("signal").as_int() == SIGSEGV);
  CHECK(r.get("signal_name").as_string() == "SIGSEGV");
  CHECK(r.get("core").is_bool());
  CHECK(r.get("uptime_ms").as_int() == 3000);
  CHECK(r.get("pid").as_int() == 4711);
  CHECK(r.get("decision").as_string() == "restarted at once");
  CHECK(r.get("version").as_string() == PROT_VERSION);
  CHECK(r.get("build_id").as_string() == build_id_of("/proc/self/exe"));
  CHECK(r.get("backtrace").size() == 2);
  CHECK(r.get("backtrace").at(0).get("module").as_string() == "/usr/bin/prot-memory");
  CHECK(r.get("backtrace").at(1).get("offset").as_string() == "0xabc");

  const json::View frame = r.get("frame");
  CHECK(frame.get("ring").as_string() == "turns");
  CHECK(frame.get("sequence").as_int() == 2);
  CHECK(frame.get("kind").as_int() == static_cast<int>(wire::UserMessage::kKind));
  CHECK(frame.get("turn").as_int() == 7);
  CHECK(frame.get("size").as_int() == static_cast<int>(sizeof(wire::UserMessage)) + 18);

  const json::View rings = r.get("rings");
  REQUIRE(rings.size() == 3);  // those of memory
  CHECK(rings.at(0).get("name").as_string() == "turns");
  CHECK(rings.at(0).get("sequence").as_int() == 4);
  CHECK(rings.at(0).get("released").as_int() == 2);
  CHECK(rings.at(0).get("used").as_int() ==
        rings.at(0).get("tail").as_int() - rings.at(0).get("head").as_int());

  CHECK(r.get("log").size() == 4);
  CHECK(r.get("log").at(0).get("msg").as_string() == "working");
}

TEST_CASE_FIXTURE(Run, "a process that died before it attached is not blamed for its predecessor's frame") {
  take_turns(2, 1, 2);
  watch->on_death(death(3, 1));
  CHECK(write().empty());
  const json::Document document = newest();
  CHECK(document.get("frame").is_null());
  CHECK(document.get("exit_code").as_int() == 1);
  CHECK(document.get("signal").is_null());
}

TEST_CASE_FIXTURE(Run, "the newest fifty are kept, each of bounded size") {
  for (int i = 0; i < 500; ++i) logs->append_line("memory", std::string(1000, 'x'));
  for (std::uint32_t generation = 1; generation <= 60; ++generation) {
    watch->on_death(death(generation, -SIGKILL));
    CHECK(write().empty());
    const fs::path file =
        folder / "crashes" / ("crash-memory-" + std::to_string(generation) + "-0123456789ab.json");
    REQUIRE(fs::exists(file));
    CHECK(fs::file_size(file) < 80'000);
    // The file system's clock is coarse.
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::seconds(1000 - generation));
  }
  const auto files = crash_reports_in(folder / "crashes");
  REQUIRE(files.size() == kMostCrashReports);
  CHECK(files.front().filename() == "crash-memory-60-0123456789ab.json");
  CHECK(files.back().filename() == "crash-memory-11-0123456789ab.json");
}

TEST_CASE_FIXTURE(Run, "a folder that cannot be written costs one line, and reports come back") {
  std::ofstream(folder / "crashes") << "a file in the way";
  watch->on_death(death(1, -SIGKILL));
  CHECK(write().find("no crash report: ") == 0);
  watch->on_death(death(2, -SIGKILL));
  CHECK(write().empty());
  fs::remove(folder / "crashes");
  watch->on_death(death(3, -SIGKILL));
  CHECK(write().empty());
  CHECK(crash_reports_in(folder / "crashes").size() == 1);
}

TEST_CASE("a build id is what the linker wrote; anything else has none") {
  const std::string own = build_id_of("/proc/self/exe");
  CHECK(own.size() == 40);
  CHECK(own.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(build_id_of("/nowhere").empty());
  CHECK(build_id_of("/dev/zero").empty());
  char name[] = "/tmp/prot-elf-test-XXXXXX";
  const int fd = ::mkstemp(name);
  std::string bytes = text_of("/proc/self/exe").substr(0, 8192);
  for (std::size_t cut : {std::size_t{3}, std::size_t{64}, std::size_t{200}, bytes.size()}) {
    std::ofstream(name, std::ios::binary) << bytes.substr(0, cut);
    CHECK(build_id_of(name).size() <= 128);  // never more than the file can say
  }
  ::close(fd);
  fs::remove(name);
}

}  // namespace
}  // namespace prot::supervisor

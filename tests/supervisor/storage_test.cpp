// What outlives processes: segments of a run, saved turns.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "ipc/crc32c.hpp"
#include "ipc/record_file.hpp"
#include "posix_process_sys.hpp"
#include "run_segments.hpp"
#include "state_folder.hpp"
#include "wire/frame.hpp"
#include "wire/memory.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

struct Folder {
  Folder() {
    char name[] = "/tmp/prot-supervisor-test-XXXXXX";
    path = ::mkdtemp(name);
    paths.instance = "t" + std::to_string(::getpid());
    paths.runtime = path / "run";
    paths.state = path / "state";
    fs::create_directories(paths.runtime);
    fs::create_directories(paths.state / "spool");
  }
  ~Folder() {
    for (const std::string& name : ipc::list_segments(paths.instance)) ipc::unlink_segment(name);
    fs::remove_all(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path path;
  InstancePaths paths;
  SteadyClock clock;
  PosixProcessSys sys;
};

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// brain puts `count` messages on the turns ring of a run.
void put_turns(const Folder& folder, const std::string& run, int count) {
  ipc::Output turns(
      ipc::RingSegment::open(ipc::segment_name(folder.paths.instance, run, "turns"), ipc::Role::kProducer),
      nullptr, folder.clock);
  for (int n = 1; n <= count; ++n) {
    wire::UserMessage message{};
    message.sequence = static_cast<std::uint64_t>(n);
    const std::string text = "message " + std::to_string(n);
    REQUIRE(wire::send(turns, message, wire::as_bytes(text), {}) == ipc::PublishResult::kOk);
  }
}

TEST_CASE_FIXTURE(Folder, "a run has a board and every ring, and leaves nothing when removed") {
  RunSegments segments(paths.instance, new_run_id());
  CHECK(ipc::list_segments(paths.instance).size() == wire::kRings.size() + 1);
  segments.set_generation("stt", 3, 77);
  CHECK(segments.rings()[0].memory().supervisor->consumer_generation.load() == 3);
  segments.set_closed("memory", true);
  CHECK(segments.rings()[7].memory().supervisor->consumer_closed.load() == 1);
  CHECK(segments.rings()[8].memory().supervisor->producer_closed.load() == 1);
  segments.remove();
  CHECK(ipc::list_segments(paths.instance).empty());
}

TEST_CASE_FIXTURE(Folder, "turns of a dead run are saved as they were written, then its segments go") {
  const std::string run = new_run_id();
  {
    RunSegments segments(paths.instance, run);
    segments.board().supervisor().pid.store(1U << 30U);  // nobody
    put_turns(*this, run, 3);
    CHECK(segments.ring_pending("turns"));
  }
  const StaleRuns stale = clear_stale_runs(paths, sys);
  CHECK(stale.runs == 1);
  CHECK(stale.frames_saved == 3);
  CHECK(ipc::list_segments(paths.instance).empty());

  const std::string file = bytes_of(paths.state / "spool" / "brain" / (run + "-001.frames"));
  ipc::RecordReader records(std::as_bytes(std::span(file)));
  std::span<const std::byte> body;
  for (int n = 1; n <= 3; ++n) {
    ipc::RecordHeader header{};
    REQUIRE(records.next(body));
    REQUIRE(body.size() >= sizeof header);
    std::memcpy(&header, body.data(), sizeof header);
    CHECK(body.size() == sizeof header + header.length);
    CHECK(header.sequence == static_cast<std::uint64_t>(n - 1));
    const auto raw = std::as_bytes(std::span(&header, 1));
    CHECK(header.crc == ipc::crc32c(raw.subspan(16), ipc::crc32c(raw.first(12))));
    const std::string_view payload = wire::as_text(body.subspan(sizeof header));
    CHECK(payload.substr(sizeof(wire::UserMessage)) == "message " + std::to_string(n));
  }
  CHECK_FALSE(records.next(body));
  CHECK(records.damaged() == 0);
}

TEST_CASE_FIXTURE(Folder, "a run whose supervisor lives is left alone") {
  RunSegments segments(paths.instance, new_run_id());
  segments.board().supervisor().pid.store(static_cast<std::uint64_t>(::getpid()));
  segments.board().supervisor().start_time.store(sys.start_time(::getpid()));
  const std::string expected =
      "instance '" + paths.instance + "' is already running (pid " + std::to_string(::getpid()) + ")";
  CHECK_THROWS_WITH_AS(clear_stale_runs(paths, sys), expected.c_str(), Error);
  CHECK_FALSE(ipc::list_segments(paths.instance).empty());
}

TEST_CASE_FIXTURE(Folder, "a number that another process has now is not our survivor") {
  std::ofstream(paths.state / "pids") << ::getpid() << " 12345\n";  // not our start time
  CHECK(clear_stale_runs(paths, sys).processes_killed == 0);
}

TEST_CASE_FIXTURE(Folder, "turns that cannot be saved stay in shared memory") {
  const std::string run = new_run_id();
  RunSegments segments(paths.instance, run);
  segments.board().supervisor().pid.store(1U << 30U);
  put_turns(*this, run, 1);
  fs::remove_all(paths.state / "spool");
  std::ofstream(paths.state / "spool") << "a file in the way";
  CHECK_THROWS_AS(clear_stale_runs(paths, sys), Error);
  CHECK(ipc::list_segments(paths.instance).size() == wire::kRings.size() + 1);
}

TEST_CASE_FIXTURE(Folder,
                  "a link that leads nowhere takes the name of no saved turns, nor does it end anything") {
  const std::string run = new_run_id();
  const RunSegments segments(paths.instance, run);
  put_turns(*this, run, 2);
  const fs::path spool = paths.state / "spool";
  fs::create_symlink(run + "-001.frames", spool / (run + "-001.frames"));
  fs::create_symlink(spool / "nothing", spool / (run + "-002.frames"));
  CHECK(save_turns(ipc::segment_name(paths.instance, run, "turns"), run, spool) == 2);
  CHECK(fs::file_size(spool / (run + "-003.frames")) > 0);
  CHECK(fs::is_symlink(spool / (run + "-002.frames")));
}

}  // namespace

TEST_CASE_FIXTURE(Folder,
                  "what an earlier version had in the state folder itself is where stages may write") {
  for (const char* name : {"turns.jsonl", "turns.jsonl.1", "chat_history", "off_the_record"})
    std::ofstream(paths.state / name) << name;
  CHECK(prepare_state(paths).empty());
  for (const char* name : {"turns.jsonl", "turns.jsonl.1", "chat_history", "off_the_record"}) {
    CHECK(bytes_of(paths.state / "said" / name) == name);
    CHECK_FALSE(fs::exists(paths.state / name));
  }
  CHECK((fs::status(paths.state / "said").permissions() & fs::perms::all) == fs::perms::owner_all);
  std::ofstream(paths.state / "turns.jsonl") << "of somebody who went back";
  CHECK(prepare_state(paths).empty());
  CHECK(bytes_of(paths.state / "said" / "turns.jsonl") == "turns.jsonl");
  CHECK(bytes_of(paths.state / "said" / "turns.jsonl.earlier-1") == "of somebody who went back");
  CHECK_FALSE(fs::exists(paths.state / "turns.jsonl"));
}

TEST_CASE_FIXTURE(Folder, "\"off the record\" is not forgotten where its new place cannot be made") {
  std::ofstream(paths.state / "off_the_record") << "";
  fs::create_symlink(paths.state / "nothing", paths.state / "said");  // as on a disk that is full
  CHECK_THROWS_AS(static_cast<void>(prepare_state(paths)), Error);
  CHECK(fs::exists(paths.state / "off_the_record"));
}

TEST_CASE_FIXTURE(Folder, "a folder that somebody removed is there again for the next process of a stage") {
  CHECK(make_written_folders("memory", paths).empty());
  fs::remove_all(paths.state / "conversations");
  CHECK(make_written_folders("memory", paths).empty());
  CHECK(fs::is_directory(paths.state / "conversations"));
  CHECK(make_written_folders("tts", paths).empty());
}

TEST_CASE_FIXTURE(Folder,
                  "a state folder that takes nothing is told, unless \"off the record\" would be forgotten") {
  std::ofstream(paths.state / "said") << "a file in the way";
  std::ofstream(paths.state / "turns.jsonl") << "kept";
  CHECK(prepare_state(paths).size() == 2);  // the folder, the file
  CHECK(bytes_of(paths.state / "turns.jsonl") == "kept");
  std::ofstream(paths.state / "off_the_record") << "";
  CHECK_THROWS_AS(static_cast<void>(prepare_state(paths)), Error);
}

}  // namespace prot::supervisor

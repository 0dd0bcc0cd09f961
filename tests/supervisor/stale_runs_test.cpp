// Whose an earlier run is: /dev/shm and the table of processes are everybody's.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/unique_fd.hpp"
#include "posix_process_sys.hpp"
#include "run_segments.hpp"
#include "tests/support/temp_folder.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;
const bool kRoot = ::geteuid() == 0;

/// A process that says it is of a run.
class Sleeper {
 public:
  Sleeper(const std::string& run, uid_t user) {
    Pipe begun = make_pipe();  // closed by its exec
    pid_ = ::fork();
    if (pid_ < 0) throw errno_error("cannot fork");
    if (pid_ == 0) {
      const std::string variable = "PROT_RUN=" + run;
      if (user != ::geteuid() && ::setuid(user) != 0) ::_exit(1);
      const char* environment[] = {variable.c_str(), nullptr};
      ::execle("/bin/sleep", "sleep", "60", nullptr, environment);
      ::_exit(127);
    }
    begun.write.reset();
    char byte = 0;
    (void)!::read(begun.read.get(), &byte, 1);
  }
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  [[nodiscard]] bool alive() const { return sys_.start_time(pid_) != 0; }

 private:
  PosixProcessSys sys_;
  pid_t pid_ = -1;
};

struct Bench {
  Bench() {
    paths.instance = "w" + std::to_string(::getpid());
    paths.runtime = folder.path() / "run";
    paths.state = folder.path() / "state";
    fs::create_directories(paths.state / "spool");
  }
  ~Bench() {
    for (const auto& entry : fs::directory_iterator("/dev/shm"))
      if (entry.path().filename().string().starts_with("prot." + paths.instance + "."))
        fs::remove(entry.path());
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  [[nodiscard]] fs::path file(const std::string& id, const std::string& ring) const {
    return "/dev/shm" + ipc::segment_name(paths.instance, id, ring);
  }
  void plant(const std::string& id, const std::string& ring, uid_t user) const {
    std::ofstream(file(id, ring)).flush();
    if (user != ::geteuid()) REQUIRE(::chown(file(id, ring).c_str(), user, user) == 0);
  }
  [[nodiscard]] RunSegments dead_run() const {
    RunSegments segments(paths.instance, run);
    segments.board().supervisor().pid.store(1U << 30U);  // no process
    return segments;
  }

  test::TempFolder folder;
  InstancePaths paths;
  PosixProcessSys sys;
  std::string run = new_run_id();
};

TEST_CASE_FIXTURE(Bench,
                  "segments of another user are none of ours, and prove no run" * doctest::skip(!kRoot)) {
  const RunSegments segments = dead_run();
  for (const std::string& name : ipc::list_segments(paths.instance))
    REQUIRE(::chown(("/dev/shm" + name).c_str(), kNobody, kNobody) == 0);
  plant("000000000000", "turns", kNobody);
  const Sleeper ours(run, ::geteuid());  // of an instance of another name, say
  const StaleRuns stale = clear_stale_runs(paths, sys);
  CHECK(stale.runs == 0);
  CHECK(stale.processes_killed == 0);
  CHECK(stale.warnings.empty());
  CHECK(ours.alive());
  CHECK(fs::exists(file(run, "board")));
  CHECK(fs::exists(file("000000000000", "turns")));
  CHECK(ipc::list_segments(paths.instance).empty());
  const auto instances = ipc::list_instances();
  CHECK(std::find(instances.begin(), instances.end(), paths.instance) == instances.end());
}

TEST_CASE_FIXTURE(Bench,
                  "a process of another user is not ended, whatever run it names" * doctest::skip(!kRoot)) {
  const RunSegments segments = dead_run();
  const Sleeper ours(run, ::geteuid());
  const Sleeper theirs(run, kNobody);
  CHECK(clear_stale_runs(paths, sys).processes_killed == 1);
  CHECK_FALSE(ours.alive());
  CHECK(theirs.alive());
}

TEST_CASE_FIXTURE(Bench, "a name without a board and turns proves no run: it goes, and nobody is ended") {
  plant(run, "x", ::geteuid());
  const Sleeper other(run, ::geteuid());
  CHECK(clear_stale_runs(paths, sys).processes_killed == 0);
  CHECK(other.alive());
  CHECK_FALSE(fs::exists(file(run, "x")));
}

TEST_CASE_FIXTURE(Bench, "turns that cannot be read cost a warning and no start, and stay") {
  const RunSegments segments = dead_run();
  {
    const UniqueFd turns(::open(file(run, "turns").c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(turns.get(), "another magic", 8, 0) == 8);
  }
  for (const std::size_t runs :
       {std::size_t{1}, std::size_t{0}}) {  // the next start has no run to clear any more
    const StaleRuns stale = clear_stale_runs(paths, sys);
    CHECK(stale.runs == runs);
    CHECK(stale.frames_saved == 0);
    REQUIRE(stale.warnings.size() == 1);
    CHECK(stale.warnings[0].find(ipc::segment_name(paths.instance, run, "turns")) != std::string::npos);
    CHECK(ipc::list_segments(paths.instance).size() == 1);
    CHECK(fs::exists(file(run, "turns")));
  }
}

}  // namespace
}  // namespace prot::supervisor

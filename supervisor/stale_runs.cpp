#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/error.hpp"
#include "base/log.hpp"
#include "frame_file.hpp"
#include "ipc/channel.hpp"
#include "ipc/record_file.hpp"
#include "posix_process_sys.hpp"
#include "run_segments.hpp"
#include "wire/frame.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

constexpr int kSurvivorGraceMs = 3000;
constexpr int kLastBreathMs = 500;

fs::path free_name(const fs::path& spool, const std::string& run_id) {
  for (int n = 1;; ++n) {
    fs::path file = spool / fmt::format("{}-{:03}.frames", run_id, n);
    std::error_code error;
    const fs::file_type type = fs::symlink_status(file, error).type();  // a link to nowhere is there, too
    if (type == fs::file_type::not_found) return file;
    if (type == fs::file_type::none) throw Error("cannot look for " + file.string() + ": " + error.message());
  }
}

struct Survivor {
  pid_t pid = 0;
  std::uint64_t start = 0;
};

bool wait_for_end(int pidfd, int timeout_ms) {
  pollfd wait{pidfd, POLLIN, 0};
  return ::poll(&wait, 1, timeout_ms) > 0;
}

// INT first: a PostgreSQL server must tell its children; whoever does not listen is killed.
bool end_survivor(const Survivor& survivor, const ProcessSys& sys) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, survivor.pid, 0)));
  if (!pidfd || sys.start_time(survivor.pid) != survivor.start) return false;
  for (const int number : {SIGINT, SIGKILL}) {
    ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
    if (wait_for_end(pidfd.get(), kSurvivorGraceMs)) break;
  }
  return true;
}

// A program that changed its user is not ours to end, nor is what only says that it is of this run.
bool is_own_process(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("Uid:")) continue;
    std::istringstream users(line.substr(4));
    uid_t real = 0;
    uid_t effective = 0;
    return users >> real >> effective && real == ::geteuid() && effective == real;
  }
  return false;
}

bool is_of_run(pid_t pid, const std::string& run) {
  return is_own_process(pid) && has_in_environment(pid, "PROT_RUN=" + run);
}

// What a stage of the dead run started with a session of its own: nobody told it.
std::size_t end_descendants(const std::string& run) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
    if (pid <= 1 || pid == ::getpid() || !is_of_run(pid, run)) continue;
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd || !is_of_run(pid, run)) continue;
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) == 0) ++count;
    wait_for_end(pidfd.get(), kSurvivorGraceMs);
  }
  return count;
}

std::vector<Survivor> read_pids(const InstancePaths& paths) {
  std::ifstream file(paths.state / "pids");
  std::vector<Survivor> list;
  for (Survivor s; file >> s.pid >> s.start;)
    if (s.pid > 1 && s.start != 0) list.push_back(s);
  return list;
}

// Segments of the instance by run. An instance's name has no dot: "/prot.INSTANCE.RUN.RING".
std::map<std::string, std::vector<std::string>> runs_of(const std::string& instance) {
  std::map<std::string, std::vector<std::string>> runs;
  const std::size_t begin = std::strlen("/prot.") + instance.size() + 1;
  for (const std::string& name : ipc::list_segments(instance)) {
    const std::size_t dot = name.find('.', begin);
    if (dot != std::string::npos) runs[name.substr(begin, dot - begin)].push_back(name);
  }
  return runs;
}

// A name alone proves no run; its board or its turns do.
bool is_run(const std::string& instance, const std::string& run, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == ipc::segment_name(instance, run, "board") ||
           name == ipc::segment_name(instance, run, "turns");
  });
}

/// Whether the turns of a dead run are a ring that this program reads. One that is none must not keep prot
/// from starting; it stays, for the version that wrote it.
bool can_read(const std::string& turns, StaleRuns& done) {
  try {
    static_cast<void>(ipc::RingSegment::open(turns, ipc::Role::kConsumer));
    return true;
  } catch (const Error& e) {
    done.warnings.push_back(fmt::format("turns of an earlier run cannot be read, and stay: {}", e.what()));
    return false;
  }
}

// The locks say that no supervisor of these folders lives; one of other folders may. Its pid, or 0.
pid_t living_supervisor(const std::string& instance, const std::string& run, const ProcessSys& sys) {
  try {
    const ipc::Board board = ipc::Board::open(ipc::segment_name(instance, run, "board"));
    const auto pid = static_cast<pid_t>(board.supervisor().pid.load());
    const std::uint64_t start = board.supervisor().start_time.load();
    if (pid <= 1 || start == 0) return 0;
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd || sys.start_time(pid) != start) return 0;
    return wait_for_end(pidfd.get(), kLastBreathMs) ? 0 : pid;  // it may have been killed just now
  } catch (const Error&) {
    return 0;  // no board, or a broken one: nobody works with it
  }
}

}  // namespace

std::size_t save_turns(const std::string& shm_name, const std::string& run_id, const fs::path& spool) {
  const ipc::RingSegment segment = ipc::RingSegment::open(shm_name, ipc::Role::kConsumer);
  ipc::RingConsumer ring(segment.memory());
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::string records;
  std::size_t count = 0;
  ipc::TakeResult result = ring.peek(info, payload);
  for (; result == ipc::TakeResult::kFrame; result = ring.peek(info, payload)) {
    if (ipc::is_set_aside(*segment.memory().supervisor, info.sequence)) continue;  // has a file of its own
    if (wire::is<wire::EndOfStream>(info)) continue;  // of that run; it says nothing to the next one
    ++count;
    const ipc::RecordHeader header = header_of(info, payload.size());
    std::string body(reinterpret_cast<const char*>(&header), sizeof header);
    body.append(reinterpret_cast<const char*>(payload.data()), payload.size());
    ipc::append_record(records, std::as_bytes(std::span(body)));
  }
  if (result == ipc::TakeResult::kFaulted)
    log_error("{}: a damaged frame ends what can be saved of run {}", shm_name, run_id);
  if (count == 0) return 0;

  make_private_directory(spool);
  const fs::path file = free_name(spool, run_id);
  write_durably(file, records);
  return count;
}

Error already_running(const std::string& instance, long pid) {
  const std::string who = pid > 0 ? fmt::format(" (pid {})", pid) : "";
  return Error(fmt::format("instance '{}' is already running{}", instance, who));
}

StaleRuns clear_stale_runs(const InstancePaths& paths, ProcessSys& sys) {
  StaleRuns done;
  const auto runs = runs_of(paths.instance);
  for (const auto& [run, names] : runs)
    if (const pid_t pid = living_supervisor(paths.instance, run, sys); pid != 0)
      throw already_running(paths.instance, pid);
  for (const Survivor& survivor : read_pids(paths))
    if (end_survivor(survivor, sys)) ++done.processes_killed;
  for (const auto& [run, names] : runs) {
    if (is_run(paths.instance, run, names)) done.processes_killed += end_descendants(run);
    const std::string turns = ipc::segment_name(paths.instance, run, "turns");
    const bool has_turns = std::find(names.begin(), names.end(), turns) != names.end();
    const bool readable = has_turns && can_read(turns, done);
    if (readable) {
      try {
        done.frames_saved += save_turns(turns, run, paths.state / "spool" / "brain");
      } catch (const Error& e) {
        throw Error(fmt::format("cannot save the turns of the earlier run {}: {}", run, e.what()));
      }
    }
    for (const std::string& name : names)
      if (readable || name != turns) ipc::unlink_segment(name);
    if (readable || !has_turns || names.size() > 1) ++done.runs;
  }
  return done;
}

void write_pids(const InstancePaths& paths, const std::vector<pid_t>& pids, const ProcessSys& sys) {
  const fs::path file = paths.state / "pids";
  const fs::path partial = file.string() + ".part";
  {
    std::ofstream out(partial, std::ios::trunc);
    std::error_code ignored;  // nobody's business, but no secret
    fs::permissions(partial, fs::perms::owner_read | fs::perms::owner_write, ignored);
    for (const pid_t pid : pids) out << pid << ' ' << sys.start_time(pid) << '\n';
    if (!out.flush()) throw errno_error("cannot write " + partial.string());
  }
  std::error_code error;
  fs::rename(partial, file, error);
  if (error) throw Error("cannot rename " + partial.string() + ": " + error.message());
}

}  // namespace prot::supervisor

#include "tests/support/postgres.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/subprocess.hpp"

namespace prot::test {
namespace {

namespace fs = std::filesystem;

/// Those that PROT_TEST_POSTGRES names, or the newest installed version's; empty: none.
std::string program_folder() {
  if (const char* wanted = std::getenv("PROT_TEST_POSTGRES"); wanted != nullptr) return wanted;
  std::string newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error))
    if (fs::exists(entry.path() / "bin" / "initdb") && entry.path().string() > newest)
      newest = entry.path().string();
  return newest.empty() ? newest : newest + "/bin";
}

/// The program itself: what Debian has in the PATH is a script that looks for it, and takes ten times as
/// long.
std::string client(const std::string& name) {
  const std::string path = program_folder() + "/" + name;
  return fs::exists(path) ? path : name;
}

/// PostgreSQL refuses root: somebody else then runs it.
const passwd* server_user() {
  for (const char* name : {"prot", "postgres", "nobody"})
    if (const passwd* user = ::getpwnam(name); user != nullptr) return user;
  return nullptr;
}

/// argv with the change of user in front of it, when that is needed.
std::vector<std::string> as_server_user(std::vector<std::string> argv) {
  if (::geteuid() != 0) return argv;
  const passwd* user = server_user();
  std::vector<std::string> whole{"setpriv", "--reuid=" + std::to_string(user->pw_uid),
                                 "--regid=" + std::to_string(user->pw_gid), "--clear-groups",
                                 "--pdeathsig=INT"};
  whole.insert(whole.end(), argv.begin(), argv.end());
  return whole;
}

}  // namespace

bool PrivatePostgres::installed() {
  return !program_folder().empty() && (::geteuid() != 0 || server_user() != nullptr);
}

PrivatePostgres::PrivatePostgres() : cluster_((folder_.path() / "cluster").string()) {
  if (::geteuid() == 0 && ::chown(folder_.path().c_str(), server_user()->pw_uid, server_user()->pw_gid) != 0)
    throw errno_error("cannot give away " + folder_.path().string());
  const std::string bin = program_folder();
  const SubprocessResult made =
      run_subprocess(as_server_user({bin + "/initdb", "-D", cluster_, "-E", "UTF8", "--locale=C.UTF-8", "-U",
                                     "prot", "-A", "trust", "-N"}));
  if (made.exit_code != 0) throw Error("initdb failed: " + made.output);
  const SubprocessResult created =
      run_subprocess(as_server_user({bin + "/postgres", "--single", "-F", "-D", cluster_, "postgres"}),
                     "CREATE DATABASE prot\n");
  if (created.exit_code != 0) throw Error("cannot create the database: " + created.output);
}

PrivatePostgres::~PrivatePostgres() { end(SIGINT); }

// Without fsync: what a killed process wrote the kernel still has; only a power cut would tell.
void PrivatePostgres::start() {
  std::vector<std::string> argv =
      as_server_user({program_folder() + "/postgres", "-D", cluster_, "-k", folder_.path().string(), "-c",
                      "listen_addresses=", "-c", "shared_buffers=8MB", "-c", "max_connections=8", "-c",
                      "fsync=off", "-c", "unix_socket_permissions=0777"});
  std::vector<char*> pointers;
  for (std::string& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  if (::geteuid() == 0) ::chmod(folder_.path().c_str(), 0755);
  pid_ = ::fork();
  if (pid_ < 0) throw errno_error("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGINT);  // a change of user clears it: setpriv sets it again
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {0, 1, 2}) ::dup2(null, fd);
    ::execvp(pointers[0], pointers.data());
    ::_exit(127);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (
      run_subprocess({client("pg_isready"), "-q", "-h", folder_.path().string(), "-U", "prot"}).exit_code !=
      0) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw Error("the private PostgreSQL ended at once");
    }
    if (std::chrono::steady_clock::now() > deadline) throw Error("the private PostgreSQL does not answer");
  }
}

void PrivatePostgres::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  go_on();
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PrivatePostgres::stop() { end(SIGINT); }

void PrivatePostgres::kill_hard() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGSTOP);  // nothing may tidy up between two of the kills
  signal_all(SIGKILL);
  end(SIGKILL);
}

void PrivatePostgres::signal_all(int signal) {
  const std::string task = "/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children";
  std::ifstream children(task);
  for (pid_t child = 0; children >> child;) ::kill(child, signal);
}

void PrivatePostgres::hang() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGSTOP);  // it may not make others meanwhile
  signal_all(SIGSTOP);
}

void PrivatePostgres::go_on() {
  if (pid_ <= 0) return;
  signal_all(SIGCONT);
  ::kill(pid_, SIGCONT);
}

std::string PrivatePostgres::conninfo() const {
  return "host='" + folder_.path().string() + "' dbname=prot user=prot connect_timeout=3";
}

std::string PrivatePostgres::query(const std::string& sql) const {
  const SubprocessResult result = run_subprocess(
      {client("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfo(), "-c", sql});
  if (result.exit_code != 0) throw Error("psql failed: " + sql);
  std::string output = result.output;
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

std::string PrivatePostgres::dump() const {
  // "pg_dump (PostgreSQL) 15.3"; it reads no newer server than itself.
  const std::string own = run_subprocess({client("pg_dump"), "--version"}).output;
  const int newest = std::atoi(own.c_str() + own.rfind(' ') + 1);
  if (std::stoi(query("SHOW server_version_num")) / 10'000 <= newest) {
    const SubprocessResult result = run_subprocess({client("pg_dump"), "-d", conninfo()});
    if (result.exit_code != 0) throw Error("pg_dump failed: " + result.output);
    return result.output;
  }
  std::istringstream tables(
      query("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"));
  std::string rows;
  for (std::string table; std::getline(tables, table);) rows += query("COPY " + table + " TO STDOUT") + "\n";
  return rows;
}

}  // namespace prot::test
